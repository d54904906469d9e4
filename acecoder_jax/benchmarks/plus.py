"""The EvalPlus sets: inputs and a canonical program become tests with expected values.

Part of the benchmark readers. The files hold no expected values, so the canonical program is run on the
inputs, in the sandbox, and its answers are written into asserts. Which answers count as equal follows
EvalPlus: a tolerance for floats, sets where the order is free, and a few tasks with a rule of their own.
"""

from __future__ import annotations

import math
from typing import Any

# The inputs are JSON, which has no tuples, sets or complex numbers. For these MBPP+ tasks (by number) lists
# stand for something else; the shapes are those of EvalPlus's own reader.
_ARGUMENTS_ARE_TUPLES = {
    2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616, 630, 726, 740, 744,
    809,
}  # fmt: skip
_LISTS_OF_TUPLES = {63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780}
_FIRST_IS_LIST_OF_TUPLES = {75, 413, 444, 753}
_FIRST_IS_TUPLE = {250, 307, 405, 446, 617, 720, 763, 808}
_SECOND_IS_TUPLE = {106, 750}
_TUPLES_OF_TUPLES = {259, 401, 445}
_TUPLES_ALL_THE_WAY = {580, 615, 791}

# Tasks whose statement leaves the order, or the kind of answer, open.
_ANY_ORDER = {
    "similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly",
    "larg_nnum", "intersection_array", "find_dissimilar", "Diff",
}  # fmt: skip
_TRUE_OR_A_MATCH = {"check_str", "text_match_three", "text_starta_endb"}
_ALSO_RIGHT = {"are_equivalent": True, "sum_div": 0}
_RELATIVE_TOLERANCE = 1e-7  # numpy's assert_allclose, which EvalPlus compares with
_LONG = 10**1000


def mbpp_arguments(number: int, row: list[Any]) -> list[Any]:
    """One MBPP+ input with the types that JSON lost.

    Args:
      number: the task's number in MBPP.
      row: the arguments of one call, as read from the file.
    """
    if number in _ARGUMENTS_ARE_TUPLES:
        return [tuple(argument) for argument in row]
    if number in _LISTS_OF_TUPLES:
        return [[tuple(part) for part in argument] for argument in row]
    if number in _FIRST_IS_LIST_OF_TUPLES:
        return [[tuple(part) for part in row[0]], *row[1:]]
    if number in _FIRST_IS_TUPLE:
        return [tuple(row[0]), *row[1:]]
    if number in _SECOND_IS_TUPLE:
        return [row[0], tuple(row[1]), *row[2:]]
    if number in _TUPLES_OF_TUPLES:
        return [tuple(tuple(part) for part in argument) for argument in row]
    if number in _TUPLES_ALL_THE_WAY:
        return [_as_tuple(argument) for argument in row]
    if number == 115:  # a list of sets, among which an empty one is a dict
        return [[set(part) if isinstance(part, list) and part else {} for part in row[0]]]
    if number == 124:
        return [float(row[0]), complex(row[1])]
    if number == 252:
        return [complex(row[0])]
    if number == 278:  # a tuple with tuples in it
        return [
            tuple(tuple(part) if isinstance(part, list) else part for part in argument) for argument in row
        ]
    if number == 722:
        return [{key: tuple(value) for key, value in row[0].items()}, *row[1:]]
    return row


def call_source(entry_point: str, arguments: list[Any]) -> str:
    """`entry_point(arguments)` as source text."""
    return f"{entry_point}({', '.join(map(as_source, arguments))})"


def plus_test(entry_point: str, arguments: list[Any], expected: Any, atol: float) -> str:
    """The test that an answer agrees with the canonical one.

    Args:
      entry_point: the function under test.
      arguments: of the call.
      expected: what the canonical program answers, plain data.
      atol: the task's absolute tolerance; 0 for exact, though floats are never compared exactly.
    """
    call = call_source(entry_point, arguments)
    if entry_point == "find_zero":  # any root will do: the polynomial must be near zero there
        terms = f"sum(c * root ** i for i, c in enumerate({as_source(arguments[0])}))"
        return f"root = {call}\nassert abs({terms}) <= {atol!r}"
    if entry_point in _ANY_ORDER:
        return f"assert set({call}) == {as_source(set(expected))}"
    if entry_point in _TRUE_OR_A_MATCH:
        truth = expected if isinstance(expected, bool) else expected is not None
        return f"out = {call}\nassert (out if isinstance(out, bool) else out is not None) == {truth}"
    if entry_point in _ALSO_RIGHT:
        return f"assert {call} in ({as_source(expected)}, {_ALSO_RIGHT[entry_point]!r})"
    tolerance = atol or (1e-6 if _only_floats(expected) else 0.0)
    if not tolerance or not _close_makes_sense(expected):
        return f"assert {call} == {as_source(expected)}"
    if not isinstance(expected, list | tuple):
        return f"assert abs({call} - {_negative_safe(expected)}) <= {_allowed(expected, tolerance)!r}"
    wanted = as_source([(part, _allowed(part, tolerance)) for part in expected])
    same_shape = f"type(out) is {type(expected).__name__} and len(out) == {len(expected)}"
    near = f"all(a == b or abs(a - b) <= t for a, (b, t) in zip(out, {wanted}))"
    return f"out = {call}\nassert {same_shape}\nassert {near}"


def as_source(value: Any) -> str:
    """Python source of plain data: the same text in every process, non-finite floats included.

    Raises:
      ValueError: the value holds something that has no such source.
    """
    kind = type(value)
    if kind is int and abs(value) >= _LONG:
        return hex(value)  # Python refuses to write, and to read, very long integers in decimal
    if value is None or kind in (int, str, bytes, bool):
        return repr(value)
    if kind is float:
        return repr(value) if math.isfinite(value) else f"float('{value}')"
    if kind is complex:
        return f"complex({as_source(value.real)}, {as_source(value.imag)})"
    if kind is list:
        return "[" + ", ".join(map(as_source, value)) + "]"
    if kind is tuple:
        return "(" + ", ".join(map(as_source, value)) + (",)" if len(value) == 1 else ")")
    if isinstance(value, dict):  # a Counter equals the dict with its counts
        return "{" + ", ".join(f"{as_source(key)}: {as_source(part)}" for key, part in value.items()) + "}"
    if kind is set or kind is frozenset:
        inside = "{" + ", ".join(sorted(map(as_source, value))) + "}" if value else ""
        return inside if kind is set and value else f"{kind.__name__}({inside})"
    raise ValueError(f"a value of type {kind.__name__} cannot be written into a test")


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value


def _only_floats(value: Any) -> bool:
    parts = value if isinstance(value, list | tuple) else [value]
    return all(isinstance(part, float) for part in parts)


def _close_makes_sense(value: Any) -> bool:
    """Whether this is a finite number, or a flat and not empty list or tuple of numbers."""
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(part, int | float) and math.isfinite(part) for part in value)
    if isinstance(value, bool) or value in (math.inf, -math.inf):
        return False
    return isinstance(value, int | float | complex)


def _allowed(expected: Any, tolerance: float) -> float:
    return tolerance + _RELATIVE_TOLERANCE * float(abs(expected))


def _negative_safe(number: Any) -> str:
    text = as_source(number)
    return f"({text})" if text.startswith("-") else text
