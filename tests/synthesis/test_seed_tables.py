"""Rows of the released data sets as seeds, and why some become none."""

import ast
import collections

import pytest

from acecoder_jax.data.records import Seed
from acecoder_jax.synthesis.seed_files import Dropped, Found
from acecoder_jax.synthesis.seed_tables import find_entry_point, form_of, read_tables
from tests.synthesis.seed_data import ADD, EVOL, OSS, SORT, STACK, fenced, write_jsonl, write_parquet
from tests.user_errors import user_error


def read(tmp_path, rows, name="mine.jsonl", **options):
    path = tmp_path / name
    (write_parquet if name.endswith("parquet") else write_jsonl)(path, rows)
    return list(read_tables([path], "mine", **options))


def reasons(items):
    return dict(collections.Counter(item.reason for item in items if isinstance(item, Dropped)))


@pytest.mark.parametrize("name", ["x.jsonl", "x.parquet"])
def test_evol_instruct(tmp_path, name):
    items = read(tmp_path, EVOL, name)
    assert items[0] == Found(Seed("evol_0", "evol", ADD, "add", "Write a function that adds."), ADD)
    assert [(item.id, item.reason) for item in items[1:]] == [
        ("evol_1", "no Python code block"),
        ("evol_2", "no Python code block"),
    ]


@pytest.mark.parametrize("name", ["x.jsonl", "x.parquet"])
def test_oss_instruct(tmp_path, name):
    seed, other = read(tmp_path, OSS, name)
    assert seed.seed == Seed("oss_0", "oss", SORT, "order", "Sort.")
    assert other == Dropped("oss_1", "not Python", "cpp")


def test_oss_instruct_as_the_paper_reads_it(tmp_path):
    rows = [{"lang": "python", "instruction": "Sort.", "response": fenced(SORT)}]
    (item,) = read(tmp_path, rows)
    assert item.seed == Seed("oss_0", "oss", SORT, "order", "Sort.")


@pytest.mark.parametrize("name", ["x.jsonl", "x.parquet"])
def test_stack_functions(tmp_path, name):
    rows = [
        {"content": STACK["docstring"], "sha1": "a", "id": 5},
        {"content": ADD, "sha1": "b", "id": 6},
    ]
    seed, short = read(tmp_path, rows, name)
    assert seed.seed == Seed("bigcode_python_fns_0", "bigcode_python_fns", STACK["docstring"], "word_lengths")
    assert short.reason == "program too short" and short.id == "bigcode_python_fns_1"


def test_rows_of_ones_own(tmp_path):
    rows = [
        {"program": ADD},
        {"program": ADD + SORT, "id": "a/b", "source": "me", "instruction": "Add.", "entry_point": "add"},
        {"program": ADD, "entry_point": "subtract"},
        {"program": ADD, "id": 12, "instruction": "  "},
    ]
    items = read(tmp_path, rows)
    assert items[0].seed == Seed("mine_0", "mine", ADD, "add")
    assert items[1].seed == Seed("a/b", "me", ADD + SORT, "add", "Add.")
    assert items[2].reason == "entry point not defined"
    assert items[3].seed == Seed("12", "mine", ADD, "add")


MODULE = """import math

SIDES = 4


def area(x):
    return half(x) * SIDES


def half(x):
    return x / 2


def root(x):
    return math.sqrt(x)
"""


def test_functions_of_modules_keep_what_they_use(tmp_path):
    rows = [{"path": "geo/square.py", "name": name, "module": MODULE} for name in ("area", "root", "_none")]
    rows += [{"name": "root", "module": MODULE}, {"path": "bad.py", "name": "f", "module": "def f(:"}]
    path = write_jsonl(tmp_path / "x.jsonl.gz", rows)
    area, root, none, unplaced, bad = read_tables([path], "x")
    assert area.seed == Seed(
        "geo/square/area",
        "x",
        "SIDES = 4\n\ndef area(x):\n    return half(x) * SIDES\n\ndef half(x):\n    return x / 2\n",
        "area",
    )
    assert area.own == "def area(x):\n    return half(x) * SIDES"
    assert root.seed.program.startswith("import math") and "half" not in root.seed.program
    assert (none.id, none.reason) == ("geo/square/_none", "no such public function")
    assert unplaced.seed.id == "x_3"
    assert (bad.id, bad.reason) == ("bad/f", "not valid Python")


