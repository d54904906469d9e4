"""Metrics as JSON lines: one object a step, appended and flushed, readable while the run goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np


class MetricsWriter:
    """Appends to `metrics.jsonl`; a resumed run first drops the lines of steps that it will do again."""

    def __init__(self, workdir: Path, next_step: int):
        """Open the file.

        Args:
          workdir: the run's folder.
          next_step: the first step that will be written; lines from it on are dropped.
        """
        self.path = workdir / "metrics.jsonl"
        kept = [line for line in read_metrics(workdir) if line["step"] < next_step]
        workdir.mkdir(parents=True, exist_ok=True)
        self._file = open(self.path, "w")  # noqa: SIM115, PTH123 - closed in `close`
        for line in kept:
            self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def write(self, step: int, values: dict[str, Any]) -> None:
        plain = {
            key: float(value) if isinstance(value, np.generic) else value for key, value in values.items()
        }
        self._file.write(json.dumps({"step": step} | plain) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_metrics(workdir: Path) -> list[dict[str, Any]]:
    """All complete lines; a last line that a crash cut short is left out."""
    path = workdir / "metrics.jsonl"
    if not path.is_file():
        return []
    lines = path.read_text().split("\n")[:-1]
    return [json.loads(line) for line in lines]
