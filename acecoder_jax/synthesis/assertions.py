"""From evaluated calls to a question's tests: writing asserts, and choosing about 20 that differ.

Part of the reference teacher; pure. A test is one `assert` that calls the function with constants and
compares the answer with a constant, and nothing else.
"""

from __future__ import annotations

import collections
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from acecoder_jax.synthesis.branches import greedy_cover
from acecoder_jax.synthesis.literals import NotPlain, as_source, floats_in, from_source

LONGEST_EXPECTED = 200  # characters of the expected value's source
LARGEST_SHARE = 0.6  # of the tests may expect one and the same value


def call_source(name: str, arguments: tuple[Any, ...]) -> str:
    """`name(arguments)` as source text."""
    return f"{name}({', '.join(map(as_source, arguments))})"


def assertion(call: str, expected: Any) -> str | None:
    """`assert call == expected`, or None when the value is no fit for a constant in a test.

    Floats are compared with a tolerance of 1e-6, or of a billionth of the value where that is more. Floats
    inside other values are compared exactly, so only short ones such as 2.5 will do: the last digits of the
    others depend on the order in which a program adds up.
    """
    try:
        text = as_source(expected)
        if len(text) > LONGEST_EXPECTED or as_source(from_source(text)) != text:
            return None
    except NotPlain:
        return None
    if isinstance(expected, float):
        billionth = abs(expected) * 1e-9
        tolerance = 10.0 ** math.ceil(math.log10(billionth)) if billionth > 1e-6 else 1e-6
        return f"assert abs({call} - {_parenthesized(text)}) < {tolerance!r}"
    if any(round(part, 4) != part for part in floats_in(expected)):
        return None
    return f"assert {call} {'is' if expected is None else '=='} {text}"


@dataclass(frozen=True)
class Candidate:
    """One test that could be chosen: the assert, its expected value's source, and the branches its call runs."""

    text: str
    expected: str
    branches: frozenset[int] = frozenset()


def choose_tests(
    tests: Sequence[Candidate], preferred: int, count: int, rng: random.Random
) -> list[Candidate]:
    """About `count` of the tests: all branches that any of them runs, then spread over the expected values.

    Args:
      tests: distinct ones.
      preferred: so many at the beginning come first: those from the docstring's examples.
      count: how many to choose; fewer are chosen when too many expect the same value.
      rng: decides between tests that are equally good.

    Returns:
      The chosen tests, preferred ones first. Those added for their branches or values make no value expected
      by more than 60 % of `count`.
    """
    chosen = list(tests[:preferred])[:count]
    per_value = collections.Counter(test.expected for test in chosen)
    rest = list(tests[preferred:])
    rng.shuffle(rest)
    largest = math.ceil(LARGEST_SHARE * count)
    covered = frozenset[int]().union(*(test.branches for test in chosen))
    for position in greedy_cover([test.branches for test in rest], covered):
        if len(chosen) < count and per_value[rest[position].expected] < largest:
            chosen.append(rest[position])
            per_value[rest[position].expected] += 1
    # Take one test for each value that is still rare, then a second, and so on.
    taken = set(chosen)
    waiting: dict[str, list[Candidate]] = {}
    for test in rest:
        if test not in taken:
            waiting.setdefault(test.expected, []).append(test)
    while len(chosen) < count:
        open_values = [value for value in waiting if waiting[value] and per_value[value] < largest]
        if not open_values:
            break
        value = min(open_values, key=lambda value: per_value[value])
        chosen.append(waiting[value].pop())
        per_value[value] += 1
    return chosen


def _parenthesized(number: str) -> str:
    return f"({number})" if number.startswith("-") else number
