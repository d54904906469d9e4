"""Records survive a trip through JSON unchanged, and damaged lines are refused with file and line."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acecoder_jax.data.records import (
    OUTCOMES,
    Completion,
    PreferencePair,
    Question,
    Seed,
    TestOutcome,
    Verdict,
    from_json,
    to_json,
)
from tests.user_errors import user_error

text = st.text(max_size=20)
ids = st.lists(st.integers(0, 10**6), max_size=5).map(tuple)
rates = st.floats(0, 1)
OUTCOME = st.builds(TestOutcome, st.sampled_from(OUTCOMES), text, st.booleans())
RECORDS = {
    Seed: st.builds(Seed, text, text, text, text, st.none() | text),
    Question: st.builds(
        Question, text, text, text, st.lists(text, max_size=3).map(tuple), text, st.none() | text, text
    ),
    Completion: st.builds(
        Completion,
        *(text, text, text, st.none() | text, ids, ids),
        st.lists(st.floats(-50, 0), max_size=5).map(tuple),
        *(text, text),
    ),
    Verdict: st.builds(
        Verdict,
        text,
        text,
        st.lists(OUTCOME, max_size=3).map(tuple),
        text,
        st.none() | rates,
        st.floats(0, 100),
    ),
    PreferencePair: st.builds(PreferencePair, text, text, text, ids, ids, ids, rates, rates, text),
}
GOOD = {"id": "a", "source": "s", "program": "x = 1", "entry_point": "x"}


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_round_trip_changes_nothing(kind, data):
    record = data.draw(RECORDS[kind])
    line = to_json(record)
    assert "\n" not in line
    assert from_json(kind, line, "here") == record


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_records_cannot_be_changed(kind):
    assert kind.__dataclass_params__.frozen


def test_fields_with_defaults_may_be_left_out():
    assert from_json(Seed, json.dumps(GOOD), "here") == Seed("a", "s", "x = 1", "x", None)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('{"id": "a", "sour', "JSON"),
        ("", "JSON"),
        ('["a"]', "Seed"),
        (json.dumps({k: v for k, v in GOOD.items() if k != "program"}), "['program']"),
        (json.dumps(GOOD | {"colour": 1}), "['colour']"),
    ],
    ids=["cut", "empty", "list", "missing", "unknown"],
)
def test_a_bad_line_is_named(line, named):
    user_error(lambda: from_json(Seed, line, "records-00000.jsonl:7"), "records-00000.jsonl:7", named)


@pytest.mark.parametrize(
    "outcomes", [[{"outcome": "passed", "colour": 1}], [{"detail": "x"}], ["passed"], "passed", None]
)
def test_a_verdict_with_damaged_outcomes_is_named(outcomes):
    good = Verdict("q#0", "q", (TestOutcome("passed"),), "passed", 1.0)
    line = json.dumps(dataclasses.asdict(good) | {"outcomes": outcomes})
    user_error(lambda: from_json(Verdict, line, "f:3"), "f:3")
