"""What this machine can do at most: bytes a second out of memory, and multiplications in matrix products."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from acecoder_jax.models.config import DecoderConfig

_REPEATS = 7


@dataclass(frozen=True)
class Limits:
    """Measured once, at their best: bytes read a second, floating-point operations a second."""

    bytes_per_s: float
    flops_per_s: float

    def decode_step_s(self, config: DecoderConfig, slots: int, context: float, itemsize: int) -> float:
        """Seconds that a decode step takes at least: the larger of what memory and products need.

        Args:
          slots: tokens in the step.
          context: cached positions that all slots attend to together.
          itemsize: bytes of a weight and of a cached number.
        """
        weights = config.matmul_parameters + config.hidden_size * config.vocab_size
        cached = 2 * context * config.num_layers * config.num_kv_heads * config.head_dim
        memory = itemsize * (weights + cached) / self.bytes_per_s
        return max(memory, config.forward_flops(slots, slots, context / slots) / self.flops_per_s)


def measure_limits(dtype: str, side: int = 2048, megabytes: int = 512) -> Limits:
    """Sum a large array, and multiply two square matrices."""
    array = jnp.ones((megabytes * 2**18,), jnp.float32)
    matrix = jnp.ones((side, side), dtype)
    read = _best(jax.jit(lambda x: jnp.sum(x.reshape(-1, 4096), axis=-1)), array)
    product = _best(jax.jit(lambda x: jnp.matmul(x, x)), matrix)
    return Limits(array.nbytes / read, 2 * side**3 / product)


def _best(function: Callable, *arguments: jax.Array) -> float:
    """Seconds of the fastest of a few calls."""
    jax.block_until_ready(function(*arguments))
    times = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        times.append(time.perf_counter() - started)
    return min(times)
