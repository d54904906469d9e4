"""One program on several hosts: local processes of a few CPU devices each, against one process of all of them.

Losses are the same within rounding, a checkpoint goes from any number of processes to any other, and a notice to one
of them stops them all at the same step. Every run is killed when it takes too long.
"""

import json
import signal
import socket

import jax
import numpy as np
import pytest

from acecoder_jax.models.folders import load_model
from acecoder_jax.training.metrics import read_metrics
from tests.forked import Forks
from tests.made_records import folder_of, mtimes, question, verdict, without_times
from tests.test_killed_training import PAIRS, SETTINGS, after
from tests.test_sft import ANSWERS, QUESTIONS

DEVICES = 4
STEPS = 15
MARK = 198  # the token that a completion passes with
POLICY = {
    "steps": 3,
    "prompts_per_step": 3,
    "prompts_per_update": 2,
    "samples": 4,
    "row_length": 96,
    "rows_per_microbatch": 4,
    "eval_every": 2,
    "eval_samples": 2,
    "checkpoint_every": 2,
    "export_every": 2,
    "rollouts_logged": 3,
    "algorithm.reference_every": 2,
    "remat": "none",
    "sampling.max_prompt_tokens": 64,
    "sampling.max_new_tokens": 8,
    "sampling.slots": 4,
    "optimizer.learning_rate": 1e-3,
    "mesh.data": 2,
    "mesh.fsdp": 2,
    "tensorboard": False,
}


@pytest.fixture(scope="module")
def forks(tmp_path_factory):
    made = Forks(tmp_path_factory.mktemp("hosts"), limit_s=500, mark=MARK)
    yield made
    made.close()


