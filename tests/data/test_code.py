"""The code extractor: which block of an answer is the program."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acecoder_jax.data.code import candidate_names, defines, extract_program
from acecoder_jax.data.records import Question

ADD = "def add(a, b):\n    return a + b\n"
USE = "print(add(1, 2))\n"


def fence(body, language="python"):
    return f"```{language}\n{body}```\n"


@pytest.mark.parametrize("language", ["python", "py", "python3", "Python", "", " python"])
def test_a_python_block_is_the_program(language):
    assert extract_program(f"Here you are:\n\n{fence(ADD, language)}\nIt adds.") == ADD


@pytest.mark.parametrize("language", ["bash", "javascript", "c++", "text", "json"])
def test_blocks_in_other_languages_are_not(language):
    assert extract_program(fence(ADD, language)) is None
    assert extract_program(fence("npm run\n", language) + fence(ADD)) == ADD


@pytest.mark.parametrize(
    "text",
    [
        "",
        ADD,
        "```python\n" + ADD,
        "```python\n",
        "text ```python " + ADD + "```",
        fence(""),
        fence("   \n\n"),
        "`add`",
    ],
    ids=["empty", "no fence", "not closed", "only opened", "inline", "empty block", "blank block", "quoted"],
)
def test_no_closed_block_is_no_program(text):
    assert extract_program(text, "add") is None


def test_the_last_block_that_defines_the_entry_point_wins():
    first, second = ADD, "def add(a, b):\n    return b + a\n"
    text = fence(first) + "or shorter\n" + fence(second) + "use it so\n" + fence(USE)
    assert extract_program(text, "add") == second
    assert extract_program(text) == USE
    assert extract_program(text, "other") == USE, "no block defines it: the last of all"


def test_a_block_after_an_unclosed_one():
    assert extract_program(fence(ADD) + "and\n```python\ndef half(x):\n    return", "half") == ADD


def test_an_indented_block_keeps_its_indentation():
    text = "1. so:\n   ```python\n   x = 1\n   ```\n"
    assert extract_program(text) == "   x = 1\n"


def test_fences_inside_a_line_do_not_close_the_block():
    body = 's = "```"\nprint(s)\n'
    assert extract_program(fence(body)) == body


def test_windows_line_ends():
    program = extract_program(f"```python\r\n{ADD}```\r\n")
    assert program is not None and defines(program, "add")


@pytest.mark.parametrize(
    ("program", "name", "expected"),
    [
        ("def add(a):\n  pass", "add", True),
        ("x = 1\nasync  def  add (a):\n  pass", "add", True),
        ("class Add:\n  pass", "Add", True),
        ("class Add(Base):\n  pass", "Add", True),
        ("add = lambda a: a", "add", True),
        ("add: Callable = sum", "add", True),
        ("def adder(a):\n  pass", "add", False),
        ("def my_add(a):\n  pass", "add", False),
        ("class C:\n  def add(self):\n    pass", "add", False),
        ("print(add(1))", "add", False),
        ("# def add(a):", "add", False),
        ("f_x(1)", "f.x", False),
    ],
)
def test_defines(program, name, expected):
    assert defines(program, name) is expected


def test_what_the_reference_defines_counts_as_the_candidates():
    program = "class Tree:\n  def add(self): ...\nasync def walk(t):\n  def inner(): ...\ndef size(t): ..."
    asked = Question("q", "made", "", (), "size", program)
    assert candidate_names(asked) == ("size", "Tree", "walk")
    assert candidate_names(Question("q", "made", "", (), "size")) == ("size",)


def test_a_comparison_is_no_definition():
    assert not defines("add == other", "add")


@given(st.text(alphabet=st.characters(exclude_characters="`\r"), min_size=1).filter(str.strip))
def test_whatever_stands_in_the_block_comes_back(body):
    assert extract_program(f"text\n```python\n{body}\n```\nmore") == body + "\n"


@given(st.text(alphabet="`python \n\rdef x():", max_size=60), st.text(alphabet="`python \nx", max_size=20))
def test_a_program_once_found_stays_found(text, more):
    """The engine's stop rule needs it: true for a prefix means true for every longer text, at line ends."""
    if extract_program(text + "\n") is not None:
        assert extract_program(text + "\n" + more) is not None
