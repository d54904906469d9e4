"""The benchmarks count what is there, and refuse what they cannot measure."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from acecoder_jax import bench, convert
from acecoder_jax.data.records import PreferencePair
from acecoder_jax.training import bench_reward
from tests.made_records import config_of, folder_of, question
from tests.user_errors import user_error

ROOT = Path(__file__).parent.parent


def test_it_counts_real_tokens_and_padding(tmp_path):
    pairs = [
        PreferencePair(f"q{i}", f"q{i}#0", f"q{i}#1", (3,) * 10, (4,) * 20, (5,) * 31, 1.0, 0.2)
        for i in range(6)
    ]
    settings = {"name": "pipeline", "batch_pairs": 2, "row_length": 128, "rows_per_microbatch": 1}
    made = folder_of(tmp_path / "pairs", pairs)
    counts = bench.run(config_of(bench, settings | {"pairs": made}), tmp_path / "out")
    assert (counts["pairs"], counts["steps"]) == (6, 3)
    assert counts["real_tokens"] == 6 * (10 + 21 + 32), "both sides get an end"
    assert counts["padding_share"] == pytest.approx(1 - 126 / 128)
    assert counts["real_tokens_per_core_s"] * counts["cpu_s"] == pytest.approx(counts["real_tokens"])


def test_the_rate_is_compared_with_what_the_shipped_runs_take_in(tmp_path):
    """By hand: 8 passes (remat) of 2 operations a weight and 4 x layers x width x context of attention, a token."""
    counts = bench.run(config_of(bench, {"name": "pipeline", "made_pairs": 64}), tmp_path / "out")
    layers, width, context = 28, 28 * 128, 4096
    weights = layers * (3584 * 128 * (2 * 28 + 2 * 4) + 3 * 3584 * 18944)
    flops = 4 * (2 * weights + 4 * layers * width * context)
    assert counts["fastest_run"] == "qwen2_5_coder_7b on v6e:4x4"
    assert counts["fastest_run_tokens_per_s"] == pytest.approx(8 * 918e12 / flops, rel=1e-3)
    for rate, times in (("tokens_per_s", "run"), ("tokens_per_core_s", "run_per_core")):
        expected = counts[f"real_{rate}"] / counts["fastest_run_tokens_per_s"]
        assert counts[f"times_the_fastest_{times}"] == pytest.approx(expected)


def test_prompts_of_records_and_of_tfds_are_the_same_questions(tmp_path):
    made = folder_of(tmp_path / "questions", [question(f"q{i}", tests=3 + i) for i in range(5)])
    convert.run(config_of(convert, {"source": made, "form": "tfds"}), tmp_path / "tfds")
    for name in ("questions", "tfds"):
        settings = {"name": "prompts", "questions": str(tmp_path / name), "prompts_per_step": 2}
        counts = bench.run(config_of(bench, settings), tmp_path / f"out_{name}")
        assert (counts["questions"], counts["tests"]) == (5, 3 + 4 + 5 + 6 + 7)
        assert (counts["steps"], counts["prompts"]) == (3, 6), "the last step begins the next epoch"


def test_prompts_need_questions(tmp_path):
    user_error(lambda: bench.run(config_of(bench, {"name": "prompts"}), tmp_path / "a"), "config.questions")
    empty = str(tmp_path / "none")
    config = config_of(bench, {"name": "prompts", "questions": empty})
    user_error(lambda: bench.run(config, tmp_path / "b"), empty, "no such folder")


def test_a_folder_without_training_configs_is_refused(tmp_path):
    config = config_of(bench, {"name": "pipeline", "made_pairs": 8, "runs": str(tmp_path / "none")})
    user_error(lambda: bench.run(config, tmp_path / "out"), "config.runs", "none", "configs/train_reward")


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_memory_stays_flat_over_an_epoch(tmp_path, workers):
    """Less is added than a fifth of what the rest of the epoch's batches would take if they were kept.

    In a process of its own: what the tests before this one left behind comes and goes by as much.
    """
    made = f"--config.made_pairs=4000 --config.batch_pairs=32 --config.workers={workers}".split()
    command = [
        sys.executable,
        "-m",
        "acecoder_jax",
        "bench",
        "pipeline",
        *made,
        f"--workdir={tmp_path / 'out'}",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    counts = json.loads((tmp_path / "out" / "results.json").read_text())
    rest_mb = 0.75 * counts["real_tokens"] * 5 * 4 / 2**20
    assert rest_mb > 20
    assert counts["memory_mb_at_the_end"] - counts["memory_mb_after_a_quarter"] < rest_mb / 5


def test_time_that_the_device_waits_for_programs_that_never_end(tiny_model, tmp_path):
    """Tiny, and honest: the sandbox is real, and as many programs run out of time as were told to."""
    settings = {
        "model": str(tiny_model.folder),
        "mode": "synchronous",
        "steps": 2,
        "prompts_per_step": 2,
        "samples": 4,
        "prompts_per_update": 2,
        "row_length": 128,
        "rows_per_microbatch": 8,
        "dtype": "float32",
        "max_new_tokens": 8,
        "slots": 4,
        "sandbox": {"workers": 1, "test_cpu_s": 0.5, "program_cpu_s": 0.5},
    }
    config = config_of(bench, {"name": "train_policy", "looping": 0.4, "train_policy": settings})
    counts = bench.run(config, tmp_path / "out")
    assert counts["steps"] == 1 and counts["programs_per_step"] == 8
    assert counts["timeouts"] == 3, "two of every five; the first eight were in the step that is not timed"
    assert counts["looping_share"] == 3 / 8
    assert counts["exposed_reward_s"] > 0.3, "a looping program takes its half second of CPU time"
    assert 0 < counts["exposed_reward_share"] < 1
    parts = counts["decode_s"] + counts["update_s"] + counts["exposed_reward_s"]
    assert parts <= counts["step_s"]
    settings |= {"mode": "one_step_ahead"}
    config = config_of(bench, {"name": "train_policy", "looping": 0.4, "train_policy": settings})
    user_error(lambda: bench.run(config, tmp_path / "few"), "config.train_policy.steps", "3 or more")


def test_a_benchmark_that_needs_a_model_says_so(tmp_path):
    config = config_of(bench, {"name": "train_policy"})
    user_error(lambda: bench.run(config, tmp_path / "out"), "config.train_policy.model", "acecoder import")


def test_unknown_benchmarks_are_refused(tmp_path):
    user_error(lambda: bench.run(config_of(bench, {"name": "sandbox"}), tmp_path), "'sandbox'", "pipeline")


def short_pairs(count):
    """Prompts of 10 tokens, completions of 4 to 8."""
    draw = np.random.default_rng(0)

    def ids(length):
        return tuple(draw.integers(3, 300, length).tolist())

    return [
        PreferencePair(f"q{i}", f"q{i}#0", f"q{i}#1", ids(10), ids(4 + i % 5), ids(8 - i % 3), 1.0, 0.2)
        for i in range(count)
    ]


def test_the_reward_step_beside_trl(tiny_model, tmp_path):
    """Tiny sizes, in this process: every row takes the same pairs and counts what is there."""
    made = folder_of(tmp_path / "pairs", short_pairs(12))
    config = bench.default_config().train_reward
    spec = config.to_dict() | {"pairs": made, "seed": 0, "hf_folder": str(tmp_path / "hf")}
    spec |= {"model": str(tiny_model.folder), "batch_pairs": 4, "steps": 1, "row_length": 128}
    bench_reward._write_hf_folder(spec["model"], tmp_path / "hf")
    rows = {
        "trl": bench_reward._trl(spec, "float32"),
        "packed": bench_reward._ours(spec, "float32", share=False),
        "shared prompts": bench_reward._ours(spec, "float32", share=True),
    }
    (counted,) = bench_reward.batches(spec)[1:]
    sides = [ids for p in counted for ids in (p.chosen_ids, p.rejected_ids)]
    for row in rows.values():
        tokens = row["real_tokens_per_s"] / row["pairs_per_s"] * 4
        assert tokens == pytest.approx(sum(map(len, sides)) + 8 * (10 + 1))
        assert row["peak_memory_gib"] > 0 and 0 <= row["padding_share"] < 1
    assert rows["packed"]["last_loss"] == pytest.approx(rows["shared prompts"]["last_loss"], rel=1e-4)
    ratios = bench_reward._ratios(rows)
    assert (
        ratios["packed: times trl's pairs_per_s"]
        == rows["packed"]["pairs_per_s"] / rows["trl"]["pairs_per_s"]
    )


@pytest.mark.timeout(300)
def test_every_row_of_the_reward_bench_has_a_process_of_its_own(tiny_model, tmp_path):
    rows = {
        "batch_pairs": 4,
        "steps": 1,
        "longest": 64,
        "row_length": 128,
        "model": str(tiny_model.folder),
        "rows": ("packed",),
    }
    made = folder_of(tmp_path / "pairs", short_pairs(12))
    settings = {"name": "train_reward", "pairs": made, "train_reward": rows}
    counts = bench.run(config_of(bench, settings), tmp_path / "out")
    assert counts["packed: pairs_per_s"] > 0 and counts["packed: peak_memory_gib"] > 0.1

    def refused(*words, **changes):
        bad = config_of(bench, settings | {"train_reward": rows | changes})
        user_error(lambda: bench.run(bad, tmp_path / "-".join(changes)), *words)

    refused("'theirs'", "shared prompts", rows=("theirs",))
    refused("20 are needed", "config.train_reward.steps", steps=4)
    refused("config.train_reward.row_length", "give 128 or more", row_length=127)


def test_pairs_of_another_tokenizer_are_refused(tiny_model, tmp_path):
    pairs = [PreferencePair("q", "q#0", "q#1", (1,), (400 + i,), (5,), 1.0, 0.2) for i in range(4)]
    settings = {"name": "train_reward", "pairs": folder_of(tmp_path / "pairs", pairs)}
    settings["train_reward"] = {
        "model": str(tiny_model.folder),
        "batch_pairs": 2,
        "steps": 1,
        "rows": ("packed",),
    }
    user_error(
        lambda: bench.run(config_of(bench, settings), tmp_path / "out"), "token ids", tiny_model.folder
    )
