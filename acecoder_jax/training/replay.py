"""The batch of a step whose loss was not finite, kept so that the step can be done again and looked into."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from acecoder_jax.data.shards import replacing
from acecoder_jax.training.processes import is_first


def save_batch(path: Path, microbatches: Sequence[dict[str, Any]]) -> Path:
    """Write a step's microbatches as one `.npz` file; on several hosts, which all call it, the first one writes.

    Of `tokens`, which are zeros in the rows of other hosts, it takes every host's own.
    """
    if jax.process_count() > 1:
        microbatches = [
            one | {"tokens": np.max(multihost_utils.process_allgather(one["tokens"]), axis=0)}
            for one in microbatches
        ]
    arrays = {
        f"{number}/{key}": value for number, one in enumerate(microbatches) for key, value in one.items()
    }
    if is_first():
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
