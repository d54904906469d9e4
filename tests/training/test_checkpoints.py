"""Checkpoints: exact, kept by the policies, whole whatever happens during a save, and good for another mesh."""

import json
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest
from flax import nnx

from acecoder_jax.data.pipelines import Batches, GlobalOrder, pair_batches
from acecoder_jax.errors import UserError
from acecoder_jax.training import checkpoints
from acecoder_jax.training.checkpoints import Checkpoints, check_folder, checkpoint_config, remove_left
from acecoder_jax.training.mesh import make_mesh
from tests.made_records import made_pairs
from tests.training.test_trainer import batch_of, leaves_of, new_trainer, split
from tests.user_errors import user_error


def seeds():
    """An endless stream of numbers, as a stage's data iterator."""
    return Batches(GlobalOrder(100, 1, seed=3, whole_epochs=False), lambda numbers: numbers[0], 100)


def update(trainer, data):
    return trainer.update(split(batch_of(next(data)), 2))


def saved(folder):
    return sorted(int(path.name) for path in (folder / "checkpoints").iterdir())


def test_a_resumed_run_is_bit_for_bit_the_uninterrupted_one(one_device, tmp_path):
    trainer, data = new_trainer(one_device), seeds()
    straight = [update(trainer, data) for _ in range(4)]

    first, data = new_trainer(one_device), seeds()
    checkpoints = Checkpoints(tmp_path, first, {"seed": 3})
    assert checkpoints.restore(data) is None
    broken = [update(first, data) for _ in range(2)]
    checkpoints.save(7, data, {"best": 0.25, "seen": ["a", "b"]})
    update(first, data)  # lost, and it runs while the save is written: the run dies before the next one
    checkpoints.close()
    assert json.loads((tmp_path / "checkpoints" / "7" / "config" / "metadata").read_text()) == {"seed": 3}

    second, data = new_trainer(one_device), seeds()
    checkpoints = Checkpoints(tmp_path, second, {"seed": 3})
    assert checkpoints.restore(data) == {"step": 7, "updates": 2, "best": 0.25, "seen": ["a", "b"]}
    assert second.step == 2
    broken += [update(second, data) for _ in range(2)]
    checkpoints.close()
    assert broken == straight
    for left, right in zip(leaves_of(trainer), leaves_of(second), strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_checkpoint_is_restored_onto_another_mesh(one_device, tmp_path):
    trainer = new_trainer(one_device)
    trainer.update([batch_of(0)])
    with Checkpoints(tmp_path, trainer) as checkpoints:
        checkpoints.save(1, seeds())
    other = new_trainer(make_mesh(data=2, fsdp=2, tensor=2))
    with Checkpoints(tmp_path, other) as checkpoints:
        checkpoints.restore(seeds())
    for left, right in zip(leaves_of(trainer), leaves_of(other), strict=True):
        np.testing.assert_array_equal(left, right)
    assert not nnx.to_pure_dict(other.params)["embedding"].sharding.is_fully_replicated
    for step in (1, 2):
        both = [t.update([batch_of(step)]) for t in (trainer, other)]
        assert both[0] == pytest.approx(both[1], rel=1e-4)


def rows_of_hosts(hosts, seed=3):
    """The iterators of all hosts over the same pairs."""
    settings = {"eos_id": 2, "batch_pairs": 8, "epochs": 2, "row_length": 64, "rows": 4, "seed": seed}
    pairs = made_pairs(30)
    shares = (
        [range(host * 4 // hosts, (host + 1) * 4 // hosts) for host in range(hosts)] if hosts > 1 else [None]
    )
    return [pair_batches(pairs, range(30), **settings, mine=mine) for mine in shares]


def joined(batches):
    """What all hosts together take in the next step: each has the tokens of its own rows, and all else."""
    steps = [next(iterator) for iterator in batches]
    return [
        parts[0] | {"tokens": sum(part["tokens"] for part in parts)} for parts in zip(*steps, strict=True)
    ]


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 4), (4, 1)])
def test_a_run_goes_on_with_another_number_of_hosts_in_the_same_global_order(
    one_device, tmp_path, before, after
):
    saved, (straight,) = rows_of_hosts(before), rows_of_hosts(1)
    for _ in range(3):
        joined(saved), next(straight)
    with Checkpoints(tmp_path, new_trainer(one_device)) as checkpoints:
        checkpoints.save(3, saved[0])  # every host's position is the same, and one is written
    with Checkpoints(tmp_path, new_trainer(one_device)) as checkpoints:
        resumed = rows_of_hosts(after)
        for host in resumed:
            checkpoints.restore(host)
        for _ in range(resumed[0].steps - 3):
            for left, right in zip(joined(resumed), joined([straight]), strict=True):
                assert all((left[k] == right[k]).all() for k in right)
        user_error(lambda: checkpoints.restore(rows_of_hosts(after, seed=4)[0]), "another order", "--workdir")


