"""Prompts packed into rows for one prefill: short ones share a row, and see only themselves."""

from __future__ import annotations

from collections import deque

import numpy as np
from jaxtyping import Int

from acecoder_jax.sampling.seats import Group

_PACKED_ROWS = 4  # of twice the longest prompt


def packed_rows(devices: int) -> int:
    """Rows of a prefill: at least four, and as many on every device."""
    return -(-_PACKED_ROWS // devices) * devices


def pack_prompts(groups: deque[Group], rows: int, length: int) -> list[Group]:
    """Take waiting groups, in order, while their prompts fit; each is told where its prompt stands.

    Groups of one prompt that follow each other stand at the same place. Prompts go without their last token.
    """
    filled, taken = [0] * rows, []
    while groups:
        group = groups[0]
        size = len(group.prompt) - 1
        if taken and taken[-1].prompt == group.prompt:
            group.at = taken[-1].at
        else:
            row = next((i for i, used in enumerate(filled) if used + size <= length), None)
            if row is None:
                break
            group.at = row, filled[row]
            filled[row] += size
        taken.append(groups.popleft())
    return taken


def prefill_arrays(
    groups: list[Group], rows: int, length: int
) -> tuple[Int[np.ndarray, "rows time"], Int[np.ndarray, "rows time"], Int[np.ndarray, "rows time"]]:
    """Tokens, positions and segments (from 1; 0 is padding) of packed prompts."""
    tokens, positions, segment = (np.zeros((rows, length), np.int32) for _ in range(3))
    for number, group in enumerate(groups, start=1):
        (row, start), size = group.at, len(group.prompt) - 1
        columns = slice(start, start + size)
        tokens[row, columns], positions[row, columns] = group.prompt[:-1], np.arange(size)
        segment[row, columns] = number
    return tokens, positions, segment