@pytest.fixture(scope="module")
def arguments(tiny_model, tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    values = SETTINGS | {"model": tiny_model.folder, "pairs": folder_of(root / "pairs", PAIRS)}
    values |= {"mesh.data": 2, "mesh.fsdp": 2, "tensorboard": False}
    return ["train_reward", *(f"--config.{key}={value}" for key, value in values.items())]


def run(forks, arguments, out, processes, when=None):
    """The stage on `processes` hosts that share all devices; a SIGTERM to the last one when asked for."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    flags = {"XLA_FLAGS": f"--xla_force_host_platform_device_count={DEVICES // processes}"}
    about = {"JAX_COORDINATOR_ADDRESS": address, "JAX_NUM_PROCESSES": str(processes)}
    hosts = [flags | about | {"JAX_PROCESS_ID": str(n)} if processes > 1 else flags for n in range(processes)]
    commands = [[*arguments, f"--workdir={out}"]] * processes
    statuses = forks.run_together(commands, hosts, when, signal.SIGTERM)
    assert statuses == [0] * processes, forks.output()
    return [line for line in read_metrics(out) if "loss" in line or "policy/loss" in line]


@pytest.fixture(scope="module")
def whole(forks, arguments, tmp_path_factory):
    """One process with all devices, uninterrupted."""
    out = tmp_path_factory.mktemp("whole") / "run"
    return run(forks, arguments, out, 1), json.loads((out / "results.json").read_text())


def assert_params_are_near(left, right):
    """Within 1e-5, a hundredth of a step: where this was written they were equal bit for bit."""
    models = (load_model(folder) for folder in (left, right))
    for one, other in zip(*(jax.tree.leaves(model.params) for model in models), strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=1e-5, rtol=0)


def assert_same(lines, out, whole):
    assert [line["step"] for line in lines] == list(range(1, STEPS + 1))
    for line, expected in zip(lines, whole[0], strict=True):
        for key in ("loss", "margin", "grad_norm", "accuracy", "padding_share"):
            assert line[key] == pytest.approx(expected[key], rel=1e-3, abs=1e-5), (line["step"], key)
    results = json.loads((out / "results.json").read_text())
    assert results == pytest.approx(whole[1], rel=1e-3, abs=1e-5)


def handed_over(forks, arguments, whole, out, first, second):
    """Some processes until one of them gets a notice, then another number of them to the end."""
    lines = run(forks, arguments, out, first, after(out, 4))
    assert 3 <= len(lines) < STEPS and not (out / "manifest.json").exists()
    (saved,) = (path.name for path in (out / "checkpoints").iterdir())
    assert int(saved) == lines[-1]["step"], "all stopped and saved after the same step"
    assert_same(run(forks, arguments, out, second), out, whole)


@pytest.mark.timeout(900)
def test_two_processes_stop_together_and_one_goes_on_with_the_same_losses(forks, arguments, whole, tmp_path):
    handed_over(forks, arguments, whole, tmp_path / "run", 2, 1)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("first", "second"), [(1, 2), (4, 2), (2, 4)])
def test_a_checkpoint_goes_from_any_number_of_processes_to_any_other(
    forks, arguments, whole, tmp_path, first, second
):
    handed_over(forks, arguments, whole, tmp_path / "run", first, second)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_four_processes_are_one_program(forks, arguments, whole, tmp_path):
    out = tmp_path / "run"
    assert_same(run(forks, arguments, out, 4), out, whole)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_learn_a_policy_as_one_does(forks, tiny_model, tmp_path):
    """The same rollouts, rewards and updates; each decodes and grades half of the prompts."""
    questions = [question(f"made/q{n}") for n in range(5)] + [question("made/v", "validation")]
    values = POLICY | {"model": tiny_model.folder, "questions": folder_of(tmp_path / "questions", questions)}
    arguments = ["train_policy", *(f"--config.{key}={value}" for key, value in values.items())]
    one, two = tmp_path / "one", tmp_path / "two"
    expected, found = run(forks, arguments, one, 1), run(forks, arguments, two, 2)
    assert [line["step"] for line in found] == [1, 2, 3] and sum(line["policy/updates"] for line in found) > 3
    for line, other in zip(*map(without_times, (found, expected)), strict=True):
        assert line == pytest.approx(other, rel=1e-3, abs=1e-4), line["step"]
    assert json.loads((two / "results.json").read_text()) == json.loads((one / "results.json").read_text())
    rollouts = [(out / "rollouts.jsonl").read_text().splitlines() for out in (one, two)]
    assert [json.loads(line) for line in rollouts[0]] == [json.loads(line) for line in rollouts[1]]
    files = ({p.relative_to(out) for p in mtimes(out) if "params" not in p.parts} for out in (one, two))
    assert next(files) == next(files), "what one process writes, and nothing more"
    for folder in ("", "best"):
        assert_params_are_near(two / folder, one / folder)
    with pytest.raises(AssertionError):
        assert_params_are_near(two, tiny_model.folder)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_learn_from_programs_as_one_does(forks, tiny_model, tmp_path):
    verdicts = [verdict(answer, float(answer.id[-1] in "13")) for answer in ANSWERS]
    made = {"questions": QUESTIONS, "completions": ANSWERS, "verdicts": verdicts}
    values = {name: folder_of(tmp_path / name, records) for name, records in made.items()}
    values |= {"model": tiny_model.folder, "batch_completions": 4, "row_length": 32, "rows_per_microbatch": 4}
    values |= {"remat": "none", "mesh.data": 2, "mesh.fsdp": 2, "tensorboard": False}
    arguments = ["sft", *(f"--config.{key}={value}" for key, value in values.items())]
    one, two = tmp_path / "one", tmp_path / "two"
    expected, found = run(forks, arguments, one, 1), run(forks, arguments, two, 2)
    for line, other in zip(*map(without_times, (found, expected)), strict=True):
        assert line == pytest.approx(other, rel=1e-3, abs=1e-5), line["step"]
    results = [json.loads((out / "results.json").read_text()) for out in (one, two)]
    assert results[1] == pytest.approx(results[0], rel=1e-3) and results[0]["train_programs"] > 0
    assert_params_are_near(two, one)