@pytest.mark.parametrize(("every", "left"), [(0, [4, 5]), (2, [2, 4, 5]), (3, [3, 4, 5])])
def test_the_last_ones_are_kept_and_every_so_many_steps(one_device, tmp_path, every, left):
    trainer = new_trainer(one_device)
    with Checkpoints(tmp_path, trainer, keep_last=2, keep_every=every) as checkpoints:
        for step in range(1, 6):
            checkpoints.save(step, seeds())
    assert saved(tmp_path) == left
    checkpoints.remove()
    assert (tmp_path / "checkpoints").exists() == bool(every), "what was kept for good stays"


def test_they_may_lie_elsewhere(one_device, tmp_path):
    trainer = new_trainer(one_device)
    with Checkpoints(tmp_path / "run", trainer, folder=str(tmp_path / "far" / "away")) as checkpoints:
        checkpoints.save(1, seeds())
    assert (tmp_path / "far" / "away" / "1").is_dir() and not (tmp_path / "run").exists()
    checkpoints.remove()
    assert not (tmp_path / "far" / "away" / "1").exists()


def test_of_a_folder_that_others_may_use_a_run_removes_its_own(one_device, tmp_path):
    folder, trainer = tmp_path / "shared", new_trainer(one_device)
    (folder / "2024").mkdir(parents=True)
    (folder / "2024" / "thesis.tex").write_text("ten years of work")

    def config(seed):
        return {"seed": seed, "checkpoints": checkpoint_config().to_dict() | {"folder": str(folder)}}

    def left(step, seed):
        """Saved by a run that was killed before it could remove it."""
        with Checkpoints(tmp_path / "run", trainer, config(seed), folder=str(folder), keep_last=9) as opened:
            opened.save(step, seeds())
        return opened

    one, other = left(1, seed=1), left(2, seed=2)
    one.remove()
    assert {path.name for path in folder.iterdir()} == {"2", "2024"}
    remove_left(tmp_path / "run", config(seed=1))
    assert {path.name for path in folder.iterdir()} == {"2", "2024"}
    remove_left(tmp_path / "run", config(seed=2))
    assert {path.name for path in folder.iterdir()} == {"2024"}
    other.remove()
    assert (folder / "2024" / "thesis.tex").exists()


def test_what_is_left_of_a_finished_run_is_removed_as_it_would_have_been(one_device, tmp_path):
    config = {"checkpoints": checkpoint_config().to_dict()}
    remove_left(tmp_path, config)  # nothing is, as a rule
    with Checkpoints(tmp_path, new_trainer(one_device), config) as checkpoints:
        checkpoints.save(1, seeds())
    kept = config["checkpoints"] | {"keep_every": 1}
    remove_left(tmp_path, {"checkpoints": kept})
    assert saved(tmp_path) == [1]
    shutil.rmtree(tmp_path / "checkpoints" / "1" / "config")  # killed again while it removed
    remove_left(tmp_path, config)
    assert not (tmp_path / "checkpoints").exists()
    remove_left(tmp_path, {"checkpoints": config["checkpoints"] | {"folder": "gs://bucket/run"}})


def test_those_of_a_run_with_other_settings_are_refused(one_device, tmp_path):
    def config(rate, **changes):
        return {
            "model": "m",
            "optimizer": {"rate": rate, "betas": (0.9, 0.99)},
            "mesh": {"data": 2},
        } | changes

    folder, trainer = tmp_path / "shared", new_trainer(one_device)
    with Checkpoints(tmp_path / "a", trainer, config(1e-3), folder=str(folder)) as checkpoints:
        checkpoints.save(1, seeds())

    def restored(config, trainer=trainer):
        with Checkpoints(tmp_path / "b", trainer, config, folder=str(folder)) as checkpoints:
            return checkpoints.restore(seeds())

    user_error(
        lambda: restored(config(1e-5)),
        *(folder, "config.optimizer.rate was 0.001 and is now 1e-05", "config.checkpoints.folder of its own"),
    )
    user_error(lambda: restored(config(1e-3, lora=4)), "config.lora was None and is now 4")
    other = config(1e-3, mesh={"data": 4}, checkpoints={"folder": "there"})
    assert restored(other)["step"] == 1, "where it goes on may be another place"


