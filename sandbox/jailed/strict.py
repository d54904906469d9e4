"""Reading JSON from a hostile process: strict, and no deeper than `sandbox.jailed.codec` ever writes it."""

from __future__ import annotations

import json
from typing import Any

MAX_DEPTH = 150  # of a value
_MAX_TREE_DEPTH = 3 * MAX_DEPTH + 10  # a level takes up to three: tag, keys beside values, items


class Malformed(Exception):
    """The bytes are not what `encode` makes."""


def _reject(text: str) -> Any:
    raise Malformed("not finite")


_scan = json.scanner.c_make_scanner(json.JSONDecoder(parse_constant=_reject))  # type: ignore[attr-defined]


def parse(text: str | bytes | bytearray) -> Any:
    """Parse JSON from a hostile process into a tree for `decode`.

    Raises:
      Malformed: for anything that is not strict JSON of moderate depth.
    """
    try:
        if not isinstance(text, str):
            text = text.decode()
        tree, end = _scan(text, 0)
    except Malformed:
        raise
    except (ValueError, RecursionError, StopIteration) as error:
        raise Malformed(f"not JSON: {type(error).__name__}") from None
    if end != len(text):
        raise Malformed("more than one value")
    if text.count("[") + text.count("{") > _MAX_TREE_DEPTH and _deep(tree):
        raise Malformed("nested too deep")
    return tree


def _deep(tree: Any) -> bool:
    """Whether a tree is deeper than any value's. Some versions of Python parse such a one, and then trip over it."""
    level = [tree]
    for _ in range(_MAX_TREE_DEPTH):
        parts = (part for node in level for part in (node.values() if type(node) is dict else node))
        level = [part for part in parts if type(part) is list or type(part) is dict]
        if not level:
            return False
    return True
