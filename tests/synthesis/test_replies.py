"""Reading a language model's reply: what is taken, what is repaired, what is dropped, and that all is counted."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acecoder_jax.synthesis.outcomes import Rejection
from acecoder_jax.synthesis.replies import Draft, Reply, read_reply

GOOD = {
    "question": "Write `twice(x: int) -> int`.",
    "tests": ["assert twice(1) == 2", "assert twice(2) == 4"],
}
DRAFT = Draft(GOOD["question"], tuple(GOOD["tests"]), "twice")
PLAIN = json.dumps(GOOD)


def read(text, finish_reason="stop"):
    notes = Counter()
    return read_reply(Reply(text, finish_reason), notes), dict(notes)


def read_tests(*tests, question="Write twice."):
    return read(json.dumps({"question": question, "tests": tests}))


def test_the_form_that_was_asked_for_needs_no_repair():
    assert read(PLAIN) == (DRAFT, {})
    assert read(f"\n {json.dumps(GOOD, indent=2)}\n") == (DRAFT, {})


@pytest.mark.parametrize(
    ("text", "repairs"),
    [
        (f"```json\n{PLAIN}\n```", ["text around the JSON"]),
        (f"Here you are:\n{PLAIN}\nGood luck!", ["text around the JSON"]),
        (f"<think>a set {{1}} would do</think>{PLAIN}", ["text around the JSON"]),
        (PLAIN.replace("int`.", "int`.\n\tNow."), ["control characters in strings"]),
        (PLAIN[:-2] + ",]}", ["trailing comma"]),
        (PLAIN[:-1] + " ,\n}", ["trailing comma"]),
        (
            f"```\n{PLAIN[:-2].replace('int`.', 'int`.' + chr(10))},]}}\n```",
            ["text around the JSON", "control characters in strings", "trailing comma"],
        ),
    ],
)
def test_listed_repairs(text, repairs):
    draft, notes = read(text)
    assert draft.tests == DRAFT.tests and draft.prompt.startswith("Write `twice(x: int) -> int`.")
    assert notes == {f"repaired: {repair}": 1 for repair in repairs}


def test_a_comma_inside_a_string_is_left_alone():
    tests = ['assert twice("a,]") == "a,]a,}"', r"assert twice('\",}') == '\",}\",}'"]
    text = json.dumps({"question": "twice [1,]", "tests": tests})
    draft, notes = read(text[:-2] + ",]}")
    assert draft.tests == tuple(tests) and draft.prompt == "twice [1,]"
    assert notes == {"repaired: trailing comma": 1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty reply"),
        ("  \n", "empty reply"),
        ("I cannot do that.", "reply is not JSON"),
        (PLAIN[:-10], "reply is not JSON"),
        ("{'question': 'twice', 'tests': []}", "reply is not JSON"),
        ("[" * 100_000, "reply is not JSON"),
        ('{"question": ' + "9" * 5000 + ', "tests": []}', "reply is not JSON"),
        (f"[{PLAIN}]", "reply has another form"),
        ("null", "reply has another form"),
        ('{"question": "twice"}', "reply has another form"),
        (json.dumps(GOOD | {"solution": "def twice(x): return 2 * x"}), "reply has another form"),
        (json.dumps(GOOD | {"question": None}), "reply has another form"),
        (json.dumps(GOOD | {"question": "  "}), "reply has another form"),
        (json.dumps(GOOD | {"tests": "assert twice(1) == 2"}), "reply has another form"),
        (json.dumps(GOOD | {"question": "twice \ud800"}), "reply is not valid Unicode"),
        (json.dumps(GOOD | {"tests": []}), "no test calls a function"),
        (json.dumps(GOOD | {"tests": ["assert 1 == 1", "twice(", 3]}), "no test calls a function"),
        (
            json.dumps(GOOD | {"question": "Write a twice_or_more function."}),
            "question does not name its function",
        ),
    ],
)
def test_reasons_to_reject(text, reason):
    rejection, notes = read(text)
    assert isinstance(rejection, Rejection) and rejection.reason == reason
    assert not any(name.startswith("repaired") for name in notes)


def test_a_cut_or_refused_reply_is_never_read():
    assert read(PLAIN, "length")[0].reason == "reply cut at the token limit"
    assert read("No.", "content_filter")[0] == Rejection("reply refused by the model", "No.")


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        (7, "not a text"),
        (None, "not a text"),
        ("assert twice(1 == 2", "does not parse"),
        pytest.param("assert twice(1) == 2  #" + " " * 10_000_000, "too long", id="ten megabytes"),
        ("assert twice(1) == '\0'", "does not parse"),
        ("assert twice(1) == '\ud800'[:0]", None),  # the whole reply is refused: see below
        ("assert twice(1) == 0x" + "f" * 5000, "does not parse"),
        ("assert twice(" + "-" * 50_000 + "1) == 2", "does not parse"),
        ("twice(1) == 2", "not one assert"),
        ("x = twice(1)\nassert x == 2", "not one assert"),
        ("assert twice(1) == 2; assert twice(3) == 6", "not one assert"),
        ("def test():\n    assert twice(1) == 2", "not one assert"),
        ("# nothing", "not one assert"),
        ("", "not one assert"),
        ("assert 2 == 2", "does not call the function"),
        ("assert twice", "does not call the function"),
        ("assert thrice(1) == 3", "does not call the function"),
        ("assert twice(1) == twice(1)", "calls it more than once, or another function too"),
        ("assert twice(thrice(1)) == 6", "calls it more than once, or another function too"),
        ("assert twice(1) == 2 and __import__('os')", "calls it more than once, or another function too"),
        ("assert twice(n) == 2", "uses other names"),
        ("assert twice(math.pi) == 2", "uses other names"),
        ("assert twice('a').upper() == 'AA'", "uses other names"),
        ("assert all(twice(n) == 2 * n for n in range(3))", "uses other names"),
        ("assert (lambda: twice(1))", "uses other names"),
        ("assert twice(twice) == 2", "uses other names"),
        ("assert (twice(1), 2)", "checks nothing"),
        ("assert twice(1)  ==  2", "said twice"),
    ],
)
def test_tests_that_are_dropped(test, reason):
    result, notes = read_tests("assert twice(1) == 2", "assert twice(2) == 4", test)
    if reason is None:
        assert result == Rejection("reply is not valid Unicode") and notes == {}
    else:
        assert result.tests == DRAFT.tests
        assert notes == {f"tests dropped: {reason}": 1}


@pytest.mark.parametrize(
    "test",
    [
        "assert abs(twice(0.25) - 0.5) < 1e-6",
        "assert twice(-3) == -6, 'negative'",
        "assert sorted(twice({3, 1})) == [1, 1, 3, 3]",
        "assert twice(set()) is None",
        "assert twice(x=[None, True, {'a': (1,)}])[0] != float('inf')",
        "assert not twice('')",
        "assert twice(2)(3) == 12",
        r"assert twice('\d') == '\d\d'",
    ],
)
def test_tests_that_are_kept_as_they_are_written(test, recwarn):
    result, notes = read_tests(f"  {test}\n")
    assert result.tests == (test,) and notes == {} and not recwarn.list


def test_the_function_is_the_one_that_most_tests_call():
    asserts = [
        "assert first(1) == 1",
        "assert main(1) == 1",
        "assert main(helper(2)) == 1",
        "assert main(3) == 1",
    ]
    result, notes = read_tests(*asserts, question="main uses first and helper")
    assert result.entry_point == "main" and result.tests == (asserts[1], asserts[3])
    assert sum(notes.values()) == 2
    assert read_tests(*asserts[:2], question="first, main")[0].entry_point == "first"


@given(
    st.text(max_size=60) | st.builds(lambda a, b: PLAIN[:a] + b + PLAIN[a:], st.integers(0, 120), st.text())
)
def test_any_text_is_a_draft_or_a_rejection(text):
    result, _ = read(text)
    assert isinstance(result, Draft | Rejection)
    assert not isinstance(result, Draft) or result.entry_point in result.prompt
