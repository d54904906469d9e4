"""Input pipelines: which items every step takes, prepared ahead of it, and resumed exactly.

The order is a function of the seed alone: a new shuffle of all items each epoch, cut into global batches. Where each
pair of a batch lies in its rows follows from lengths, which every host knows of all pairs; a host reads the records of
its own rows. Therefore the position in the order is all that a checkpoint needs, and a run goes on with another number
of hosts or worker processes.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

import grain
import numpy as np
from absl import flags

from acecoder_jax.data.pair_rows import Shapes, pair_microbatches
from acecoder_jax.data.policy_rows import microbatches, pack_completions
from acecoder_jax.data.records import Completion, PreferencePair, Question
from acecoder_jax.errors import UserError

Batch = TypeVar("Batch")


class GlobalOrder:
    """Which items each step takes, on all hosts together."""

    def __init__(self, items: int, batch: int, seed: int, whole_epochs: bool):
        """Shuffle `items` numbers with `seed`, anew every epoch.

        Args:
          whole_epochs: a step never takes items of two epochs, so an epoch's last step may be smaller.
        """
        self.items, self.batch, self.seed, self.whole_epochs = items, batch, seed, whole_epochs
        self.steps_per_epoch = -(-items // batch)
        self._shuffled = grain.MapDataset.range(items).seed(seed).shuffle()

    def __getitem__(self, step: int) -> list[int]:
        """The item numbers of a step, from 0."""
        start, end = step * self.batch, (step + 1) * self.batch
        if self.whole_epochs:
            epoch, place = divmod(step, self.steps_per_epoch)
            start = epoch * self.items + place * self.batch
            end = min(start + self.batch, (epoch + 1) * self.items)
        return [int(self._shuffled[position]) for position in range(start, end)]


class Batches(Generic[Batch]):
    """An iterator over the steps' batches, whose position a checkpoint saves and restores."""

    def __init__(
        self, order: GlobalOrder, make: Callable[[Sequence[int]], Batch], steps: int, workers: int = 0
    ):
        """Prepare `make(order[step])` for every step in turn, a few ahead.

        Args:
          make: pure; sent to the worker processes if there are any.
          steps: after so many it is exhausted.
          workers: processes; 0 for threads of this one. The batches do not depend on it.
        """
        self.steps = steps
        self._order, self._make, self._workers = order, make, workers
        self._next = 0
        self._ahead: Any = None  # grain's iterator, from the first batch on

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        if self._ahead is None:
            self.start_prefetch()
        batch = next(self._ahead)
        self._next += 1
        return batch

    def start_prefetch(self) -> None:
        """Begin to prepare batches from the current position on."""
        self.close()
        order, make = self._order, self._make
        steps = grain.MapDataset.range(self._next, self.steps).map(lambda step: make(order[int(step)]))
        ahead = steps.to_iter_dataset(grain.ReadOptions(num_threads=1, prefetch_buffer_size=4))
        if self._workers:
            if not flags.FLAGS.is_parsed():
                flags.FLAGS.mark_as_parsed()  # grain asks absl for its settings; we read our command line ourselves
            ahead = ahead.mp_prefetch(
                grain.MultiprocessingOptions(num_workers=self._workers, per_worker_buffer_size=2)
            )
        self._ahead = iter(ahead)

    def close(self) -> None:
        """End threads and processes; the next batch asked for starts them again."""
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None

    def get_state(self) -> dict[str, Any]:
        """The position in the global order, and what that order is made from; the same on every host."""
        return self._about | {"step": self._next}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go to a saved position.

        Raises:
          UserError: it was saved by a run that takes its items in another order.
        """
        values = dict(state)
        step = values.pop("step", None)
        if step is None or values != self._about:
            raise UserError(
                f"the checkpoint continues another order of the data: {values}, and this run has {self._about};"
                " use the same data and settings, or start in another --workdir"
            )
        self.close()
        self._next = step

    @property
    def _about(self) -> dict[str, Any]:
        order = self._order
        return {
            "items": order.items,
            "batch": order.batch,
            "seed": order.seed,
            "whole_epochs": order.whole_epochs,
        }


def pair_batches(
    pairs: Sequence[PreferencePair],
    members: Sequence[int],
    *,
    eos_id: int,
    batch_pairs: int,
    epochs: int,
    row_length: int,
    rows: int,
    seed: int,
    share_prompts: bool = True,
    workers: int = 0,
    mine: Container[int] | None = None,
) -> Batches[list[dict[str, Any]]]:
    """Reward-model batches: for every step the microbatches of `pair_microbatches`.

    Both sides of a pair are in one row, and `denominator` is the number of pairs of the step on all hosts.

    Args:
      pairs: all pairs, perhaps a lazy `RecordSource`.
      members: the numbers of those that are trained on.
      eos_id, row_length, rows, share_prompts: see `pair_microbatches`; `rows` counts those of all hosts.
      batch_pairs: pairs a step; the last step of an epoch takes what is left.
      workers: see `Batches`.
      mine: on one of several hosts, the rows of each microbatch that its devices hold. Only their records are read,
        after one pass over all for their lengths; `tokens` are zeros elsewhere, and all else is the same everywhere.
    """
    shapes = None if mine is None else Shapes((pairs[number] for number in members), eos_id)

    def make(numbers: Sequence[int]) -> list[dict[str, Any]]:
        if shapes is None:
            batch = [pairs[members[number]] for number in numbers]
            return list(pair_microbatches(batch, eos_id, row_length, rows, share_prompts))
        picked = _Picked(pairs, [members[number] for number in numbers])
        known = [shapes[number] for number in numbers]
        return list(pair_microbatches(picked, eos_id, row_length, rows, share_prompts, known, mine))

    order = GlobalOrder(len(members), batch_pairs, seed, whole_epochs=True)
    return Batches(order, make, order.steps_per_epoch * epochs, workers)


def completion_batches(
    completions: Sequence[Completion],
    *,
    batch_completions: int,
    epochs: int,
    row_length: int,
    rows: int,
    seed: int,
    workers: int = 0,
) -> Batches[list[dict[str, Any]]]:
    """Batches for next-token losses: for every step the microbatches of `policy_rows.microbatches`.

    `weights` is 1 on the completions' tokens, and `denominator` the number of those in the step.

    Args:
      completions: each fits a row together with its prompt.
      batch_completions: completions a step; the last step of an epoch takes what is left.
      rows: rows a microbatch.
    """

    def make(numbers: Sequence[int]) -> list[dict[str, Any]]:
        packed = pack_completions([completions[number] for number in numbers], row_length, rows)
        weights = (packed.item >= 0).astype(np.float32)
        return list(microbatches(packed, rows, {"weights": weights}, denominator=weights.sum()))

    order = GlobalOrder(len(completions), batch_completions, seed, whole_epochs=True)
    return Batches(order, make, order.steps_per_epoch * epochs, workers)


class _Picked(Sequence[Any]):
    """Some items of a sequence, each read when it is asked for."""

    def __init__(self, items: Sequence[Any], numbers: Sequence[int]):
        self._items, self._numbers = items, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: Any) -> Any:
        return self._items[self._numbers[index]]


class PromptStream:
    """Training questions in the run's order, as many at a time as are asked for; epochs follow each other.

    Every host takes the same questions; `training.hosts.share` says which of them it samples for.
    """

    def __init__(self, questions: Sequence[Question], seed: int):
        self._questions = questions
        self._order = GlobalOrder(len(questions), 1, seed, whole_epochs=False)
        self._position = 0

    def take(self, count: int, known: Container[str] = ()) -> list[Question]:
        """The next `count` distinct questions; fewer only when there are no more.

        Near an epoch's end one may come twice within `count`; then the second is passed over.

        Args:
          known: ids of questions that are passed over, too.
        """
        taken: dict[str, Question] = {}
        last = self._position + 2 * len(self._questions)  # so far on, every question has come by
        while len(taken) < count and self._position < last:
            question = self._questions[self._order[self._position][0]]
            self._position += 1
            if question.id not in known:
                taken.setdefault(question.id, question)
        return list(taken.values())

    def get_state(self) -> dict[str, int]:
        """The place in the order, and what that is made from."""
        return {"questions": len(self._questions), "seed": self._order.seed, "position": self._position}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go to a saved position.

        Raises:
          UserError: it was saved by a run with other questions or another seed.
        """
        now = self.get_state()
        if set(state) != set(now) or any(state[key] != now[key] for key in ("questions", "seed")):
            raise UserError(
                f"the checkpoint continues another order of the questions: {dict(state)}, and this run has {now}; use"
                " the same questions and settings, or start in another --workdir"
            )
        self._position = state["position"]
