"""Sizes: which shapes an engine compiles, and how many slots a device's memory holds. Decided before a run starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax

from acecoder_jax.errors import UserError
from acecoder_jax.models.config import DecoderConfig

GIB = 2**30
ITEMSIZE = {"float32": 4, "bfloat16": 2, "int8": 1}
_USABLE = 0.9  # of the free memory: the rest is for what the compiler and the host need
_MOST_SLOTS = 256
_FEWEST_SLOTS = 8  # smaller batches decode hardly faster
_WIDTHS = 4  # widths of the ring


def prompt_bucket(length: int) -> int:
    """Prompt positions for prompts of up to `length` tokens: powers of two, and three points between each two."""
    step = max(16, (1 << (length - 1).bit_length()) // 8)
    return max(32, -(-length // step) * step)


def ring_widths(max_new_tokens: int) -> list[int]:
    """How wide the ring may be; the last holds a whole completion."""
    whole = -(-max_new_tokens // 32) * 32
    step = -(-whole // _WIDTHS // 32) * 32
    return [*range(step, whole, step), whole]


def slot_ladder(slots: int, shards: int) -> list[int]:
    """Batch sizes from `slots` down, each two thirds or three quarters of the one before; multiples of `shards`."""
    sizes, size = [slots], slots
    while size > _FEWEST_SLOTS * shards:
        half = -(-size // 2 // shards) * shards
        between = -(-3 * size // 4 // shards) * shards
        sizes += [between, half] if between < size else [half]
        if half == size:
            break
        size = half
    return sorted(set(sizes), reverse=True)


def prompt_rows(slots: int, lanes: int, shards: int) -> int:
    """Prompts cached at a time: half as many again as of full batches and four more, for stragglers.

    Where half of the samples are three times as long as the others, at most one slot in forty waits for a row.
    """
    in_shard = slots // shards
    return shards * min(in_shard, 3 * -(-in_shard // lanes) // 2 + 4)


def lanes_for(samples: int) -> int:
    """Slots that may share a prompt's row, for groups of up to `samples` requests; few values, so few compilations."""
    return next(lanes for lanes in (1, 2, 4, 8) if lanes >= min(samples, 8))


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes on each device, and the slots that they allow.

    Attributes:
      slots: of all devices together.
      cache, weights, work: the cache, the weights for decoding, what a step needs meanwhile.
      free: before any of these; None where the device does not say.
    """

    slots: int
    cache: float
    weights: float
    work: float
    free: float | None

    @property
    def total(self) -> float:
        return self.cache + self.weights + self.work

    @property
    def fits(self) -> bool:
        return self.free is None or self.total <= _USABLE * self.free

    def __str__(self) -> str:
        free = "unknown" if self.free is None else f"{self.free / GIB:.2f} GiB"
        return (
            f"{self.slots} slots: cache {self.cache / GIB:.2f} + weights {self.weights / GIB:.2f} + work"
            f" {self.work / GIB:.2f} = {self.total / GIB:.2f} GiB a device, of {free} free"
        )


def plan_memory(
    config: DecoderConfig,
    *,
    slots: int,
    prompt: int,
    ring: int,
    lanes: int,
    dtype: str,
    cache_dtype: str,
    eight_bit: bool,
    drawn: int = 1,
    shards: int = 1,
    tensor: int = 1,
    free: float | None = None,
) -> MemoryPlan:
    """Check that an engine fits, or find how many slots do.

    Args:
      slots: asked for; 0 for as many as fit, at most 256 a shard.
      prompt, ring, lanes: cached positions of a prompt and of a slot beside it, slots that share a prompt.
      drawn: tokens that a slot draws in one step.
      free: bytes on each device.

    Raises:
      UserError: what was asked for does not fit, or nothing does.
    """
    size, head = ITEMSIZE[dtype], config.hidden_size * config.vocab_size
    # The embedding is whole everywhere.
    weights = (config.matmul_parameters + head) * (1 if eight_bit else size) / tensor + head * size
    per_position = 2 * config.num_layers * config.num_kv_heads * config.head_dim * ITEMSIZE[cache_dtype]
    if cache_dtype == "int8":
        per_position += 2 * config.num_layers * config.num_kv_heads * 4

    def plan(count: int) -> MemoryPlan:
        positions = count * ring + prompt_rows(count, lanes, shards) * prompt
        # A cache that changes its width is there twice for a moment, one layer at a time.
        cache = (1 + 1 / config.num_layers) * per_position * positions / shards / tensor
        # Logits and weights of the draw in float32, twice each; the prefill's packed rows.
        work = 4 * 4 * count * drawn * config.vocab_size / shards + 8 * prompt * config.hidden_size * 4 * size
        return MemoryPlan(count, cache, weights, work + 8 * prompt * per_position / tensor, free)

    if not slots:
        return _largest(
            plan, slot_ladder(_MOST_SLOTS * shards, shards) if free is not None else [64 * shards]
        )
    if not plan(slots).fits:
        largest = next((n for n in slot_ladder(slots, shards) if plan(n).fits), 0)
        fix = f"use at most {largest}" if largest else "use more devices or a smaller model"
        raise UserError(
            f"config.sampling.slots: {plan(slots)}; {fix}, shorter prompts or completions, or cache_dtype int8"
        )
    return plan(slots)


def _largest(plan: Callable[[int], MemoryPlan], sizes: Sequence[int]) -> MemoryPlan:
    """The first that fits."""
    plans = [plan(count) for count in sizes]
    fitting = next((one for one in plans if one.fits), None)
    if fitting is None:
        raise UserError(
            f"config.sampling: not even {sizes[-1]} slots fit {plans[-1].free / GIB:.2f} GiB a device; use more"
            " devices, shorter prompts or completions, or cache_dtype int8"
        )
    return fitting


def free_memory(device: jax.Device, used: int) -> float | None:
    """Bytes that a device has left; None where nobody says.

    Args:
      used: devices that the engine uses: where they are virtual ones of a CPU, they share the host's memory.
    """
    if device.platform == "cpu":
        try:
            with open("/proc/meminfo") as lines:  # noqa: PTH123
                fields = dict(line.split(":") for line in lines)
        except OSError:
            return None
        return int(fields["MemAvailable"].split()[0]) * 1024 / used
    stats = device.memory_stats() or {}
    return stats["bytes_limit"] - stats["bytes_in_use"] if "bytes_limit" in stats else None
