"""A rollout batch as packed rows for the policy step: every prompt once, with its samples behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

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


def microbatches(arrays: Mapping[str, np.ndarray], rows: int, **scalars: Any) -> Iterator[dict[str, Any]]:
    """Slices of `rows` rows, each with the scalars of the whole batch."""
    count = len(next(iter(arrays.values())))
    for start in range(0, count, rows):
        yield {name: array[start : start + rows] for name, array in arrays.items()} | scalars
