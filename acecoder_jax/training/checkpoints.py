"""A run's checkpoints: all that a killed run needs to go on as if nothing had happened, saved and restored as one.

A checkpoint holds the train state, the data iterator's position, small JSON facts (the step up to which metrics are
written among them) and the config. Random draws are made from the config's seed and the step, so these two are the
generator's state. Saving copies the arrays and writes behind the running steps; a name appears when all is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import jax
import orbax.checkpoint as ocp
from etils import epath
from ml_collections import ConfigDict, config_dict
from orbax.checkpoint.checkpoint_managers import AnyPreservationPolicy, EveryNSteps, LatestN

from acecoder_jax.data.folders import changed_settings, require_disk
from acecoder_jax.data.full_disk import full_disk
from acecoder_jax.errors import UserError
from acecoder_jax.training.processes import is_first
from acecoder_jax.training.trainer import Trainer

# Sections that say where a run goes on, and not what it computes: these may change between two sittings.
_WHERE = ("checkpoints", "mesh")


class Position(Protocol):
    """A data iterator whose state, the same on all hosts, is what JSON can say: `data.pipelines.Batches`."""

    def get_state(self) -> dict[str, Any]: ...

    def set_state(self, state: Mapping[str, Any]) -> None: ...


def checkpoint_config() -> ConfigDict:
    """The last `keep_last` are kept and every `keep_every`-th step's for good (0: none).

    `folder` is a local path or `gs://...`; without it they are in the workdir.
    """
    return ConfigDict({"keep_last": 1, "keep_every": 0, "folder": config_dict.placeholder(str)})


def check_folder(folder: str | None) -> None:
    """Refuse a bucket that nothing here can open; a stage asks before it loads a model.

    Raises:
      UserError: a package is missing.
    """
    # etils takes tensorflow where there is one, whoever installed it.
    if str(folder).startswith("gs://") and not any(map(find_spec, ("gcsfs", "tensorflow"))):
        raise UserError(
            f"config.checkpoints.folder: {folder!r} needs the package gcsfs; install it, or the extra `tpu`, which"
            " brings it, or name a local folder"
        )


class Checkpoints:
    """The checkpoints of one run, named by its steps."""

    def __init__(
        self,
        workdir: Path,
        trainer: Trainer,
        config: Mapping[str, Any] | None = None,
        keep_last: int = 1,
        keep_every: int = 0,
        folder: str | None = None,
    ):
        """Open them; what a killed save left behind is removed.

        Args:
          config: the run's, saved with each; one that was saved with another config is not restored.
          keep_last, keep_every, folder: see `checkpoint_config`.

        Raises:
          UserError: the disk cannot hold one checkpoint more than are kept, or one should be kept and none is, or see
            `check_folder`.
        """
        check_folder(folder)
        if keep_last < 1:
            raise UserError(f"config.checkpoints.keep_last: {keep_last}; keep at least 1 to continue from")
        self._trainer, self._config = trainer, json.loads(json.dumps(config or {}))
        self._keep_every, self._shared = keep_every, bool(folder)
        self._folder = _place(workdir, folder)
        if "://" not in str(folder):
            size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(trainer.state))
            needed = size * (keep_last + 1) - _replaced_bytes(Path(self._folder), keep_every)
            require_disk(Path(self._folder), needed, "checkpoints")
        kept = [LatestN(keep_last)] + ([EveryNSteps(keep_every)] if keep_every else [])
        options = ocp.CheckpointManagerOptions(
            preservation_policy=AnyPreservationPolicy(kept), cleanup_tmp_directories=True
        )
        self._manager = ocp.CheckpointManager(self._folder, options=options)

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.close()
        except UserError:
            if kind is None:  # otherwise a first error is on its way, and one line is enough
                raise

    def save(self, step: int, data: Position, facts: Mapping[str, Any] | None = None) -> None:
        """Save the trainer's state with the iterator's position and JSON facts, under the name `step`.

        Returns when the arrays are copied; they are written while training goes on.

        Raises:
          UserError: this save, or the one before, did not get through; the last whole checkpoint is still there.
        """
        about = {"step": step, "updates": self._trainer.step} | dict(facts or {})
        with self._one_line(f"cannot save step {step}"):
            self._manager.save(
                step,
                args=ocp.args.Composite(
                    state=ocp.args.StandardSave(self._trainer.state),
                    data=ocp.args.JsonSave(data.get_state()),
                    facts=ocp.args.JsonSave(about),
                    config=ocp.args.JsonSave(self._config),
                ),
                force=True,
            )

    def restore(self, data: Position) -> dict[str, Any] | None:
        """Bring trainer and iterator to the last checkpoint; returns its facts, or None when there is none.

        The mesh and the number of hosts may be others than those that saved it.

        Raises:
          UserError: it is of a run with another config, or the iterator takes its items in another order.
        """
        step = self._manager.latest_step()
        if step is None:
            return None
        self._refuse_if_of_another_run(step)
        target = jax.tree.map(ocp.utils.to_shape_dtype_struct, self._trainer.state)
        restored = self._manager.restore(
            step,
            args=ocp.args.Composite(
                state=ocp.args.StandardRestore(target),
                data=ocp.args.JsonRestore(),
                facts=ocp.args.JsonRestore(),
            ),
        )
        data.set_state(restored.data)
        self._trainer.load_state(restored.facts["updates"], restored.state)
        return restored.facts

    def _refuse_if_of_another_run(self, step: int) -> None:
        # First and alone: the state of another model would not even have this one's shape.
        saved = self._manager.restore(step, args=ocp.args.Composite(config=ocp.args.JsonRestore())).config
        changes = _changes(saved, self._config)
        if changes:
            raise UserError(
                f"{self._folder}: holds the checkpoints of a run with other settings: {changes}; give each run a"
                " config.checkpoints.folder of its own"
            )

    def close(self) -> None:
        """Wait until the last save is written.

        Raises:
          UserError: it did not get through.
        """
        with self._one_line("cannot save the last step"):
            self._manager.wait_until_finished()
            self._manager.close()

    def remove(self) -> None:
        """Drop the checkpoints of a finished run, unless some are kept for good: nothing will continue from them.

        Of a folder that the config names only those are dropped that this run saved.
        """
        if not self._keep_every and is_first():
            _remove(self._folder, self._config, self._shared)

    @contextmanager
    def _one_line(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            reason = full_disk(error)
            if reason is None:
                raise
            raise UserError(
                f"{self._folder}: {what} ({reason}); the last checkpoint is whole: free some space and run"
                " the same command again"
            ) from error


def remove_left(workdir: Path, config: Mapping[str, Any]) -> None:
    """Do what `Checkpoints.remove` does for a run that was killed when it had finished and not got there.

    A bucket is left alone: that a finished folder is finished can be seen without a network.

    Args:
      config: the run's.
    """
    keep_every, folder = config["checkpoints"]["keep_every"], config["checkpoints"]["folder"]
    if not keep_every and is_first() and "://" not in str(folder):
        _remove(_place(workdir, folder), json.loads(json.dumps(config)), bool(folder))


def _place(workdir: Path, folder: str | None) -> epath.Path:
    return epath.Path(folder) if folder else epath.Path((workdir / "checkpoints").resolve())


def _changes(saved: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What a checkpoint's config has otherwise, of what must not change."""
    before, after = ({k: v for k, v in config.items() if k not in _WHERE} for config in (saved, now))
    return changed_settings({"config": before}, {"config": after})


def _remove(folder: epath.Path, config: Mapping[str, Any], shared: bool) -> None:
    if not shared:
        folder.rmtree(missing_ok=True)
        return
    for about in folder.glob("*/config/metadata"):
        if about.parent.parent.name.isdigit() and not _changes(json.loads(about.read_text()), config):
            about.parent.parent.rmtree()


def _replaced_bytes(folder: Path, keep_every: int) -> int:
    """What a local folder holds that goes as new ones are saved: all but those kept for good, torn ones too."""
    names = [path for path in folder.glob("[0-9]*") if path.is_dir()]
    if keep_every:
        names = [path for path in names if not path.name.isdigit() or int(path.name) % keep_every]
    return sum(file.stat().st_size for path in names for file in path.rglob("*") if file.is_file())
