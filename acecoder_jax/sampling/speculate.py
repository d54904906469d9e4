"""Speculative decoding without a draft model: the next tokens are guessed from text of the same prompt, and one step
of the model checks all guesses of a slot.

A guess is what followed the same last tokens before: in the prompt, in the request's own text, or in that of its
siblings. `decode.verify` draws after every guess with the number that the request has for that position anyway, and
draws count while they are what was guessed. So the tokens are those of plain decoding, whatever is guessed.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from jaxtyping import Float, Int

from acecoder_jax.sampling.seats import Group, Running, Seats

AUTO = -1
AUTO_GUESSES = 3
_LONGEST = 3  # tokens that a guess is looked up by
_RECENT = 0.05  # weight of the latest step in the running mean of tokens a step


def guesses_of(asked: int) -> int:
    """Tokens guessed ahead in each slot.

    Args:
      asked: a number of them, 0 for none, or AUTO.
    """
    return AUTO_GUESSES if asked == AUTO else asked


def guess(seats: Seats, count: int) -> Int[np.ndarray, "slots count"]:
    """What may come next in every slot; zeros where nothing like its last tokens was seen."""
    guesses = np.zeros((len(seats.slots), count), np.int32)
    for slot, run in enumerate(seats.slots):
        if run is not None:
            _read(run.group)
            found = _continue(run, count)
            guesses[slot, : len(found)] = found
    return guesses


def count_draws(
    guesses: Int[np.ndarray, "slots guesses"], drawn: Int[np.ndarray, "slots drawn"]
) -> Int[np.ndarray, "slots"]:
    """Draws of a wide step that count: up to the first that is not what was guessed, it included."""
    checked = min(guesses.shape[1], drawn.shape[1] - 1)
    right = guesses[:, :checked] == drawn[:, :checked]
    return 1 + np.cumprod(right, axis=1).sum(axis=1)


def _read(group: Group) -> None:
    """Bring the group's followers up to date; the latest text wins."""
    if not group.followers:
        _follow(group.followers, group.prompt, 1)
    before = group.prompt[-_LONGEST:]
    for run in group.runs:
        if run.read < len(run.tokens):
            _follow(group.followers, (*before, *run.tokens), len(before) + run.read)
            run.read = len(run.tokens)


def _follow(followers: dict[tuple[int, ...], int], text: tuple[int, ...], start: int) -> None:
    """Enter `text[start:]` by the tokens before each."""
    for end in range(start, len(text)):
        for size in range(1, min(_LONGEST, end) + 1):
            followers[text[end - size : end]] = text[end]


def _continue(run: Running, count: int) -> list[int]:
    """Follow the followers, each time by as many last tokens as are known."""
    text = (*run.request.prompt_ids[-_LONGEST:], *run.tokens[-_LONGEST:])[-_LONGEST:]
    found: list[int] = []
    while len(found) < count:
        tails = (text[-size:] for size in range(len(text), 0, -1))
        token = next((run.group.followers[tail] for tail in tails if tail in run.group.followers), None)
        if token is None:
            break
        found.append(token)
        text = (*text, token)[-_LONGEST:]
    return found


class Payoff:
    """Whether steps that check guesses pay, by batch size, as measured while decoding.

    A wide step pays where it yields more tokens for its time than a plain one. Plain steps of a batch with as many
    rows foretell what it would take, and their draws how many guesses would have been right, so that none is
    compiled where it cannot pay; once there are some, their own time counts. A wide step never has more rows than
    the full batch, for which memory was planned.
    """

    def __init__(self, guesses: int, slots: int):
        """Nothing is measured yet.

        Args:
          guesses: in each slot; AUTO for `AUTO_GUESSES` where they pay, 0 for none.
          slots: of the full batch.
        """
        self.guesses = guesses_of(guesses)
        self.always, self._slots = guesses > 0, slots
        self._plain: dict[int, float] = {}  # seconds of the fastest step, by batch size
        self._wide: dict[int, float] = {}
        self._calls: Counter[tuple[int, bool]] = Counter()
        self.tokens_per_step: float | None = None  # in each slot, had all steps been wide

    @property
    def width(self) -> int:
        """Positions of a slot in a wide step."""
        return self.guesses + 1

    def possible(self, slots: int) -> bool:
        """Whether wide steps of this batch size may ever be taken."""
        return self.always or (self.guesses > 0 and slots * self.width <= self._slots)

    def expected(self, slots: int) -> bool:
        """Whether the next step should be wide."""
        if self.always or not self.possible(slots):
            return self.always
        larger = [seconds for size, seconds in self._plain.items() if size >= slots * self.width]
        wide = self._wide.get(slots, min(larger, default=None))
        if wide is None or slots not in self._plain or self.tokens_per_step is None:
            return False
        return self.tokens_per_step > wide / self._plain[slots]

    def note_time(self, slots: int, wide: bool, seconds: float) -> None:
        """A step took so long; the first of its kind is left out, it may have been compiled."""
        self._calls[slots, wide] += 1
        if self._calls[slots, wide] > 1:
            times = self._wide if wide else self._plain
            times[slots] = min(seconds, times.get(slots, seconds))

    def note_draws(self, counts: Float[np.ndarray, "running"]) -> None:
        """So many draws counted, or would have, in each slot that was busy."""
        if counts.size:
            mean = float(counts.mean())
            before = mean if self.tokens_per_step is None else self.tokens_per_step
            self.tokens_per_step = before + _RECENT * (mean - before)
