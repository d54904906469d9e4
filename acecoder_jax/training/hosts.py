"""What several hosts that run one program share besides their arrays: records.

Every host decodes a share of the prompts with weights of its own (see `sampling.layout`) and grades what it decoded;
after that all of them have all rollouts, and compute the same step.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

Item = TypeVar("Item")


def share(items: Sequence[Item]) -> list[Item]:
    """Those of the items that this host works on: every n-th of n hosts."""
    return list(items)[jax.process_index() :: jax.process_count()]


def gather(value: Any) -> list[Any]:
    """Every host's value, in the order of the hosts, on all of them; each must call it."""
    if jax.process_count() == 1:
        return [value]
    data = np.frombuffer(pickle.dumps(value), np.uint8)
    lengths = multihost_utils.process_allgather(np.array([len(data)], np.int32)).ravel()
    padded = np.zeros(lengths.max(), np.uint8)
    padded[: len(data)] = data
    rows = np.asarray(multihost_utils.process_allgather(padded))
    return [pickle.loads(row[:length].tobytes()) for row, length in zip(rows, lengths)]
