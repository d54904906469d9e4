"""Metrics as JSON lines and TensorBoard events, one object a step: flushed, so readable while the run goes on.

What training computes goes to `metrics.jsonl`, which is the same, byte by byte, however often a run was killed. What
the clock and the machine decide (rates, seconds, memory, compilations) goes to `speed.jsonl`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from tensorboardX import SummaryWriter

from acecoder_jax.training.processes import is_first
from acecoder_jax.training.wandb_run import open_run

METRICS, SPEED = "metrics.jsonl", "speed.jsonl"


def of_the_machine(name: str) -> bool:
    """Whether a metric depends on the clock or the machine; those belong into `speed.jsonl`."""
    return "_per_s" in name or name.startswith(("time/", "speed/"))


class MetricsWriter:
    """Appends to both files; a resumed run first drops the lines of steps that it will do again.

    On several hosts the first one writes, and the others do nothing here.
    """

    def __init__(self, workdir: Path, next_step: int, tensorboard: bool = False, wandb: str | None = None):
        """Open the files.

        Args:
          workdir: the run's folder.
          next_step: the first step that will be written; lines from it on are dropped.
          tensorboard: write event files to `workdir/tensorboard` too.
          wandb: a project of Weights & Biases that gets them too (see `wandb_run`).

        Raises:
          UserError: see `wandb_run.open_run`.
        """
        self.path = workdir / METRICS
        self._writes = is_first()
        self._events = self._wandb = None
        if not self._writes:
            return
        if wandb is not None:
            self._wandb = open_run(workdir, wandb)
        workdir.mkdir(parents=True, exist_ok=True)
        self._files = {name: _reopened(workdir / name, next_step) for name in (METRICS, SPEED)}
        if tensorboard:
            self._events = SummaryWriter(str(workdir / "tensorboard"), purge_step=next_step)

    def write(self, step: int, values: dict[str, Any]) -> None:
        """Write one line to each file that any of the values belongs to."""
        if not self._writes:
            return
        plain = {key: float(v) if isinstance(v, np.generic) else v for key, v in values.items()}
        speed = {key: value for key, value in plain.items() if of_the_machine(key)}
        learned = {key: value for key, value in plain.items() if key not in speed}
        for name, part in ((METRICS, learned), (SPEED, speed)):
            if part:
                self._files[name].write(json.dumps({"step": step} | part) + "\n")
                self._files[name].flush()
        if self._events is not None:
            for key, value in plain.items():
                if isinstance(value, int | float):
                    self._events.add_scalar(key, value, step)
            self._events.flush()
        if self._wandb is not None:
            self._wandb.log(plain, step=step)

    def close(self) -> None:
        if self._writes:
            for file in self._files.values():
                file.close()
        if self._events is not None:
            self._events.close()
        if self._wandb is not None:
            self._wandb.finish()


def _reopened(path: Path, next_step: int) -> Any:
    """The file, its lines before `next_step` alone, open to be appended to; a kill on the way loses none of them."""
    kept = [line for line in _read(path) if json.loads(line)["step"] < next_step]
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text("".join(line + "\n" for line in kept))
    os.replace(temporary, path)
    return open(path, "a")  # noqa: SIM115, PTH123 - closed in `close`


def _read(path: Path) -> list[str]:
    """All complete lines; a last line that a crash cut short is left out."""
    return path.read_text().split("\n")[:-1] if path.is_file() else []


def read_metrics(workdir: Path) -> list[dict[str, Any]]:
    """Every line of `metrics.jsonl`, each step's first one joined by its line of `speed.jsonl`."""
    speeds = {line["step"]: line for line in map(json.loads, _read(workdir / SPEED))}
    lines = [json.loads(line) for line in _read(workdir / METRICS)]
    return [line | speeds.pop(line["step"], {}) for line in lines]
