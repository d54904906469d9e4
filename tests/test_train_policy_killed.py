"""kill -9 in the middle of everything that a step does: the parameters in the end are those of a run left alone."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from acecoder_jax.training.metrics import read_metrics
from tests.made_records import assert_same_params, folder_of, question, without_times

ROOT = Path(__file__).resolve().parents[1]
STEPS = 10


@pytest.fixture(scope="module")
def settings(tiny_model, tmp_path_factory):
    """Ten steps of 3 prompts x 4 samples, two updates a step, a checkpoint every other step."""
    root = tmp_path_factory.mktemp("killed")
    questions = [question(f"made/q{i}") for i in range(7)] + [question("made/v", "validation")]
    values = {
        "model": str(tiny_model.folder),
        "questions": folder_of(root / "questions", questions),
        "steps": STEPS,
        "prompts_per_step": 3,
        "prompts_per_update": 2,
        "samples": 4,
        "row_length": 96,
        "eval_every": 4,
        "eval_samples": 2,
        "checkpoint_every": 2,
        "algorithm": {"reference_every": 3},
        "remat": "none",
        "sampling": {"max_prompt_tokens": 64, "max_new_tokens": 8, "slots": 4},
        "optimizer": {"learning_rate": 2e-3},
    }
    (root / "settings.json").write_text(json.dumps(values))
    return root


def lives(settings, name, *points):
    """What happened to each process of a run; see tests/killed_runs.py."""
    command = [sys.executable, "tests/killed_runs.py", settings / "settings.json", settings / name, *points]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    limit = 300 + 300 * len(points)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=limit)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"point"')]
    assert [line["point"] for line in lines] == list(points), done.stderr[-3000:]
    return lines


@pytest.fixture(scope="module")
def alone(settings):
    (life,) = lives(settings, "alone", "end")
    assert life["code"] == 0 and life["signal"] == 0
    return settings / "alone"


def check(settings, alone, name, points):
    found = lives(settings, name, *points, "end")
    assert [life["signal"] for life in found[:-1]] == [signal.SIGKILL] * len(points), found
    assert found[-1]["code"] == 0 and found[-1]["signal"] == 0, found
    assert_same_params(settings / name, alone)
    assert without_times(read_metrics(settings / name)) == without_times(read_metrics(alone))
    for file in ("rollouts.jsonl", "results.json"):
        assert (settings / name / file).read_bytes() == (alone / file).read_bytes()
    return found


def test_killed_in_the_rollout_the_update_and_the_act_of_saving(settings, alone):
    """Twelve completions and three microbatches a step; checkpoints are written while the next step goes on."""
    # The second one dies while step 6 is being saved: the reference of step 3 is still needed.
    found = check(settings, alone, "few", ["rollout:60", "rename:1", "update:14"])
    assert 0 < max(found[1]["saved"]) < STEPS, "the later lives began in the middle"


@pytest.mark.slow
def test_killed_at_random_points(settings, alone):
    draw = random.Random(7)
    points = [
        *(f"rollout:{draw.randint(1, 60)}" for _ in range(4)),
        *(f"scoring:{draw.randint(1, 50)}" for _ in range(3)),
        *(f"update:{draw.randint(1, 12)}" for _ in range(4)),
        *(f"save:{draw.randint(0, 150)}" for _ in range(4)),
        *(f"rename:{number}" for number in (1, 2)),
    ]
    draw.shuffle(points)
    for number in range(0, len(points), 2):  # two deaths a run: each run has ten steps only
        check(settings, alone, f"random_{number}", points[number : number + 2])