def test_what_a_killed_save_left_behind_is_removed(one_device, tmp_path):
    trainer = new_trainer(one_device)
    with Checkpoints(tmp_path, trainer) as checkpoints:
        checkpoints.save(1, seeds())
    left = tmp_path / "checkpoints" / "2.orbax-checkpoint-tmp"
    shutil.copytree(tmp_path / "checkpoints" / "1", left)
    with Checkpoints(tmp_path, trainer) as checkpoints:
        assert checkpoints.restore(seeds())["step"] == 1
    assert not left.exists()


def test_bad_settings_are_refused_before_training(one_device, tmp_path, monkeypatch):
    trainer = new_trainer(one_device)
    user_error(lambda: Checkpoints(tmp_path, trainer, keep_last=0), "keep_last", "at least 1")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100_000))
    user_error(lambda: Checkpoints(tmp_path, trainer), tmp_path, "not enough disk", "checkpoints")


def test_a_resumed_run_needs_no_room_for_what_it_has_saved(one_device, tmp_path, monkeypatch):
    trainer = new_trainer(one_device)
    with Checkpoints(tmp_path, trainer, keep_last=2) as checkpoints:
        for step in (1, 2):
            checkpoints.save(step, seeds())
    files = [path for path in (tmp_path / "checkpoints").rglob("*") if path.is_file()]
    held = sum(path.stat().st_size for path in files)
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(trainer.state))
    usage = shutil.disk_usage(tmp_path)

    def open_with(free, **settings):
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free))
        Checkpoints(tmp_path, trainer, keep_last=2, **settings).close()

    free = 3 * size - held  # what is left of a disk that was just large enough
    open_with(free)
    user_error(lambda: open_with(free - 1), "not enough disk")
    user_error(lambda: open_with(free, keep_every=2), "not enough disk")  # one of the two goes nowhere
    open_with(free + held, keep_every=1)


def test_a_bucket_that_nothing_can_open_is_one_line(one_device, tmp_path, monkeypatch):
    """Without gcsfs etils has an ImportError, when the model is long loaded."""
    monkeypatch.setattr(checkpoints, "find_spec", lambda name: None)
    for action in (
        lambda: check_folder("gs://bucket/run"),
        lambda: Checkpoints(tmp_path, new_trainer(one_device), folder="gs://bucket/run"),
    ):
        user_error(action, "config.checkpoints.folder: 'gs://bucket/run'", "gcsfs", "`tpu`", "a local folder")
    for folder in (None, str(tmp_path), "gs"):
        check_folder(folder)
    monkeypatch.setattr(checkpoints, "find_spec", lambda name: name == "gcsfs" or None)
    check_folder("gs://bucket/run")


# A file system that takes no more than so many bytes a file stands in for a full one: the writers meet a real error.
FULL = """
import resource, sys
from pathlib import Path
from jax.sharding import Mesh
import jax, numpy as np
from acecoder_jax.errors import UserError
from acecoder_jax.training.checkpoints import Checkpoints
from acecoder_jax.training.mesh import AXES
from tests.training.test_checkpoints import seeds
from tests.made_records import made_pairs
from tests.training.test_trainer import new_trainer

folder, mesh = Path(sys.argv[1]), Mesh(np.array(jax.devices()[:1]).reshape(1, 1, 1), AXES)
trainer, data = new_trainer(mesh), seeds()
checkpoints = Checkpoints(folder, trainer)
checkpoints.save(1, data)
checkpoints._manager.wait_until_finished()
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
try:
    with checkpoints:
        checkpoints.save(2, data)
        checkpoints.close()
except UserError as error:
    print("one line:", error)
"""


@pytest.mark.timeout(180)
def test_a_disk_that_fills_up_during_a_save_loses_nothing(one_device, tmp_path):
    command = [sys.executable, "-c", FULL, str(tmp_path / "run")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=150)
    assert result.returncode == 0, result.stderr
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("one line:")]
    assert "File too large" in line and "the last checkpoint is whole" in line
    assert "ERROR:absl" not in result.stderr
    with Checkpoints(tmp_path / "run", new_trainer(one_device)) as checkpoints:  # there is room again
        assert checkpoints.restore(seeds())["step"] == 1
        checkpoints.save(2, seeds())
    assert saved(tmp_path / "run") == [2]


def test_other_errors_keep_their_traceback(one_device, tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path, new_trainer(one_device))

    def broken(*_, **__):
        raise RuntimeError("a bug")

    monkeypatch.setattr(checkpoints._manager, "save", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        checkpoints.save(1, seeds())
    monkeypatch.setattr(
        checkpoints._manager, "save", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "full"))
    )
    with pytest.raises(UserError, match="cannot save step 1"):
        checkpoints.save(1, seeds())
    checkpoints.close()
    assert jax.process_count() == 1
