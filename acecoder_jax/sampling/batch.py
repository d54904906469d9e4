"""One `generate` on the devices: its seats, its cache and its prompts on their way in, and every step that is run.

The engine says when; here is how. Shapes change in few ways, so that few are compiled: a ring of generated positions
grows, and idle slots are dropped.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Float, Int

from acecoder_jax.models.config import DecoderConfig
from acecoder_jax.sampling import decode, layout
from acecoder_jax.sampling.paged import Paging
from acecoder_jax.sampling.plan import prompt_rows
from acecoder_jax.sampling.prefill import (
    pack_prompts,
    packed_shape,
    prefill,
    prefill_arrays,
    prefill_attention,
)
from acecoder_jax.sampling.seats import Group, Seating, Seats
from acecoder_jax.sampling.speculate import count_draws, guess
from acecoder_jax.sampling.stats import EngineStats
from acecoder_jax.sampling.view import DecodeView
from acecoder_jax.sampling.warp import SamplingParams

_INSERTED = 8  # prompts a call


@dataclass(frozen=True)
class Setup:
    """What all batches of an engine have in common.

    Attributes:
      sampling: how tokens are drawn, where a request does not say.
      widths: positions of the ring, from the narrowest to a whole completion.
      paging: None where the cache is a ring.
    """

    config: DecoderConfig
    graph: nnx.GraphDef
    sampling: SamplingParams
    cache_dtype: str
    widths: list[int]
    mesh: Mesh | None
    paging: Paging | None = None


@dataclass(frozen=True)
class Weights:
    """One version of the parameters, as the engine reads them."""

    version: str
    view: DecodeView
    statics: decode.DecodeStatics


class Drawn(NamedTuple):
    """What slots have drawn in a chunk, or in one step that checked guesses.

    Attributes:
      counts: tokens of each slot that count, from the first.
    """

    tokens: Int[np.ndarray, "slots drawn"]
    log_probs: Float[np.ndarray, "slots drawn"]
    counts: Int[np.ndarray, "slots"]
    wide: bool = False


class Batch:
    """Requests that run together, and those that wait for a slot."""

    def __init__(
        self,
        setup: Setup,
        weights: Weights,
        groups: deque[Group],
        slots: int,
        lanes: int,
        prompt: int,
        stats: EngineStats,
    ):
        """An empty batch.

        Args:
          groups: requests that wait; taken off as they get in.
          slots, lanes: see `Seats`.
          prompt: cached positions of a prompt.
          stats: prefilled prompts are counted there.
        """
        self._setup, self._mesh, self._shards = setup, setup.mesh, layout.shards(setup.mesh)
        self._groups, self._ready, self._prompt, self._stats = groups, deque(), prompt, stats
        rows, self._ring = prompt_rows(slots, lanes, self._shards), setup.widths[0]
        self.weights, self.seats = weights, Seats(self._shards, slots, rows, lanes)
        sizes = slots, rows, prompt, self._ring
        self._cache = layout.empty_cache(setup.config, *sizes, setup.cache_dtype, setup.mesh, setup.paging)
        self._prefilled: list[tuple] | None = None
        self._now = np.zeros(slots, np.int32)  # the ring's column that each slot writes next
        self._apart = False  # they may differ, since slots have checked guesses

    @property
    def slots(self) -> int:
        return len(self.seats.slots)

    @property
    def waits(self) -> bool:
        open_groups = any(group is not None and group.waiting for group in self.seats.rows)
        return bool(self._groups or self._ready or open_groups)

    def warm_up(self) -> None:
        """Compile what brings prompts in, with one that nobody needs."""
        self._prefill()
        self._insert([(0, self._ready.popleft())])
        self._begin()

    def start_anew(self, weights: Weights) -> None:
        """Nobody runs on the old parameters any more: whoever waits is prefilled with the new ones."""
        self._groups.extendleft(reversed([*self.seats.unseated(), *self._ready]))
        self._ready.clear()
        self._prefilled, self.weights = None, weights

    def admit(self) -> None:
        """Fill free slots, one prefilled pack of prompts after the other."""
        while self.waits:
            if not self._ready and self._groups:
                self._prefill()
            before = self.seats.live
            self._insert(self.seats.admit(self._ready))
            if self.seats.live > before:
                self._begin()
            if self.seats.live == before or self._ready or not self._groups:
                return

    def _prefill(self) -> None:
        """Keys and values of as many waiting prompts as a pack holds, each without its last token."""
        started = time.perf_counter()
        self._prefilled = None  # nobody of the last pack waits: its memory goes before the next one comes
        size = packed_shape(self._shards, self._prompt)
        taken = pack_prompts(self._groups, *size)
        arrays = prefill_arrays(taken, *size)
        self._ready.extend(taken)
        statics, config = self.weights.statics, self._setup.config
        with layout.in_mesh(self._mesh):
            placed = layout.place_by_slot(arrays, self._mesh)
            kernel = prefill_attention(config, self._mesh)
            prefilled = prefill(statics.graph, config, self.weights.view, *placed, statics.dtype, kernel)
        self._prefilled = jax.block_until_ready(prefilled)
        self._stats.prefilled_tokens += int((arrays[2] > 0).sum())
        self._stats.prefill_s += time.perf_counter() - started

    def _insert(self, new: list[tuple[int, Group]]) -> None:
        """Copy prefilled prompts into their rows, a fixed number at a time, so that nothing recompiles."""
        per_shard = len(self.seats.rows) // self._shards
        for first in range(0, len(new), _INSERTED):
            source, start = np.zeros(_INSERTED, np.int32), np.zeros(_INSERTED, np.int32)
            row = np.full((self._shards, _INSERTED), per_shard, np.int32)  # past the last: dropped
            for i, (place, group) in enumerate(new[first : first + _INSERTED]):
                source[i], start[i] = group.at
                row[place // per_shard, i] = place % per_shard
            self._cache = self._cache.insert(self._prefilled, source, start, row)

    def _begin(self) -> None:
        """Ready the slots that have just been taken."""
        self._cache = self._cache.begin(self._seating())

    def _seating(self) -> Seating:
        return layout.place_by_slot(self.seats.seating(self._setup.sampling), self._mesh)

    def make_room(self, positions: int) -> None:
        """Widen the ring, step by step, until it holds so many, or a whole completion."""
        widths, seats = self._setup.widths, self.seats
        everyone = [layout.everyone(len(part), self._shards) for part in (seats.slots, seats.rows)]
        while self._ring < min(positions, widths[-1]):
            self._resize(*everyone, widths[widths.index(self._ring) + 1])

    def shrink(self, slots: int) -> None:
        """Drop idle slots once most are idle and nothing waits; only whole rings, so that few shapes are compiled."""
        self.make_room(self._setup.widths[-1])
        rows = min(len(self.seats.rows), slots)
        self._resize(*self.seats.shrink(slots, rows), self._ring)

    def _resize(self, slots: np.ndarray, rows: np.ndarray, width: int) -> None:
        if (slots.size, rows.size, width) != (*self._cache.sizes, self._ring):
            self.align()
            self._cache = self._cache.resize(slots, rows, int(self._now[0]), width)
            self._ring, self._now = width, np.zeros(slots.size, np.int32)

    def align(self) -> None:
        """Let all slots write the same column again."""
        if self._apart:
            self._cache = self._cache.align(layout.place_by_slot(self._now, self._mesh))
            self._now, self._apart = np.zeros_like(self._now), False

    def decode(self) -> Drawn:
        """A chunk of tokens in every slot."""
        self.align()
        chunk = self.weights.statics.chunk
        self._cache, tokens, log_probs = decode.decode_chunk(
            self.weights.statics, self.weights.view, self._cache, self._seating(), jnp.int32(self._now[0])
        )
        self._now = (self._now + chunk) % self._ring
        return Drawn(np.asarray(tokens), np.asarray(log_probs), np.full(len(self._now), chunk))

    def verify(self, count: int) -> Drawn:
        """One step that checks `count` guesses in every slot."""
        guesses = guess(self.seats, count)
        arrays = layout.place_by_slot((guesses, self._now), self._mesh)
        self._cache, *drawn = decode.verify(
            self.weights.statics, self.weights.view, self._cache, self._seating(), *arrays
        )
        tokens, log_probs = map(np.asarray, drawn)
        counts = count_draws(guesses, tokens)
        self._now, self._apart = ((self._now + counts) % self._ring).astype(np.int32), True
        return Drawn(tokens, log_probs, counts, True)
