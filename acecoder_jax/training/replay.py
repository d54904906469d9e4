"""The batch of a step whose loss was not finite, kept so that the step can be done again and looked into."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from acecoder_jax.data.shards import replacing


def save_batch(path: Path, microbatches: Sequence[dict[str, Any]]) -> Path:
    """Write a step's microbatches as one `.npz` file; on several hosts the first one writes."""
    arrays = {
        f"{number}/{key}": value for number, one in enumerate(microbatches) for key, value in one.items()
    }
    if jax.process_index() == 0:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, open(temporary, "wb") as file:  # noqa: PTH123
            np.savez(file, **arrays)
    return path


def load_batch(path: Path) -> list[dict[str, Any]]:
    """What `save_batch` wrote: the microbatches that `Trainer.update` takes."""
    with np.load(path) as file:
        microbatches: list[dict[str, Any]] = []
        for name in file.files:
            number, _, key = name.partition("/")
            while len(microbatches) <= int(number):
                microbatches.append({})
            microbatches[int(number)][key] = file[name]
    return microbatches
