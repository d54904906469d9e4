"""A rollout batch as packed rows for the policy step: every prompt once, with its samples behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Int

from acecoder_jax.data.packing import PackedRows, Tree, pack
from acecoder_jax.data.records import Completion


def pack_completions(completions: Sequence[Completion], row_length: int, rows: int) -> PackedRows:
    """Rows of all completions; items are numbered by their place in the sequence."""
    by_prompt: dict[tuple[int, ...], list[int]] = {}
    for number, completion in enumerate(completions):
        by_prompt.setdefault(completion.prompt_ids, []).append(number)
    trees = [
        Tree(prompt, tuple(completions[n].token_ids for n in numbers), tuple(numbers))
        for prompt, numbers in by_prompt.items()
    ]
    return pack(trees, row_length, rows)


def fill(packed: PackedRows, per_completion: Sequence[np.ndarray]) -> np.ndarray:
    """Lay per-token values of each completion out over the rows; 0 elsewhere."""
    values = np.zeros(packed.tokens.shape, np.float32)
    held = packed.item >= 0
    starts = np.cumsum([0, *[len(sequence) for sequence in per_completion]])
    flat = np.concatenate([np.asarray(sequence, np.float32) for sequence in per_completion])
    values[held] = flat[starts[packed.item[held]] + packed.offset[held]]
    return values


def unfill(packed: PackedRows, values: np.ndarray, count: int) -> list[np.ndarray]:
    """The inverse of `fill`: one array per completion."""
    held = packed.item >= 0
    lengths = np.bincount(packed.item[held], minlength=count)
    flat = np.zeros(lengths.sum(), np.float32)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    flat[starts[packed.item[held]] + packed.offset[held]] = values[held]
    return np.split(flat, starts[1:-1])


def response_columns(item: Int[np.ndarray, "rows time"]) -> Int[np.ndarray, "rows responses"]:
    """For each row the columns of its completions' tokens, in order; the row's length where nothing is left.

    As many as the fullest row needs, rounded up to half a row, three quarters or the whole of it: a run compiles for
    three sizes at most.

    Args:
      item: of `PackedRows`.
    """
    held = item >= 0
    length = held.shape[1]
    quarter = -(-length // 4)
    most = min(length, quarter * max(2, -(-int(held.sum(axis=1).max()) // quarter)))
    first = np.argsort(~held, axis=1, kind="stable")[:, :most]
    return np.where(np.take_along_axis(held, first, axis=1), first, length).astype(np.int32)


def microbatches(
    packed: PackedRows, rows: int, arrays: Mapping[str, np.ndarray] = MappingProxyType({}), **scalars: Any
) -> Iterator[dict[str, Any]]:
    """What the model reads of `rows` rows at a time, `responses` (see `response_columns`) included.

    Args:
      arrays: laid out over the rows (see `fill`), and cut with them.
      scalars: of the whole batch, given to each microbatch.
    """
    whole = packed.model_inputs | dict(arrays)
    for start in range(0, len(packed.tokens), rows):
        place = slice(start, start + rows)
        cut = {name: array[place] for name, array in whole.items()}
        yield cut | {"responses": response_columns(packed.item[place])} | scalars
