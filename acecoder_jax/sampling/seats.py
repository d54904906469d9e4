"""Who sits where: requests in slots, their prompts in rows, and the order in which they wait. Plain Python, no arrays
on devices.

Slots and rows are split over the shards of the devices; a request sits in the shard of its prompt's row, so that
attention over shared prompts needs no communication.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Int

from acecoder_jax.sampling.requests import Request
from acecoder_jax.sampling.warp import Draws, SamplingParams, draws_of


class Seating(NamedTuple):
    """Who sits in which slot, before a chunk. Slots and rows are counted in each shard of the devices.

    Attributes:
      token: the last one drawn (or the prompt's last), not yet in the cache.
      prompt: cached prompt positions.
      generated: cached positions after them; they stand in the ring's latest columns.
      seed: of the request's own draws, so that they do not depend on its neighbours.
      draws: how each slot draws.
      lanes: the slots that look at each prompt row; those of an empty lane are any.
      place: where a slot stands among its shard's lanes, row * lanes + lane.
      row_length: cached positions of each prompt row.
    """

    token: Int[Array, "slots"]
    prompt: Int[Array, "slots"]
    generated: Int[Array, "slots"]
    seed: Int[Array, "slots"]
    draws: Draws
    lanes: Int[Array, "shards rows lanes"]
    place: Int[Array, "shards slots"]
    row_length: Int[Array, "rows"]


@dataclass(eq=False)
class Group:
    """Samples of one prompt that share its cached positions; at most one for each lane of a row.

    Attributes:
      waiting: those without a slot.
      runs: those that have or had one.
      at: packed row and column of the prefilled prompt, until it has a row of the cache.
      followers: the token that came last after a few others, in the prompt and in what was sampled; see `speculate`.
    """

    prompt: tuple[int, ...]
    waiting: deque[Request]
    runs: list[Running] = field(default_factory=list)
    at: tuple[int, int] | None = None
    followers: dict[tuple[int, ...], int] = field(default_factory=dict)


@dataclass(eq=False)
class Running:
    """A request in a slot, with what it has drawn so far.

    Attributes:
      read: tokens that its group's followers know.
    """

    request: Request
    group: Group
    lane: int
    tokens: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    read: int = 0


def make_groups(requests: Sequence[Request], lanes: int) -> deque[Group]:
    """Requests by prompt, in the order in which prompts first appear."""
    by_prompt: dict[tuple[int, ...], list[Request]] = {}
    for request in requests:
        by_prompt.setdefault(request.prompt_ids, []).append(request)
    return deque(
        Group(prompt, deque(members[start : start + lanes]))
        for prompt, members in by_prompt.items()
        for start in range(0, len(members), lanes)
    )


class Seats:
    """Slots and rows, each numbered through all shards."""

    def __init__(self, shards: int, slots: int, rows: int, lanes: int):
        """Empty seats; `slots` and `rows` are of all shards together and divide evenly."""
        self.shards, self.lanes = shards, lanes
        self.slots: list[Running | None] = [None] * slots
        self.rows: list[Group | None] = [None] * rows
        self._open: list[Group | None] = [None] * shards  # the group that is being seated

    @property
    def live(self) -> int:
        return sum(run is not None for run in self.slots)

    def most_live(self) -> int:
        """Running requests of the fullest shard."""
        return max(sum(run is not None for run in part) for part in _split(self.slots, self.shards))

    def longest(self) -> int:
        """Tokens drawn by the running request that has drawn most."""
        return max((len(run.tokens) for run in self.slots if run is not None), default=0)

    def admit(self, ready: deque[Group]) -> list[tuple[int, Group]]:
        """Seat waiting requests while slots, rows and prefilled prompts last.

        Args:
          ready: prefilled groups; those that get a row are taken off.

        Returns:
          rows that must now be filled, with their groups.
        """
        new: list[tuple[int, Group]] = []
        # The emptiest shard first, so that all of them decode full batches.
        free = {
            shard: deque(i for i in self._of(shard, self.slots) if self.slots[i] is None)
            for shard in range(self.shards)
        }
        for shard in sorted(free, key=lambda s: -len(free[s])):
            while free[shard]:
                group = self._open[shard]
                if group is None or not group.waiting:
                    row = next((r for r in self._of(shard, self.rows) if self.rows[r] is None), None)
                    if row is None or not ready:
                        break
                    group = self.rows[row] = self._open[shard] = ready.popleft()
                    new.append((row, group))
                run = Running(group.waiting.popleft(), group, len(group.runs))
                group.runs.append(run)
                self.slots[free[shard].popleft()] = run
        return new

    def leave(self, slot: int) -> None:
        """Free a slot, and its prompt's row once nobody needs it."""
        run, self.slots[slot] = self.slots[slot], None
        if not run.group.waiting and all(
            other is None or other.group is not run.group for other in self.slots
        ):
            self.rows[self.rows.index(run.group)] = None

    def unseated(self) -> list[Group]:
        """Groups with requests that still wait, as they were before prefill; only when nobody is running."""
        assert self.live == 0
        groups = [Group(g.prompt, g.waiting) for g in self.rows if g is not None and g.waiting]
        self.rows, self._open = [None] * len(self.rows), [None] * self.shards
        return groups

    def shrink(self, slots: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Keep fewer slots, and fewer rows or all; returns those kept, (shards, kept) each, counted in their shard."""

        def keep(places: list, count: int) -> np.ndarray:
            if count == len(places):
                return np.arange(count, dtype=np.int32).reshape(self.shards, -1) % (count // self.shards)
            kept = []
            for part in _split(places, self.shards):
                order = sorted(range(len(part)), key=lambda i: part[i] is None)  # stable: the live ones first
                kept.append(order[: count // self.shards])
            return np.array(kept, np.int32)

        kept_slots, kept_rows = keep(self.slots, slots), keep(self.rows, rows)
        for name, kept in (("slots", kept_slots), ("rows", kept_rows)):
            parts = _split(getattr(self, name), self.shards)
            setattr(self, name, [part[i] for part, order in zip(parts, kept) for i in order])
        return kept_slots, kept_rows

    def seating(self, default: SamplingParams) -> Seating:
        """The arrays of a chunk, on the host; idle slots decode nonsense that nobody reads."""
        idle = Running(Request("", (0,), 0), Group((0,), deque()), 0)
        runs = [run or idle for run in self.slots]
        row_of = {id(group): row for row, group in enumerate(self.rows) if group is not None}
        per_shard, rows_per_shard = len(self.slots) // self.shards, len(self.rows) // self.shards
        lanes = np.zeros((self.shards, rows_per_shard, self.lanes), np.int32)
        place = np.zeros((self.shards, per_shard), np.int32)
        for slot, run in enumerate(self.slots):
            if run is not None:
                shard, seat = divmod(slot, per_shard)
                row = row_of[id(run.group)] % rows_per_shard
                lanes[shard, row, run.lane] = seat
                place[shard, seat] = row * self.lanes + run.lane
        return Seating(
            token=np.array(
                [run.tokens[-1] if run.tokens else run.request.prompt_ids[-1] for run in runs], np.int32
            ),
            prompt=np.array([len(run.request.prompt_ids) - 1 for run in runs], np.int32),
            generated=np.array([len(run.tokens) for run in runs], np.int32),
            seed=np.array([run.request.seed for run in runs], np.uint32),
            draws=draws_of([run.request.sampling or default for run in runs]),
            lanes=lanes,
            place=place,
            row_length=np.array([len(group.prompt) - 1 if group else 0 for group in self.rows], np.int32),
        )

    def _of(self, shard: int, places: list) -> range:
        size = len(places) // self.shards
        return range(shard * size, (shard + 1) * size)


def _split(places: list, shards: int) -> list[list]:
    size = len(places) // shards
    return [places[i * size : (i + 1) * size] for i in range(shards)]
