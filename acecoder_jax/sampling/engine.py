"""The sampling engine: a fixed number of slots, refilled as requests finish, on the trainer's own weights.

Prompts are prefilled once whatever the number of their samples; finished requests leave at chunk boundaries and
waiting ones take their slots without recompiling; when nothing waits, the batch shrinks to smaller shapes. Results
stream out as they finish, so that scoring can overlap decoding.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence

import jax
from flax import nnx
from jax.sharding import Mesh

from acecoder_jax.models.config import DecoderConfig
from acecoder_jax.sampling import cache as cache_steps
from acecoder_jax.sampling import decode, layout, paged, prefill, ring
from acecoder_jax.sampling.batch import Batch, Drawn, Setup, Weights
from acecoder_jax.sampling.endings import Endings
from acecoder_jax.sampling.plan import (
    MemoryPlan,
    free_memory,
    lanes_for,
    plan_memory,
    prompt_bucket,
    ring_widths,
    slot_ladder,
)
from acecoder_jax.sampling.requests import Request, Sampled, refusal
from acecoder_jax.sampling.seats import Group, make_groups
from acecoder_jax.sampling.speculate import Payoff, count_draws, guess, guesses_of
from acecoder_jax.sampling.stats import EngineStats
from acecoder_jax.sampling.warp import SamplingParams


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
        attention: str = "auto",
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
          weights_dtype: int8 to keep matrices in eight bits, for prompts too; else as `dtype`.
          speculate: tokens guessed ahead in every slot and checked in one step; AUTO for a few where that measures
            faster. Tokens stay the same; log-probabilities may differ by rounding from step to step.
          attention: over the cache: "paged", "xla", or "auto", which is paged on TPUs where the kernel takes the
            model's heads; see `paged`.
          stop: ends a completion early; given its token ids, and monotone: once true, true for every longer one.
          mesh: this process's devices: slots are split over `data` and `fsdp`, heads over `tensor`.

        Raises:
          UserError: the slots do not fit the device's memory.
        """
        self._max_prompt, self._max_new, self._longest_prompt = max_prompt_tokens, max_new_tokens, 0
        self._endings = Endings(frozenset(eos_ids), max_new_tokens, stop)
        self._chunk, self._dtype, self._eight_bit = chunk, dtype, weights_dtype == "int8"
        sizes = {
            "prompt": prompt_bucket(max_prompt_tokens),
            "new": max_new_tokens,
            "step": max(chunk, 1 + guesses_of(speculate)),
        }
        paging, self.attention = paged.choose_paging(attention, config, cache_dtype, mesh, **sizes)
        widths = [max_new_tokens] if paging else ring_widths(max_new_tokens)
        self._setup = Setup(config, graph, sampling, cache_dtype, widths, mesh, paging)
        self._shards = layout.shards(mesh)
        self.plan = self._plan_memory(slots, 1 + max(speculate, 0))
        self._payoff = Payoff(speculate, self.slots)
        self.stats = EngineStats()
        self._weights: Weights | None = None
        self.load_s = 0.0  # seconds that the last resharding took
        self._in_flight = False

    @property
    def slots(self) -> int:
        return self.plan.slots

    @staticmethod
    def compilations() -> int:
        """Compiled programs of all engines in this process."""
        steps = (
            decode.decode_chunk,
            decode.verify,
            prefill.embedded,
            prefill.prefill_layer,
            cache_steps.keep_rows,
            ring.insert,
            ring.align_ring,
            ring.resize_ring,
            paged.insert,
            paged.begin,
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
        setup = self._setup
        blocks = nnx.graphdef(nnx.merge(setup.graph, params).blocks)
        statics = decode.DecodeStatics(blocks, setup.config, self._chunk, self._dtype)
        view = layout.view_for_decoding(setup.graph, params, self._dtype, self._eight_bit, setup.mesh)
        self._weights = Weights(version, jax.block_until_ready(view), statics)
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
        """Compile every shape that many prompts may need.

        Args:
          samples: requests for each prompt; others compile anew where `lanes_for` them is another number.
          prompt_tokens: of the longest prompt; 0 for the longest that is allowed.
        """
        self._longest_prompt = max(self._longest_prompt, prompt_bucket(prompt_tokens or self._max_prompt))
        batch = self._batch(deque([Group((0,), deque())]), self.slots, lanes_for(samples), EngineStats())
        batch.warm_up()
        for width in self._setup.widths:
            batch.make_room(width)
            self._decode_all_ways(batch)
        for size in slot_ladder(self.slots, self._shards)[1:]:
            batch.shrink(size)
            self._decode_all_ways(batch)

    def _decode_all_ways(self, batch: Batch) -> None:
        if self._payoff.possible(batch.slots):
            batch.verify(self._payoff.guesses)
            batch.align()
        if not self._payoff.always:
            batch.decode()

    def _start(self, requests: Sequence[Request]) -> Batch:
        longest = max(len(request.prompt_ids) for request in requests)
        # Never shorter again, so that the small batches of a training run all meet compiled shapes.
        self._longest_prompt = max(self._longest_prompt, prompt_bucket(longest))
        counts = Counter(request.prompt_ids for request in requests)
        lanes = lanes_for(max(counts.values()))
        ladder = slot_ladder(self.slots, self._shards)
        slots = next((size for size in reversed(ladder) if size >= len(requests)), ladder[0])
        return self._batch(make_groups(requests, lanes), slots, lanes, self.stats)

    def _batch(self, groups: deque[Group], slots: int, lanes: int, stats: EngineStats) -> Batch:
        return Batch(self._setup, self._weights, groups, slots, lanes, self._longest_prompt, stats)

    def _run(self, batch: Batch) -> Iterator[Sampled]:
        ladder = slot_ladder(batch.slots, self._shards)
        while batch.waits or batch.seats.live:
            if batch.weights is not self._weights and not batch.seats.live:
                batch.start_anew(self._weights)
            if batch.weights is self._weights:
                batch.admit()
            admitting = batch.waits
            while not admitting and len(ladder) > 1 and batch.seats.most_live() * self._shards <= ladder[1]:
                ladder.pop(0)
                batch.shrink(ladder[0])
            wide = self._payoff.expected(batch.slots)
            batch.make_room(batch.seats.longest() + (self._payoff.width if wide else self._chunk))
            started = time.perf_counter()
            drawn = batch.verify(self._payoff.guesses) if wide else batch.decode()
            self._count(batch, drawn, admitting, time.perf_counter() - started)
            yield from self._collect(batch, drawn)

    def _count(self, batch: Batch, drawn: Drawn, admitting: bool, seconds: float) -> None:
        slots, steps = batch.slots, 1 if drawn.wide else self._chunk
        runs = [run for run in batch.seats.slots if run is not None]
        self.stats.decoded_tokens += drawn.tokens.size
        if admitting:
            self.stats.admitting_slots += slots * steps
            self.stats.admitting_busy += len(runs) * steps
        if slots == self.slots and not drawn.wide:
            self.stats.full_steps += steps
            self.stats.full_s += seconds
            context = sum(len(run.request.prompt_ids) + len(run.tokens) for run in runs)
            self.stats.full_context += steps * context
        if self._payoff.possible(slots):
            self._count_guesses(batch, drawn)
        self._payoff.note_time(slots, drawn.wide, seconds / steps)

    def _count_guesses(self, batch: Batch, drawn: Drawn) -> None:
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

    def _collect(self, batch: Batch, drawn: Drawn) -> Iterator[Sampled]:
        """Take the tokens that count to their requests, and yield those that are over."""
        for slot, run in enumerate(batch.seats.slots):
            if run is None:
                continue
            before, count = len(run.tokens), drawn.counts[slot]
            run.tokens += drawn.tokens[slot, :count].tolist()
            run.log_probs += drawn.log_probs[slot, :count].tolist()
            reason, error = self._endings.cut(run, before)
            if reason:
                batch.seats.leave(slot)
                self.stats.useful_tokens += len(run.tokens)
                ids = tuple(run.tokens), tuple(run.log_probs)
                request = run.request
                yield Sampled(request.id, request.prompt_ids, *ids, reason, batch.weights.version, error)

    def _plan_memory(self, slots: int, drawn: int) -> MemoryPlan:
        mesh, paging = self._setup.mesh, self._setup.paging
        device = mesh.devices.flat[0] if mesh else jax.local_devices()[0]
        prompt, own = prompt_bucket(self._max_prompt), self._setup.widths[-1]
        if paging:
            prompt, own = paging.page * paging.row_pages(prompt), paging.page * paging.own
        return plan_memory(
            self._setup.config,
            slots=slots,
            prompt=prompt,
            ring=own,
            drawn=drawn,
            lanes=1,  # how many samples a prompt has is not known yet
            dtype=self._dtype,
            cache_dtype=self._setup.cache_dtype,
            eight_bit=self._eight_bit,
            shards=self._shards,
            tensor=mesh.shape["tensor"] if mesh else 1,
            free=free_memory(device, mesh.size if mesh else 1),
        )
