"""Plain values as source text."""

import ast
import subprocess
import sys
from decimal import Decimal

import pytest

from acecoder_jax.synthesis.literals import NotPlain, as_source, floats_in, from_source

VALUES = [
    *(0, -3, 10**30, 0.5, -0.0, 1e-7, True, None, 'it\'s "quoted"\n', b"\x00a"),
    *([], [1, [2.5, None]], (), (1,), (1, "a"), {}, {"a": [1], 2: (3,)}, {1, 2, 3}, {"b"}),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_source_text_gives_the_same_value_and_type(value):
    again = ast.literal_eval(as_source(value))
    assert again == value
    assert type(again) is type(value)
    assert from_source(as_source(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        [float("-inf")],
        set(),
        frozenset({1}),
        range(3),
        Decimal(1),
        1j,
        object(),
        int,
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_else_is_not_plain(value):
    with pytest.raises(NotPlain):
        as_source(value)


def test_an_int_of_more_digits_than_python_reads_is_not_plain():
    for value in (10**5000, [-(7**9999)]):
        with pytest.raises(NotPlain, match="too many digits"):
            as_source(value)


@pytest.mark.parametrize("text", ["f(1)", "1 +", "[x]", "(" * 300, "__import__('os')", "1 + 'a'", "{[]: 1}"])
def test_only_constants_are_read(text):
    with pytest.raises(NotPlain):
        from_source(text)


def test_sets_read_the_same_in_every_process():
    code = (
        "from acecoder_jax.synthesis.literals import as_source\n"
        "print(as_source({'pear', 'fig', 'kiwi', 'plum'}))\n"
    )
    texts = set()
    for hash_seed in ("1", "2", "3", "4"):
        environment = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(filter(None, sys.path))}
        texts.add(
            subprocess.run(
                [sys.executable, "-c", code], env=environment, capture_output=True, text=True
            ).stdout
        )
    assert texts == {"{'fig', 'kiwi', 'pear', 'plum'}\n"}


def test_floats_are_found_inside_containers():
    assert sorted(floats_in({"a": [1.5, 2], 2.5: (3, [4.5])})) == [1.5, 2.5, 4.5]
    assert floats_in(1) == []
