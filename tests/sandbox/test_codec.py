"""The codec gives back what it was given, and nothing that a hostile process sends gets past `Malformed`."""

from __future__ import annotations

import collections
import contextlib
import datetime
import decimal
import fractions
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.jailed import codec, decoding

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.complex_numbers()
    | st.decimals()
    | st.fractions()
    | st.dates()
    | st.datetimes()
    | st.times()
    | st.timedeltas()
)
hashable = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(hashable, inner)
        | st.sets(hashable)
        | st.frozensets(hashable)
        | st.lists(inner).map(collections.deque)
        | st.dictionaries(hashable, inner).map(collections.OrderedDict)
    ),
    max_leaves=20,
)


def same(a, b) -> bool:
    """Equal, of exactly the same types all the way down, with NaN equal to itself."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return a == b or (a != a and b != b)
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, decimal.Decimal):
        return str(a) == str(b)
    if isinstance(a, list | tuple | collections.deque):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(same(x, y) and same(a[x], b[y]) for x, y in zip(a, b))
    return a == b


@given(values)
def test_round_trip(value):
    assert same(decoding.decode(decoding.parse(codec.encode(value))), value)


@pytest.mark.parametrize(
    "value",
    ids=lambda value: type(value).__name__,
    argvalues=[
        10**5000, -(10**5000), float("inf"), range(2, 10**30, 3), ..., bytearray(b"x"), (), [[]], {(): []},
        {1: {2: {3}}},
        "\ud800", "\0", -0.0, fractions.Fraction(1, 3), datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
    ],
)  # fmt: skip
def test_particular_values(value):
    assert same(decoding.decode(decoding.parse(codec.encode(value))), value)


def test_subclasses_become_what_they_are_based_on():
    class Number(int):
        def __add__(self, other):
            return 99

        def __eq__(self, other):
            return True

        __hash__ = int.__hash__

    class Words(list):
        def __iter__(self):
            return iter(["lie"])

        def __len__(self):
            return 99

    class Table(dict):
        def items(self):
            return [("lie", 1)]

        keys = values = __iter__ = items

    for value, plain in ((Number(3), 3), (Words(["truth"]), ["truth"]), (Table(a=1), {"a": 1})):
        assert same(decoding.decode(decoding.parse(codec.encode(value))), plain)


def test_iterators_come_back_as_iterators():
    assert list(decoding.decode(decoding.parse(codec.encode(iter([1, 2]))))) == [1, 2]
    endless = decoding.decode(decoding.parse(codec.encode(i for i in iter(int, 1))))
    assert next(endless) == 0
    with pytest.raises(RuntimeError, match="cut"):
        list(endless)


@pytest.mark.parametrize("value", [object(), len, type("C", (), {}), codec, [object()], {1: {object()}}])
def test_what_is_not_plain_data_is_refused(value):
    with pytest.raises(codec.Unencodable):
        codec.encode(value)


def test_depth_and_size_are_bounded():
    deep: list = []
    for _ in range(1000):
        deep = [deep]
    wide: list = []
    for _ in range(60):
        wide = [wide, wide]
    circle: list = []
    circle.append(circle)
    for value in (deep, wide, circle, [None] * 300_000):
        with pytest.raises(codec.Unencodable):
            codec.encode(value)


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=10)
        | st.dictionaries(st.sampled_from([*decoding._DECODERS, *decoding._EXOTIC, "?"]), inner, max_size=2)
    ),
    max_leaves=25,
)


@settings(max_examples=400)
@given(trees)
def test_hostile_trees_decode_or_are_malformed(tree):
    for exotic in (True, False):
        with contextlib.suppress(decoding.Malformed, decoding.Exotic):
            decoding.decode(tree, exotic)


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_hostile_bytes_parse_or_are_malformed(data):
    with contextlib.suppress(decoding.Malformed):
        decoding.parse(data)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"s":' * 50_000,
        "NaN",
        "[1e999, Infinity]",
        "9" * 10_000,
        '{"d":[[[1]],[2]]}',
        '{"s":[[1]]}',
        "{}",
    ],
)
def test_known_bad_bytes(text):
    with pytest.raises(decoding.Malformed):
        decoding.decode(decoding.parse(text))


def test_a_flood_of_equal_hashes_is_refused():
    flood = json.dumps({"s": [{"i": hex(i * ((1 << 61) - 1))} for i in range(1, 2000)]})
    with pytest.raises(decoding.Malformed, match="equal hashes"):
        decoding.decode(decoding.parse(flood))


def test_trees_deeper_than_any_value_are_malformed():
    """On every version of Python: some parse them, and then trip over them later."""
    decoding.decode(
        decoding.parse(codec.encode(nested(codec.MAX_DEPTH - 1, lambda value: {0: (value,)}, ())))
    )
    for depth in (500, 800, 5000):
        for opening, closing in ("[", "]"), ('{"t":[', "]}"):
            with pytest.raises(decoding.Malformed):
                decoding.parse(opening * depth + closing * depth)


def nested(depth, around, value):
    for _ in range(depth // 2):
        value = around(value)
    return value


def test_large_sets_are_rebuilt_only_in_a_jail():
    """Hashes that collide in part cost time too, which a worker must not spend."""
    many = list(range(decoding.MAX_HASHED + 1))
    for tree in ({"s": many}, {"d": [many, many]}):
        with pytest.raises(decoding.Exotic):
            decoding.decode(tree, exotic=False)
        assert len(decoding.decode(tree)) == len(many)
    decoding.decode({"s": many[1:]}, exotic=False)
