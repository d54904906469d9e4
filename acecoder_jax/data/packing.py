"""Packing: prompts with several completions become rows of a fixed length, each shared prompt stored once.

A tree is one prompt and its branches (completions). Inside a row a token sees what comes before it in its own
branch and in its tree's prompt, nothing else, so the losses equal those of one padded row per completion while the
prompt is computed once. Reward-model training, reward scoring and policy updates all use these rows.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, count

import numpy as np
from jaxtyping import Int

from acecoder_jax.errors import UserError

_PARTS = (
    16  # row lengths of microbatches are multiples of row_length / 16: 128 tokens of 2048, as TPUs tile them
)


@dataclass(frozen=True)
class LateIds:
    """Token ids that are read when they are laid out; to find their place, their number is enough."""

    count: int
    read: Callable[[], Sequence[int]]

    def __len__(self) -> int:
        return self.count


Ids = Sequence[int] | LateIds


@dataclass(frozen=True)
class Tree:
    """A prompt and the completions that follow it.

    Attributes:
      prompt: token ids; at least one.
      branches: token ids of each completion; none is empty.
      items: for each branch, the caller's number for it, found again in the packed rows.
    """

    prompt: Ids
    branches: tuple[Ids, ...]
    items: tuple[int, ...]


@dataclass
class PackedRows:
    """Rows of packed trees; every array is (rows, time) and int32.

    Attributes:
      tokens: token ids, 0 where nothing stands.
      positions: index in the token's own sequence, prompt included.
      tree: 1, 2, ... within the row; 0 where nothing stands.
      branch: 0 for prompt tokens, 1, 2, ... for the tree's branches.
      source: the column whose hidden state predicts this token.
      item: the caller's number of the completion; -1 for prompts and padding.
      offset: the token's index within its completion.
      last: for each item, its row and the column of its last token.
    """

    tokens: Int[np.ndarray, "rows time"]
    positions: Int[np.ndarray, "rows time"]
    tree: Int[np.ndarray, "rows time"]
    branch: Int[np.ndarray, "rows time"]
    source: Int[np.ndarray, "rows time"]
    item: Int[np.ndarray, "rows time"]
    offset: Int[np.ndarray, "rows time"]
    last: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def model_inputs(self) -> dict[str, Int[np.ndarray, "rows time"]]:
        """The arrays that the model itself needs."""
        names = ("tokens", "positions", "tree", "branch", "source")
        return {name: getattr(self, name) for name in names}

    @property
    def padding_share(self) -> float:
        return float(np.mean(self.tree == 0))


def split_to_fit(tree: Tree, row_length: int) -> Iterator[Tree]:
    """Cut a tree with too many branches into several, each with its own copy of the prompt.

    Raises:
      UserError: the prompt with one branch alone is longer than a row.
    """
    room, start = row_length - len(tree.prompt), 0
    used = 0
    for end, branch in enumerate(tree.branches):
        if len(branch) > room:
            raise UserError(
                f"a prompt of {len(tree.prompt)} and a completion of {len(branch)} tokens do not fit a row of"
                f" {row_length}; raise row_length, or lower max_new_tokens"
            )
        if used + len(branch) > room:
            yield Tree(tree.prompt, tree.branches[start:end], tree.items[start:end])
            start, used = end, 0
        used += len(branch)
    if tree.branches[start:]:
        yield Tree(tree.prompt, tree.branches[start:], tree.items[start:])


def pack(trees: Sequence[Tree], row_length: int, rows_multiple: int = 1) -> PackedRows:
    """Place trees into rows, longest first, each into the fullest row with room.

    Args:
      trees: cut to fit where needed (see `split_to_fit`).
      row_length: tokens per row.
      rows_multiple: empty rows are added until the number of rows is a multiple of this.
    """
    pieces = [piece for tree in trees for piece in split_to_fit(tree, row_length)]
    rows: list[list[Tree]] = []
    free: list[tuple[int, int]] = []  # (room, row), in order
    for size, tree in _largest_first(pieces):
        if not _put(tree, size, rows, free):
            rows.append([tree])
            insort(free, (row_length - size, len(rows) - 1))
    return _lay_out(rows, row_length, max(1, -(-len(rows) // rows_multiple)) * rows_multiple)


def pack_microbatches(
    trees: Sequence[Tree], row_length: int, rows: int, mine: Container[int] | None = None
) -> Iterator[PackedRows]:
    """Place trees into microbatches of `rows` rows, some of which are shorter than `row_length`.

    A batch seldom fills its last microbatch, and padding costs as much as text. So the smallest area is taken that
    holds the trees: whole microbatches and a short one, or several that are nearly equal. Row lengths are sixteenths
    of `row_length`, so a run compiles for sixteen shapes at most.

    Args:
      trees: each fits a row; none is cut, so what is in a tree stays in one row.
      row_length: tokens per row, at most.
      rows: rows per microbatch.
      mine: the rows of each microbatch that get their `tokens`, which are zeros in the others; all without it. Every
        other array is whole.

    Raises:
      UserError: a tree is longer than a row.
    """
    sized = _largest_first(trees)
    if sized and sized[0][0] > row_length:
        raise UserError(
            f"a tree of {sized[0][0]} tokens does not fit a row of {row_length}; raise row_length"
        )
    # An area of less has no room for all.
    least = sum(size for size, _ in sized) * _PARTS // (rows * row_length)
    for parts in chain.from_iterable(map(_divisions, count(max(1, least)))):
        lengths = [row_length * part // _PARTS for part in parts]
        filled: list[list[Tree]] = [[] for _ in range(len(lengths) * rows)]
        free = sorted((lengths[row // rows], row) for row in range(len(filled)))
        if all(_put(tree, size, filled, free) for size, tree in sized):
            break
    for number, length in enumerate(lengths):
        yield _lay_out(filled[number * rows : (number + 1) * rows], length, rows, mine)


def _divisions(area: int) -> Iterator[list[int]]:
    """Ways to divide an area into microbatches; both are counted in parts of a whole one."""
    whole, rest = divmod(area, _PARTS)
    yield [_PARTS] * whole + [rest] * (rest > 0)
    microbatches = whole + (rest > 0)
    yield [area // microbatches + (number < area % microbatches) for number in range(microbatches)]


def _largest_first(trees: Iterable[Tree]) -> list[tuple[int, Tree]]:
    """The trees with their sizes; those of one size stay in order."""
    sized = [(len(tree.prompt) + sum(map(len, tree.branches)), tree) for tree in trees]
    return sorted(sized, key=lambda pair: pair[0], reverse=True)


def _put(tree: Tree, size: int, rows: list[list[Tree]], free: list[tuple[int, int]]) -> bool:
    """Put a tree into the row with the least room that holds it; `free` is (room, row), in order."""
    place = bisect_left(free, (size, -1))
    if place == len(free):
        return False
    room, row = free.pop(place)
    rows[row].append(tree)
    insort(free, (room - size, row))
    return True


def _lay_out(
    rows: Sequence[Sequence[Tree]], row_length: int, number: int, mine: Container[int] | None = None
) -> PackedRows:
    """The arrays of `number` rows, of which the first hold these trees."""

    def blank() -> Int[np.ndarray, "rows time"]:
        return np.zeros((number, row_length), np.int32)

    packed = PackedRows(blank(), blank(), blank(), blank(), blank(), blank(), blank())
    packed.item[:] = -1
    for row, members in enumerate(rows):
        column = 0
        for number, tree in enumerate(members, start=1):
            column = _place(packed, row, column, number, tree, mine is None or row in mine)
    return packed


def _place(packed: PackedRows, row: int, column: int, number: int, tree: Tree, with_tokens: bool) -> int:
    """Write one tree at `column`; returns the column after it."""
    if with_tokens:
        end = column
        for ids in (tree.prompt, *tree.branches):
            start, end = end, end + len(ids)
            packed.tokens[row, start:end] = ids.read() if isinstance(ids, LateIds) else ids
    prompt_length = len(tree.prompt)
    prompt = slice(column, column + prompt_length)
    packed.positions[row, prompt] = np.arange(prompt_length)
    packed.tree[row, prompt] = number
    packed.source[row, prompt] = np.maximum(np.arange(column, column + prompt_length) - 1, column)
    prompt_end = column = column + prompt_length
    for branch, (tokens, item) in enumerate(zip(tree.branches, tree.items), start=1):
        length = len(tokens)
        place = slice(column, column + length)
        packed.positions[row, place] = prompt_length + np.arange(length)
        packed.tree[row, place] = number
        packed.branch[row, place] = branch
        packed.source[row, place] = np.arange(column - 1, column + length - 1)
        packed.source[row, column] = prompt_end - 1
        packed.item[row, place] = item
        packed.offset[row, place] = np.arange(length)
        column += length
        packed.last[item] = (row, column - 1)
    return column
