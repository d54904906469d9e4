"""Preference pairs as packed rows: both sides of a pair in one row, their prompt stored once.

Pairs of the same question that meet in a batch share one tree, so a program that stands in several pairs is
computed once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from acecoder_jax.data.packing import Tree, pack_microbatches
from acecoder_jax.data.records import PreferencePair

_PAIRS_PER_ROW = 64  # every batch has this shape, or the next power of two that holds its fullest row


def with_end(token_ids: Sequence[int], eos_id: int) -> tuple[int, ...]:
    """A completion as the reward model reads it: it always ends with the end-of-sequence id, whose state is scored."""
    ids = tuple(token_ids)
    return ids if ids and ids[-1] == eos_id else (*ids, eos_id)


def pair_microbatches(
    pairs: Sequence[PreferencePair], eos_id: int, row_length: int, rows: int, share_prompts: bool = True
) -> Iterator[dict[str, Any]]:
    """Microbatches of `rows` packed rows for the Bradley-Terry step.

    Args:
      pairs: the whole global batch: the loss is divided by their number.
      eos_id: see `with_end`.
      row_length: tokens per row; a pair that is longer has both completions cut to fit.
      rows: rows per microbatch; they may be shorter than `row_length` (see `pack_microbatches`).
      share_prompts: store a prompt once for all that follow it; otherwise once for each side of each pair, which
        gives the same losses for more tokens.

    Yields:
      `PackedRows.model_inputs` plus, per row, `chosen` and `rejected` (columns of the last tokens), `weight` (1 for
      a pair, 0 for padding), `pass_rate_gap` (by how much the chosen side's is higher, 0 where they are not known),
      and the scalar `denominator`.
    """
    trees, sides = (_trees if share_prompts else _apart)(pairs, eos_id, row_length)
    microbatches = list(pack_microbatches(trees, row_length, rows))
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


def _gap(pair: PreferencePair) -> float:
    if pair.chosen_pass_rate is None or pair.rejected_pass_rate is None:
        return 0.0
    return pair.chosen_pass_rate - pair.rejected_pass_rate


def _apart(
    pairs: Sequence[PreferencePair], eos_id: int, row_length: int
) -> tuple[list[Tree], list[tuple[int, int, float]]]:
    """As `_trees`, with a tree for each pair, whose branches are the two sides as a whole."""
    trees, sides = [], []
    for number, pair in enumerate(pairs):
        prompt = pair.prompt_ids[-(row_length // 4) :]
        room = row_length // 2 - len(prompt)
        texts = (with_end(ids, eos_id)[:room] for ids in (pair.chosen_ids, pair.rejected_ids))
        items = (2 * number, 2 * number + 1)
        trees.append(Tree((), tuple(prompt + text for text in texts), items))
        sides.append((*items, _gap(pair)))
    return trees, sides


def _trees(
    pairs: Sequence[PreferencePair], eos_id: int, row_length: int
) -> tuple[list[Tree], list[tuple[int, int, float]]]:
    """Trees that each fit a row, and for each pair the item numbers of its two sides and the gap in pass rates."""
    by_question: dict[str, list[PreferencePair]] = {}
    for pair in pairs:
        by_question.setdefault(pair.question_id, []).append(pair)
    trees, sides, items = [], [], 0
    for group in by_question.values():
        prompt = group[0].prompt_ids[
            -(row_length // 2) :
        ]  # an overlong prompt keeps its end, where the question is
        room = row_length - len(prompt)
        branches: dict[str, tuple[int, tuple[int, ...]]] = {}
        for pair in group:
            ends = {
                pair.chosen_id: with_end(pair.chosen_ids, eos_id)[: room // 2],
                pair.rejected_id: with_end(pair.rejected_ids, eos_id)[: room // 2],
            }
            new = {key: ids for key, ids in ends.items() if key not in branches}
            used = sum(len(ids) for _, ids in branches.values())
            if used + sum(map(len, new.values())) > room:
                trees.append(_tree(prompt, branches))
                branches, new = {}, ends
            for key, ids in new.items():
                branches[key] = (items, ids)
                items += 1
            sides.append((branches[pair.chosen_id][0], branches[pair.rejected_id][0], _gap(pair)))
        trees.append(_tree(prompt, branches))
    return trees, sides


def _tree(prompt: tuple[int, ...], branches: dict[str, tuple[int, tuple[int, ...]]]) -> Tree:
    return Tree(
        prompt, tuple(ids for _, ids in branches.values()), tuple(item for item, _ in branches.values())
    )
