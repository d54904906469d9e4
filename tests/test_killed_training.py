"""Killed at any moment, the same command ends with the same bits: parameters and metric file.

`kill -9` leaves no time to clean up; moments are chosen over the whole run, among them during a save.
"""

import contextlib
import random
import signal
import time

import pytest

from acecoder_jax.data.folders import read_manifest
from acecoder_jax.data.records import PreferencePair
from tests.forked import Forks
from tests.made_records import assert_same_params, folder_of

# All of one length, so that there is one shape to compile; a rejected program lacks the mark.
PAIRS = [
    PreferencePair(
        f"q{i}", f"q{i}#0", f"q{i}#1", (1, 5 + i), (77, 6, 2 + i, 2), (9, 6, 2 + i, 2), 1.0, 0.2, split
    )
    for i, split in enumerate(["train"] * 48 + ["validation"] * 8)
]
SETTINGS = {
    "batch_pairs": 16,
    "epochs": 5,  # 15 steps
    "row_length": 64,
    "rows_per_microbatch": 8,
    "eval_every": 6,
    "checkpoint_every": 2,
    "remat": "none",
    "optimizer.learning_rate": 3e-3,
}


@pytest.fixture(scope="module")
def forks(tmp_path_factory):
    made = Forks(tmp_path_factory.mktemp("killed"), limit_s=120)
    yield made
    made.close()


@pytest.fixture(scope="module")
def arguments(tiny_model, tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    values = SETTINGS | {"model": tiny_model.folder, "pairs": folder_of(root / "pairs", PAIRS)}
    return ["train_reward", *(f"--config.{key}={value}" for key, value in values.items())]


@pytest.fixture(scope="module")
def whole(forks, arguments, tmp_path_factory):
    """The uninterrupted run."""
    out = tmp_path_factory.mktemp("whole") / "run"
    assert forks.run([*arguments, f"--workdir={out}"]) == 0, forks.output()
    return out


def after(out, lines, delay=0.0):
    """True a little after the metric file has so many lines."""
    seen = []

    def due():
        path = out / "metrics.jsonl"
        if not seen and path.is_file() and path.read_bytes().count(b"\n") >= lines:
            seen.append(time.monotonic())
        return bool(seen) and time.monotonic() >= seen[0] + delay

    return due


def during_a_save(out, after_step=0):
    """True while a checkpoint is being written."""

    def due():
        with contextlib.suppress(FileNotFoundError):  # the finished run has just removed the folder
            return any(
                ".orbax-checkpoint-tmp" in path.name and int(path.name.partition(".")[0]) > after_step
                for path in (out / "checkpoints").glob("*")
            )
        return False

    return due


def assert_same_run(out, whole):
    assert (out / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()
    assert (out / "results.json").read_bytes() == (whole / "results.json").read_bytes()
    assert_same_params(out, whole)
    assert read_manifest(out)["counts"] == read_manifest(whole)["counts"]


@pytest.mark.timeout(300)
def test_killed_during_a_save_and_preempted_it_ends_the_same(forks, arguments, whole, tmp_path):
    """A notice (SIGTERM) between two checkpoints is saved on, and ends well."""
    out = tmp_path / "run"
    command = [*arguments, f"--workdir={out}"]
    assert forks.run(command, during_a_save(out, after_step=4)) == -9, forks.output()
    lines = (out / "metrics.jsonl").read_bytes().count(b"\n")
    assert forks.run(command, after(out, lines + 1), signal.SIGTERM) == 0, forks.output()
    assert "saved and stopped; the same command continues it" in forks.output()
    assert not (out / "manifest.json").exists()
    assert forks.run(command) == 0, forks.output()
    assert_same_run(out, whole)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_twenty_random_moments_it_ends_the_same(forks, arguments, whole, tmp_path):
    """Two runs, each killed over and over until it is through; nothing is asked of the moments but their number."""
    draw, killed, saves = random.Random(0), 0, 0
    for number in range(40):
        out = tmp_path / f"run{number}"
        command = [*arguments, f"--workdir={out}"]
        while not (out / "manifest.json").exists():
            done = (
                (out / "metrics.jsonl").read_bytes().count(b"\n") if (out / "metrics.jsonl").exists() else 0
            )
            if draw.random() < 0.4:
                when = during_a_save(out)
            else:
                when = after(out, done + draw.randint(0, 4), draw.random() * 0.2)
            status = forks.run(command, when)
            assert status in (0, -9), forks.output()
            killed += status == -9
            saves += status == -9 and any(".orbax" in path.name for path in (out / "checkpoints").glob("*"))
        assert_same_run(out, whole)
        if killed >= 20 and saves >= 3:
            break
    assert killed >= 20 and saves >= 3, (killed, saves)
