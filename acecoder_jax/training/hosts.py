"""What several hosts that run one program share besides their arrays: records, and whole weights to sample with.

Every host decodes a share of the prompts with weights of its own and grades what it decoded; after that all of them
have all rollouts, and compute the same step.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any, TypeVar

import jax
import numpy as np
from flax import nnx
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


def on_this_host(params: nnx.State) -> nnx.State:
    """Parameters that this host can compute with alone: themselves, or a whole copy on its first device."""
    if jax.process_count() == 1:
        return params

    def copy(leaf: jax.Array) -> jax.Array:
        everywhere = jax.sharding.NamedSharding(leaf.sharding.mesh, jax.sharding.PartitionSpec())
        return jax.device_put(leaf, everywhere).addressable_data(0)

    return jax.tree.map(copy, params)
