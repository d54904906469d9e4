"""Preference pairs as packed rows: both sides of a pair in one row, their prompt stored once.

Pairs of the same question that meet in a batch share one tree, so a program that stands in several pairs is
computed once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from acecoder_jax.data.packing import Ids, LateIds, Tree, pack_microbatches
from acecoder_jax.data.records import PreferencePair

_PAIRS_PER_ROW = 64  # every batch has this shape, or the next power of two that holds its fullest row


def with_end(token_ids: Sequence[int], eos_id: int) -> tuple[int, ...]:
    """A completion as the reward model reads it: it always ends with the end-of-sequence id, whose state is scored."""
    ids = tuple(token_ids)
    return ids if ids and ids[-1] == eos_id else (*ids, eos_id)


class Shape(NamedTuple):
    """What packing needs to know of a pair; names are any values that are equal for equal things.

    Attributes:
      question, chosen, rejected: names of the question and of the two completions.
      prompt_tokens: of the prompt.
      chosen_tokens, rejected_tokens: of the two completions, with their end.
      gap: by how much the chosen side's pass rate is higher; 0 where they are not known.
    """

    question: Any
    chosen: Any
    rejected: Any
    prompt_tokens: int
    chosen_tokens: int
    rejected_tokens: int
    gap: float


def shape_of(pair: PreferencePair, eos_id: int) -> Shape:
    """A pair's shape; completions end as in `with_end`."""
    chosen, rejected = pair.chosen_pass_rate, pair.rejected_pass_rate
    return Shape(
        pair.question_id,
        pair.chosen_id,
        pair.rejected_id,
        len(pair.prompt_ids),
        len(pair.chosen_ids) + (pair.chosen_ids[-1:] != (eos_id,)),
        len(pair.rejected_ids) + (pair.rejected_ids[-1:] != (eos_id,)),
        0.0 if chosen is None or rejected is None else chosen - rejected,
    )


class Shapes(Sequence[Shape]):
    """The shapes of many pairs, 32 bytes each; names are numbers."""

    def __init__(self, pairs: Iterable[PreferencePair], eos_id: int):
        """Go through the pairs once."""
        numbers: dict[str, int] = {}

        def row(pair: PreferencePair) -> tuple[float, ...]:
            *names, prompt, chosen, rejected, gap = shape_of(pair, eos_id)
            return *(numbers.setdefault(name, len(numbers)) for name in names), prompt, chosen, rejected, gap

        kinds = [(name, np.float64 if name == "gap" else np.int32) for name in Shape._fields]
        self._rows = np.fromiter(map(row, pairs), np.dtype(kinds))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return Shape(*self._rows[index].item())


def pair_microbatches(
    pairs: Sequence[PreferencePair],
    eos_id: int,
    row_length: int,
    rows: int,
    share_prompts: bool = True,
    shapes: Sequence[Shape] | None = None,
    mine: Container[int] | None = None,
) -> Iterator[dict[str, Any]]:
    """Microbatches of `rows` packed rows for the Bradley-Terry step.

    Args:
      pairs: the whole global batch: the loss is divided by their number.
      eos_id: see `with_end`.
      row_length: tokens per row; a pair that is longer has both completions cut to fit.
      rows: rows per microbatch; they may be shorter than `row_length` (see `pack_microbatches`).
      share_prompts: store a prompt once for all that follow it; otherwise once for each side of each pair, which
        gives the same losses for more tokens.
      shapes: of the pairs; with them, `pairs` is asked only for those of the rows `mine`.
      mine: the rows of each microbatch whose `tokens` are wanted (see `pack_microbatches`); all without it.

    Yields:
      `PackedRows.model_inputs` plus, per row, `chosen` and `rejected` (columns of the last tokens), `weight` (1 for
      a pair, 0 for padding), `pass_rate_gap` (by how much the chosen side's is higher, 0 where they are not known),
      and the scalar `denominator`.
    """
    read: Read
    if shapes is None:
        shapes = [shape_of(pair, eos_id) for pair in pairs]
        read = partial(_read, pairs, eos_id)
    else:
        read = partial(_read_late, cache(pairs.__getitem__), eos_id)  # a pair has up to three texts in a row
    trees, sides = (_trees if share_prompts else _apart)(shapes, read, row_length)
    microbatches = list(pack_microbatches(trees, row_length, rows, mine))
    places = {
        item: (n, *place) for n, packed in enumerate(microbatches) for item, place in packed.last.items()
    }
    in_row = Counter(places[chosen][:2] for chosen, _, _ in sides)
    width = max(_PAIRS_PER_ROW, 1 << (max(in_row.values()) - 1).bit_length())
    columns = np.zeros((3, len(microbatches), rows, width), np.int32)
    gaps = np.zeros(columns.shape[1:], np.float32)
    used: Counter[tuple[int, ...]] = Counter()
    for chosen, rejected, gap in sides:
        number, row, column = places[chosen]
        pair = used[number, row]
        columns[:, number, row, pair] = column, places[rejected][2], 1
        gaps[number, row, pair] = gap
        used[number, row] += 1
    for packed, chosen, rejected, held, gap in zip(microbatches, *columns, gaps):
        yield packed.model_inputs | {
            "chosen": chosen,
            "rejected": rejected,
            "weight": held.astype(np.float32),
            "pass_rate_gap": gap,
            "denominator": np.float32(len(pairs)),
        }


