"""The sampling engine: a fixed number of slots, refilled as requests finish, on the trainer's own weights.

Prompts are prefilled once whatever the number of their samples; finished requests leave at chunk boundaries and
waiting ones take their slots without recompiling; when nothing waits, the batch shrinks to smaller shapes. Results
stream out as they finish, so that scoring can overlap decoding.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import Mesh
from jaxtyping import Float, Int

from acecoder_jax.models.config import DecoderConfig
from acecoder_jax.sampling import cache as cache_steps
from acecoder_jax.sampling import decode, layout
from acecoder_jax.sampling.plan import (
    MemoryPlan,
    free_memory,
    lanes_for,
    plan_memory,
    prompt_bucket,
    prompt_rows,
    ring_widths,
    slot_ladder,
)
from acecoder_jax.sampling.prefill import pack_prompts, packed_rows, prefill_arrays
from acecoder_jax.sampling.requests import Request, Sampled, refusal
from acecoder_jax.sampling.seats import Group, Running, Seats, make_groups
from acecoder_jax.sampling.speculate import Payoff, count_draws, guess
from acecoder_jax.sampling.view import DecodeView
from acecoder_jax.sampling.warp import SamplingParams

_INSERTED = 8  # prompts a call


@dataclass
class EngineStats:
    """What an engine has done so far.

    Attributes:
      decoded_tokens, useful_tokens: positions that went through the model, of all slots; tokens of results.
      admitting_slots, admitting_busy: slot-steps until the last request had a slot; those of them with a request.
      full_steps, full_s, full_context: steps in a full batch, seconds they took, and positions that their slots
        attended to, summed over slots and steps.
      prefilled_tokens, prefill_s: of prompts.
      wide_steps, guessed_tokens, right_guesses: steps that checked guesses; guesses in busy slots; those of them that
        were drawn.
    """

    decoded_tokens: int = 0
    useful_tokens: int = 0
    admitting_slots: int = 0
    admitting_busy: int = 0
    full_steps: int = 0
    full_s: float = 0.0
    full_context: int = 0
    prefilled_tokens: int = 0
    prefill_s: float = 0.0
    wide_steps: int = 0
    guessed_tokens: int = 0
    right_guesses: int = 0


@dataclass(frozen=True)
class _Weights:
    """One version of the parameters, as the trainer has them and as decoding reads them."""

    version: str
    params: nnx.State
    view: DecodeView


@dataclass
class _Batch:
    """The state of one `generate`: weights, seats, cache and prompts on their way in.

    Attributes:
      now: the ring's column that each slot writes next.
      apart: these may differ, since slots have checked guesses.
    """

    weights: _Weights
    seats: Seats
    cache: cache_steps.Cache
    ring: int
    groups: deque[Group]
    now: np.ndarray
    apart: bool = False
    ready: deque[Group] = field(default_factory=deque)
    prefilled: tuple | None = None

    @property
    def waits(self) -> bool:
        open_groups = any(group is not None and group.waiting for group in self.seats.rows)
        return bool(self.groups or self.ready or open_groups)


class Drawn(NamedTuple):
    """What slots have drawn in a chunk, or in one step that checked guesses.

    Attributes:
      counts: tokens of each slot that count, from the first.
    """

    tokens: Int[np.ndarray, "slots drawn"]
    log_probs: Float[np.ndarray, "slots drawn"]
    counts: Int[np.ndarray, "slots"]
    wide: bool = False


class Engine:
    """Samples completions of many prompts with one model.

    The engine owns no weights: `load` takes a view of the trainer's parameters, and is called again after an update.
    """

    def __init__(
        self,
        config: DecoderConfig,
        graph: nnx.GraphDef,
        sampling: SamplingParams,
        *,
        max_prompt_tokens: int,
        max_new_tokens: int,
        eos_ids: Sequence[int],
        slots: int = 64,
        chunk: int = 4,
        dtype: str = "float32",
        cache_dtype: str = "float32",
        weights_dtype: str | None = None,
        speculate: int = 0,
        stop: Callable[[tuple[int, ...]], bool] | None = None,
        mesh: Mesh | None = None,
    ):
        """Prepare an engine.

        Args:
          config, graph: the decoder.
          sampling: how tokens are drawn, where a request does not say.
          max_prompt_tokens: longer prompts are refused.
          max_new_tokens: completions are cut here.
          eos_ids: ids that end a completion.
          slots: requests decoded at the same time; 0 for as many as the device's memory holds.
          chunk: tokens decoded between looks at what has finished.
          dtype: compute dtype of the weights while decoding.
          cache_dtype: that of the cache and of attention over it, or int8. XLA's CPU backend writes into a float32
            cache in place and copies a bfloat16 one.
          weights_dtype: int8 to keep matrices in eight bits while decoding; else as `dtype`.
          speculate: tokens guessed ahead in every slot and checked in one step; AUTO for a few where that measures
            faster. Tokens stay the same; log-probabilities may differ by rounding from step to step.
          stop: ends a completion early; given its token ids, and monotone: once true, true for every longer one.
          mesh: this process's devices: slots are split over `data` and `fsdp`, heads over `tensor`.

        Raises:
          UserError: the slots do not fit the device's memory.
        """
        self._config, self._graph, self._sampling = config, graph, sampling
        self._max_prompt, self._max_new = max_prompt_tokens, max_new_tokens
        self._eos, self._stop = frozenset(eos_ids), stop
        self._chunk, self._dtype, self._cache_dtype = chunk, dtype, cache_dtype
        self._eight_bit, self._mesh = weights_dtype == "int8", mesh
        self._shards = layout.shards(mesh)
        self._slots, self._longest_prompt = slots, 0
        self._widths = ring_widths(max_new_tokens)
        self._drawn = 1 + max(speculate, 0)  # tokens that memory is planned for in each slot
        self._weights: _Weights | None = None
        self.plan = self._plan_memory()
        self._slots = self.plan.slots
        self.stats = EngineStats()
        self._payoff = Payoff(speculate, self._slots)
        self.load_s = 0.0  # seconds that the last resharding took
        self._in_flight = False

    @property
    def slots(self) -> int:
        return self._slots

    @staticmethod
    def compilations() -> int:
        """Compiled programs of all engines in this process."""
        steps = (
            decode.decode_chunk,
            decode.verify,
            decode.prefill,
            cache_steps.insert,
            cache_steps.align_ring,
            cache_steps.keep_rows,
            cache_steps.resize_ring,
        )
        return sum(step._cache_size() for step in steps)

    def load(self, params: nnx.State, version: str = "") -> None:
        """Use these parameters from now on.

        Requests that have a slot finish on the parameters that they began with; those that wait start on the new
        ones, once the last of the others has left.
        """
        started = time.perf_counter()
        if not self._in_flight:
            self._weights = None  # the old view goes before the new one comes
        blocks = nnx.graphdef(nnx.merge(self._graph, params).blocks)
        self._statics = decode.DecodeStatics(blocks, self._config, self._chunk, self._dtype)
        params = layout.params_for_prefill(params, self._mesh)
        view = layout.view_for_decoding(self._graph, params, self._dtype, self._eight_bit, self._mesh)
        self._weights = _Weights(version, params, jax.block_until_ready(view))
        self.load_s = time.perf_counter() - started

    def generate(self, requests: Sequence[Request]) -> Iterator[Sampled]:
        """Sample all requests; yields each as it finishes, in no fixed order.

        A request that cannot be taken comes back first, refused, and one whose logits are not finite failed; the
        others go on.
        """
        assert self._weights is not None, "load parameters before generating"
        good = []
        for request in requests:
            problem = refusal(request, self._max_prompt, self._max_new)
            if problem:
                yield Sampled(request.id, request.prompt_ids, (), (), "refused", error=problem)
            else:
                good.append(request)
        if not good:
            return
        self._in_flight = True
        try:
            yield from self._run(self._start(good))
        finally:
            self._in_flight = False

    def warm_up(self, samples: int, prompt_tokens: int = 0) -> None:
        """Compile every shape that up to `samples` requests for each of many prompts may need.

        Args:
          prompt_tokens: of the longest prompt; 0 for the longest that is allowed.
        """
        self._longest_prompt = max(self._longest_prompt, prompt_bucket(prompt_tokens or self._max_prompt))
        batch = self._empty_batch(self._slots, lanes_for(samples), deque([Group((0,), deque())]))
        self._prefill(batch)
        self._insert(batch, [(0, batch.ready.popleft())])
        for width in self._widths:
            self._widen(batch, width)
            self._decode_all_ways(batch)
        for size in slot_ladder(self._slots, self._shards)[1:]:
            self._shrink(batch, size)
            self._decode_all_ways(batch)

    def _decode_all_ways(self, batch: _Batch) -> None:
        if self._payoff.possible(len(batch.seats.slots)):
            self._verify(batch)
            self._align(batch)
        if not self._payoff.always:
            self._decode(batch)

    def _start(self, requests: Sequence[Request]) -> _Batch:
        longest = max(len(request.prompt_ids) for request in requests)
        # Never shorter again, so that the small batches of a training run all meet compiled shapes.
        self._longest_prompt = max(self._longest_prompt, prompt_bucket(longest))
        counts: dict[tuple[int, ...], int] = {}
        for request in requests:
            counts[request.prompt_ids] = counts.get(request.prompt_ids, 0) + 1
        lanes = lanes_for(max(counts.values()))
        ladder = slot_ladder(self._slots, self._shards)
        slots = next((size for size in reversed(ladder) if size >= len(requests)), ladder[0])
        return self._empty_batch(slots, lanes, make_groups(requests, lanes))

    def _empty_batch(self, slots: int, lanes: int, groups: deque[Group]) -> _Batch:
        rows = prompt_rows(slots, lanes, self._shards)
        sizes = (slots, rows, self._longest_prompt, self._widths[0])
        cache = layout.empty_cache(self._config, *sizes, self._cache_dtype, self._mesh)
        seats, now = Seats(self._shards, slots, rows, lanes), np.zeros(slots, np.int32)
        return _Batch(self._weights, seats, cache, self._widths[0], groups, now)

    def _run(self, batch: _Batch) -> Iterator[Sampled]:
        ladder = slot_ladder(len(batch.seats.slots), self._shards)
        while batch.waits or batch.seats.live:
            if batch.weights is not self._weights and not batch.seats.live:
                self._start_anew(batch)
            if batch.weights is self._weights:
                self._admit(batch)
            admitting = batch.waits
            while not admitting and len(ladder) > 1 and batch.seats.most_live() * self._shards <= ladder[1]:
                ladder.pop(0)
                self._shrink(batch, ladder[0])
            wide = self._payoff.expected(len(batch.seats.slots))
            needed = batch.seats.longest() + (self._payoff.width if wide else self._chunk)
            while batch.ring < min(needed, self._widths[-1]):
                self._widen(batch, self._widths[self._widths.index(batch.ring) + 1])
            started = time.perf_counter()
            drawn = self._verify(batch) if wide else self._decode(batch)
            self._count(batch, drawn, admitting, time.perf_counter() - started)
            yield from self._collect(batch, drawn)

    def _start_anew(self, batch: _Batch) -> None:
        """Nobody runs on the old parameters any more: whoever waits is prefilled with the new ones."""
        batch.groups.extendleft(reversed([*batch.seats.unseated(), *batch.ready]))
        batch.ready.clear()
        batch.prefilled, batch.weights = None, self._weights

    def _admit(self, batch: _Batch) -> None:
        """Fill free slots, one prefilled pack of prompts after the other."""
        while batch.waits:
            if not batch.ready and batch.groups:
                self._prefill(batch)
            before = batch.seats.live
            self._insert(batch, batch.seats.admit(batch.ready))
            if batch.seats.live == before or batch.ready or not batch.groups:
                return

    def _prefill(self, batch: _Batch) -> None:
        """Keys and values of as many waiting prompts as a pack holds, each without its last token."""
        started = time.perf_counter()
        size = packed_rows(self._mesh.size if self._mesh else 1), 2 * self._longest_prompt
        taken = pack_prompts(batch.groups, *size)
        tokens, positions, segment = prefill_arrays(taken, *size)
        batch.ready.extend(taken)
        params = batch.weights.params
        with layout.in_mesh_of(params):
            prefilled = decode.prefill(self._graph, params, tokens, positions, segment, self._dtype)
        batch.prefilled = jax.block_until_ready(layout.place_prefilled(prefilled, self._mesh))
        self.stats.prefilled_tokens += int((segment > 0).sum())
        self.stats.prefill_s += time.perf_counter() - started

    def _insert(self, batch: _Batch, new: list[tuple[int, Group]]) -> None:
        """Copy prefilled prompts into their rows, a fixed number at a time, so that nothing recompiles."""
        per_shard = len(batch.seats.rows) // self._shards
        for first in range(0, len(new), _INSERTED):
            source, start = np.zeros(_INSERTED, np.int32), np.zeros(_INSERTED, np.int32)
            row = np.full((self._shards, _INSERTED), per_shard, np.int32)  # past the last: dropped
            for i, (place, group) in enumerate(new[first : first + _INSERTED]):
                source[i], start[i] = group.at
                row[place // per_shard, i] = place % per_shard
            batch.cache = cache_steps.insert_all(batch.cache, batch.prefilled, source, start, row)

    def _widen(self, batch: _Batch, width: int) -> None:
        seats = batch.seats
        self._resize(
            batch, *(layout.everyone(len(part), self._shards) for part in (seats.slots, seats.rows)), width
        )

    def _shrink(self, batch: _Batch, slots: int) -> None:
        """Drop idle slots once most are idle and nothing waits; only whole rings, so that few shapes are compiled."""
        if batch.ring < self._widths[-1]:
            for width in self._widths[self._widths.index(batch.ring) + 1 :]:
                self._widen(batch, width)
        rows = min(len(batch.seats.rows), slots)
        self._resize(batch, *batch.seats.shrink(slots, rows), batch.ring)

    def _resize(self, batch: _Batch, slots: np.ndarray, rows: np.ndarray, width: int) -> None:
        if (slots.size, rows.size, width) != (*layout.sizes(batch.cache), batch.ring):
            self._align(batch)
            batch.cache = cache_steps.resize(batch.cache, slots, rows, int(batch.now[0]), width)
            batch.ring, batch.now = width, np.zeros(slots.size, np.int32)

    def _align(self, batch: _Batch) -> None:
        """Let all slots write the same column again."""
        if batch.apart:
            batch.cache = cache_steps.align(batch.cache, layout.place_by_slot(batch.now, self._mesh))
            batch.now, batch.apart = np.zeros_like(batch.now), False

    def _decode(self, batch: _Batch) -> Drawn:
        self._align(batch)
        seating = layout.place_by_slot(batch.seats.seating(self._sampling), self._mesh)
        batch.cache, tokens, log_probs = decode.decode_chunk(
            self._statics, batch.weights.view, batch.cache, seating, jnp.int32(batch.now[0])
        )
        batch.now = (batch.now + self._chunk) % batch.ring
        return Drawn(np.asarray(tokens), np.asarray(log_probs), np.full(len(batch.now), self._chunk))

    def _verify(self, batch: _Batch) -> Drawn:
        guesses = guess(batch.seats, self._payoff.guesses)
        arrays = batch.seats.seating(self._sampling), guesses, batch.now
        batch.cache, tokens, log_probs = decode.verify(
            self._statics, batch.weights.view, batch.cache, *layout.place_by_slot(arrays, self._mesh)
        )
        drawn = Drawn(
            np.asarray(tokens), np.asarray(log_probs), count_draws(guesses, np.asarray(tokens)), True
        )
        batch.now, batch.apart = ((batch.now + drawn.counts) % batch.ring).astype(np.int32), True
        return drawn

    def _count(self, batch: _Batch, drawn: Drawn, admitting: bool, seconds: float) -> None:
        slots, steps = len(batch.seats.slots), 1 if drawn.wide else self._chunk
        runs = [run for run in batch.seats.slots if run is not None]
        self.stats.decoded_tokens += drawn.tokens.size
        if admitting:
            self.stats.admitting_slots += slots * steps
            self.stats.admitting_busy += len(runs) * steps
        if slots == self._slots and not drawn.wide:
            self.stats.full_steps += steps
            self.stats.full_s += seconds
            context = sum(len(run.request.prompt_ids) + len(run.tokens) for run in runs)
            self.stats.full_context += steps * context
        if self._payoff.possible(slots):
            self._count_guesses(batch, drawn)
        self._payoff.note_time(slots, drawn.wide, seconds / steps)

    def _count_guesses(self, batch: _Batch, drawn: Drawn) -> None:
        """How many tokens a wide step yields: this one, or one in place of a chunk's first steps."""
        busy = [slot for slot, run in enumerate(batch.seats.slots) if run is not None]
        counts = drawn.counts
        if drawn.wide:
            self.stats.wide_steps += 1
            self.stats.guessed_tokens += self._payoff.guesses * len(busy)
            self.stats.right_guesses += int(counts[busy].sum()) - len(busy)
        else:
            counts = count_draws(guess(batch.seats, self._payoff.guesses), drawn.tokens)
        self._payoff.note_draws(counts[busy])

    def _collect(self, batch: _Batch, drawn: Drawn) -> Iterator[Sampled]:
        """Take the tokens that count to their requests, and yield those that are over."""
        for slot, run in enumerate(batch.seats.slots):
            if run is None:
                continue
            before, count = len(run.tokens), drawn.counts[slot]
            run.tokens += drawn.tokens[slot, :count].tolist()
            run.log_probs += drawn.log_probs[slot, :count].tolist()
            reason, error = self._finish(run, before)
            if reason:
                batch.seats.leave(slot)
                self.stats.useful_tokens += len(run.tokens)
                ids = tuple(run.tokens), tuple(run.log_probs)
                request = run.request
                yield Sampled(request.id, request.prompt_ids, *ids, reason, batch.weights.version, error)

    def _finish(self, run: Running, before: int) -> tuple[str, str]:
        """Why the request is over, after cutting it at its end, and what went wrong; empty when it goes on.

        Args:
          before: tokens before this chunk.
        """
        most = run.request.max_new_tokens or self._max_new
        ends = self._eos | set(run.request.stop_ids)
        end = next((i + 1 for i in range(before, len(run.tokens)) if run.tokens[i] in ends), None)
        broken = next((i for i in range(before, len(run.tokens)) if not np.isfinite(run.log_probs[i])), None)
        last = min(most, len(run.tokens) if end is None else end)
        if broken is not None and broken < last:
            del run.tokens[broken:], run.log_probs[broken:]
            return "failed", f"its logits after {broken} tokens are not finite; look at the parameters"
        stopped = self._first_stop(run.tokens[:last], before)
        reason = "length" if last == most and last != end else "stop" if last == end else ""
        if stopped is not None:
            last, reason = stopped, "stop"
        if reason:
            del run.tokens[last:], run.log_probs[last:]
        return reason, ""

    def _first_stop(self, tokens: list[int], before: int) -> int | None:
        """The shortest prefix length at which the stop rule holds, searched in the last chunk only."""
        if self._stop is None or not self._stop(tuple(tokens)):
            return None
        low, high = before, len(tokens)
        while low + 1 < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self._stop(tuple(tokens[:middle])) else (middle, high)
        return high

    def _plan_memory(self) -> MemoryPlan:
        device = self._mesh.devices.flat[0] if self._mesh else jax.local_devices()[0]
        return plan_memory(
            self._config,
            slots=self._slots,
            prompt=prompt_bucket(self._max_prompt),
            ring=self._widths[-1],
            drawn=self._drawn,
            lanes=1,  # how many samples a prompt has is not known yet
            dtype=self._dtype,
            cache_dtype=self._cache_dtype,
            eight_bit=self._eight_bit,
            shards=self._shards,
            tensor=self._mesh.shape["tensor"] if self._mesh else 1,
            free=free_memory(device, self._mesh.size if self._mesh else 1),
        )
