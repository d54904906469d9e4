"""Several hosts as one program: every host runs the same command, and only the first one writes what is shared.

On Cloud TPUs and under Slurm JAX finds the others by itself. Elsewhere three variables say it: JAX_COORDINATOR_ADDRESS
(HOST:PORT of the first one), JAX_NUM_PROCESSES, and JAX_PROCESS_ID, which alone differs. The workdir and the input
folders must be the same for all, on a shared file system. On one host nothing here does anything.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jax
from jax.experimental import multihost_utils

from acecoder_jax.data.folders import OutputFolder
from acecoder_jax.errors import UserError

_NAMES = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")


def start() -> None:
    """Join the other hosts, before anything else of jax; once, and not at all where there is one host.

    Raises:
      UserError: some of the three variables are missing or no numbers, or the others cannot be reached.
    """
    if jax.distributed.is_initialized():
        return
    values = [os.environ.get(name) for name in _NAMES]
    if any(values):
        if not all(values) or not (values[1].isdigit() and values[2].isdigit()):
            given = ", ".join(f"{name}={value}" for name, value in zip(_NAMES, values))
            raise UserError(f"{given}: several hosts need all three, the last two as numbers")
        _join(values[0], int(values[1]), int(values[2]))
    elif _on_cloud_tpu() or "SLURM_JOB_NUM_NODES" in os.environ:
        _join()


def is_first() -> bool:
    """Whether this process writes what is shared."""
    return jax.process_index() == 0


def wait(name: str) -> None:
    """Until every host is here."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(name)


def open_output(
    workdir: Path, stage: str, config: Mapping[str, Any], inputs: Iterable[str | Path] = ()
) -> OutputFolder:
    """A stage's output folder, made by the first host and seen by all.

    Raises:
      UserError: as `OutputFolder` does, on all hosts.
    """
    inputs = list(inputs)
    if not is_first():
        wait("folder")
        return OutputFolder(workdir, stage, config, inputs)
    try:
        return OutputFolder(workdir, stage, config, inputs)
    finally:
        wait("folder")


def _join(*arguments: Any) -> None:
    try:
        jax.distributed.initialize(*arguments)
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            f"jax.distributed: this host cannot join the others ({reason}); see that all hosts run the same command and"
            " reach the first one"
        ) from error


def _on_cloud_tpu() -> bool:
    """Whether this machine has TPUs that jax will use."""
    if os.environ.get("JAX_PLATFORMS", "tpu").split(",")[0] != "tpu" or not importlib.util.find_spec(
        "libtpu"
    ):
        return False
    return any(Path("/dev").glob("accel*")) or any(Path("/dev/vfio").glob("[0-9]*"))