def test_numbers_go_on_over_the_files_of_a_data_set_of_any_form(tmp_path):
    paths = [
        write_parquet(tmp_path / "a.parquet", EVOL),
        write_jsonl(tmp_path / "b.jsonl.gz", EVOL[:1]),
        write_jsonl(tmp_path / "c.jsonl", [{"program": ADD}]),
    ]
    items = list(read_tables(paths, "mine"))
    ids = [item.seed.id if isinstance(item, Found) else item.id for item in items]
    assert ids == ["evol_0", "evol_1", "evol_2", "evol_3", "mine_4"]


def test_every_reason_is_counted(tmp_path):
    rows = [
        {"program": "x = 1\n"},
        {"program": "print 'python 2'\n"},
        {"program": "def f(:\n"},
        {"program": "x = 1\0\n"},
        {"program": "x = " + "-" * 15_000 + "1\ndef f(): pass\n"},
        {"program": None},
        {"program": 3},
        {"program": " \n"},
        {"program": "# " + "x" * 10_000_000},
        {"program": ADD, "instruction": "x" * 10_000_000},
        {"program": "s = '\\d'\n" + ADD},
        {"program": "\ud800" + ADD},
    ]
    items = read(tmp_path, rows)
    assert reasons(items) == {
        "no function or class": 1,
        "not valid Python": 4,
        "text missing": 3,
        "program too long": 2,
        "not UTF-8": 1,
    }
    assert [item.seed.id for item in items if isinstance(item, Found)] == ["mine_10"]


def test_the_longest_program_is_a_setting(tmp_path):
    assert reasons(read(tmp_path, [{"program": ADD}], longest=len(ADD))) == {}
    assert reasons(read(tmp_path, [{"program": ADD}], longest=len(ADD) - 1)) == {"program too long": 1}


def test_the_first_block_with_a_function_is_the_program(tmp_path):
    answer = fenced("pip install x\n", "") + fenced("x = add(1, 2)\n") + fenced(ADD) + fenced(SORT)
    (item,) = read(tmp_path, [{"instruction": "Add.", "response": answer}])
    assert item.seed.program == ADD


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("def a(): pass\ndef b(): return a()\n", "b"),
        ("def b(): return a()\ndef a(): pass\n", "b"),
        ("def a(): return b()\ndef b(): return a()\n", "b"),
        ("def f(n): return f(n - 1)\n", "f"),
        ("def solve(): pass\ndef main(): solve()\nmain()\n", "solve"),
        ("def main(): pass\n", "main"),
        ("class A: pass\nclass B: pass\n", "B"),
        ("class A: pass\ndef f(): return A()\n", "f"),
        ("async def f(): pass\n", "f"),
        ("x = 1\n", None),
    ],
)
def test_the_entry_point_is_what_nothing_else_uses(program, expected):
    assert find_entry_point(ast.parse(program)) == expected


def test_wrong_columns_are_named_with_the_right_ones(tmp_path):
    for write, name in ((write_jsonl, "x.jsonl"), (write_parquet, "x.parquet")):
        path = write(tmp_path / name, [{"question": "q", "answer": "a", "lang": "python"}])
        text = user_error(lambda path=path: form_of(path), path, "has the columns question, answer, lang")
        assert "lang, problem, solution" in text and "content" in text and "program (one's own)" in text


def test_rows_of_jsonl_that_lack_a_column_later_are_counted(tmp_path):
    assert reasons(read(tmp_path, [{"program": ADD}, {"code": ADD}])) == {"text missing": 1}