# Of the pair of this number, the last so many tokens of the prompt, then the first so many of this side.
Read = Callable[[int, str, int, int], Ids]


def _ids(pair: PreferencePair, eos_id: int, side: str, before: int, count: int) -> tuple[int, ...]:
    prompt = pair.prompt_ids[len(pair.prompt_ids) - before :]
    return prompt + with_end(getattr(pair, side), eos_id)[:count] if count else prompt


def _read(
    pairs: Sequence[PreferencePair], eos_id: int, number: int, side: str, before: int, count: int
) -> tuple[int, ...]:
    return _ids(pairs[number], eos_id, side, before, count)


def _read_late(
    get: Callable[[int], PreferencePair], eos_id: int, number: int, side: str, before: int, count: int
) -> LateIds:
    return LateIds(before + count, lambda: _ids(get(number), eos_id, side, before, count))


def _apart(
    shapes: Sequence[Shape], read: Read, row_length: int
) -> tuple[list[Tree], list[tuple[int, int, float]]]:
    """As `_trees`, with a tree for each pair, whose branches are the two sides as a whole."""
    trees, sides = [], []
    for number, shape in enumerate(shapes):
        before = min(shape.prompt_tokens, row_length // 4)
        room = row_length // 2 - before
        branches = (
            read(number, "chosen_ids", before, min(shape.chosen_tokens, room)),
            read(number, "rejected_ids", before, min(shape.rejected_tokens, room)),
        )
        items = (2 * number, 2 * number + 1)
        trees.append(Tree((), branches, items))
        sides.append((*items, shape.gap))
    return trees, sides


def _trees(
    shapes: Sequence[Shape], read: Read, row_length: int
) -> tuple[list[Tree], list[tuple[int, int, float]]]:
    """Trees that each fit a row, and for each pair the item numbers of its two sides and the gap in pass rates."""
    by_question: dict[Any, list[int]] = {}
    for number, shape in enumerate(shapes):
        by_question.setdefault(shape.question, []).append(number)
    trees, sides, items = [], [], 0
    for group in by_question.values():
        # An overlong prompt keeps its end, where the question is.
        prompt = read(group[0], "chosen_ids", min(shapes[group[0]].prompt_tokens, row_length // 2), 0)
        room = row_length - len(prompt)
        branches: dict[Any, tuple[int, Ids]] = {}
        for number in group:
            shape = shapes[number]
            ends = {
                shape.chosen: read(number, "chosen_ids", 0, min(shape.chosen_tokens, room // 2)),
                shape.rejected: read(number, "rejected_ids", 0, min(shape.rejected_tokens, room // 2)),
            }
            new = {name: ids for name, ids in ends.items() if name not in branches}
            used = sum(len(ids) for _, ids in branches.values())
            if used + sum(map(len, new.values())) > room:
                trees.append(_tree(prompt, branches))
                branches, new = {}, ends
            for name, ids in new.items():
                branches[name] = (items, ids)
                items += 1
            sides.append((branches[shape.chosen][0], branches[shape.rejected][0], shape.gap))
        trees.append(_tree(prompt, branches))
    return trees, sides


def _tree(prompt: Ids, branches: dict[Any, tuple[int, Ids]]) -> Tree:
    return Tree(
        prompt, tuple(ids for _, ids in branches.values()), tuple(item for item, _ in branches.values())
    )
