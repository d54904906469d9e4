"""Packing: prompts with several completions become rows of a fixed length, each shared prompt stored once.

A tree is one prompt and its branches (completions). Inside a row a token sees what comes before it in its own
branch and in its tree's prompt, nothing else, so the losses equal those of one padded row per completion while the
prompt is computed once. Reward-model training, reward scoring and policy updates all use these rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int

from acecoder_jax.errors import UserError


@dataclass(frozen=True)
class Tree:
    """A prompt and the completions that follow it.

    Attributes:
      prompt: token ids; at least one.
      branches: token ids of each completion; none is empty.
      items: for each branch, the caller's number for it, found again in the packed rows.
    """

    prompt: tuple[int, ...]
    branches: tuple[tuple[int, ...], ...]
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
    """Place trees into rows, longest first, each into the first row with room.

    Args:
      trees: cut to fit where needed (see `split_to_fit`).
      row_length: tokens per row.
      rows_multiple: empty rows are added until the number of rows is a multiple of this.
    """
    pieces = [piece for tree in trees for piece in split_to_fit(tree, row_length)]
    sizes = [len(piece.prompt) + sum(map(len, piece.branches)) for piece in pieces]
    rows: list[list[Tree]] = []
    free: list[int] = []
    for index in sorted(range(len(pieces)), key=lambda i: -sizes[i]):
        row = next((r for r, room in enumerate(free) if room >= sizes[index]), None)
        if row is None:
            row = len(rows)
            rows.append([])
            free.append(row_length)
        rows[row].append(pieces[index])
        free[row] -= sizes[index]
    count = max(1, -(-len(rows) // rows_multiple)) * rows_multiple

    def blank() -> Int[np.ndarray, "rows time"]:
        return np.zeros((count, row_length), np.int32)

    packed = PackedRows(blank(), blank(), blank(), blank(), blank(), blank(), blank())
    packed.item[:] = -1
    for row, members in enumerate(rows):
        column = 0
        for number, tree in enumerate(members, start=1):
            column = _place(packed, row, column, number, tree)
    return packed


def _place(packed: PackedRows, row: int, column: int, number: int, tree: Tree) -> int:
    """Write one tree at `column`; returns the column after it."""
    prompt_length = len(tree.prompt)
    prompt = slice(column, column + prompt_length)
    packed.tokens[row, prompt] = tree.prompt
    packed.positions[row, prompt] = np.arange(prompt_length)
    packed.tree[row, prompt] = number
    packed.source[row, prompt] = np.maximum(np.arange(column, column + prompt_length) - 1, column)
    prompt_end = column = column + prompt_length
    for branch, (tokens, item) in enumerate(zip(tree.branches, tree.items), start=1):
        length = len(tokens)
        place = slice(column, column + length)
        packed.tokens[row, place] = tokens
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
