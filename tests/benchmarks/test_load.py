"""The readers on small made files of each public form, on the published files if at hand, and on bad ones."""

import gzip
import itertools
import json
import os
from pathlib import Path

import pytest

from acecoder_jax.benchmarks.load import check_references, humaneval_prompt, load_benchmark
from acecoder_jax.data.code import candidate_names
from acecoder_jax.errors import UserError
from sandbox import Limits, Sandbox

DATA = Path(os.environ.get("ACECODER_DATA") or Path(__file__).parents[3] / "shared" / "data")
FILES = {
    "humaneval": ("humaneval/HumanEval.jsonl.gz", 164),
    "humanevalplus": ("humanevalplus/HumanEvalPlus-Mini.jsonl.gz", 164),
    "mbpp": ("mbpp/mbpp.jsonl.gz", 500),
    "mbppplus": ("mbppplus/MbppPlus.jsonl.gz", 378),
}
HALF = {
    "task_id": "HumanEval/7",
    "prompt": 'def half(x: float) -> float:\n    """Half of `x`."""\n',
    "entry_point": "half",
    "canonical_solution": "    return x / 2\n",
}
HUMANEVAL = HALF | {
    "test": "def check(candidate):\n    assert candidate(2) == 1\n    assert candidate(3) == 1.5\n"
}
HUMANEVALPLUS = HALF | {"base_input": [[2]], "plus_input": [[3.0], [-1]], "atol": 1e-4, "contract": ""}
MBPP = {
    "task_id": 11,
    "text": "Write a function to double a number.",
    "code": "def helper(x):\r\n    return 2 * x\r\ndef double(x):\r\n    return helper(x)",
    "test_setup_code": "",
    "test_list": ["assert double(2) == 4", "assert double(0) == 0"],
    "challenge_test_list": [],
}
SANITIZED = {
    "task_id": 12,
    "prompt": "Write a function to find a circle's area.",
    "code": "import math\ndef area(r):\n    return math.pi * r * r",
    "test_imports": ["import math"],
    "test_list": ["assert math.isclose(area(1), 3.14159, rel_tol=0.001)"],
}
MBPPPLUS = {
    "task_id": "Mbpp/2",
    "prompt": '"""\nFind the shared elements.\nassert similar_elements((3,),(4,)) == ()\n"""\n',
    "entry_point": "similar_elements",
    "canonical_solution": "def similar_elements(a, b):\n    return tuple(set(a) & set(b))\n",
    "base_input": [[[3, 4], [4, 5]]],
    "plus_input": {},
    "atol": 0,
}


@pytest.fixture(scope="module")
def box():
    with Sandbox(workers=1, limits=Limits(test_cpu_s=30, program_cpu_s=600, value_kb=16384)) as box:
        yield box


@pytest.fixture
def written(tmp_path):
    def write(*rows, name="set.jsonl"):
        path = tmp_path / name
        text = (
            json.dumps(rows) if ".json" in name and ".jsonl" not in name else "\n".join(map(json.dumps, rows))
        )
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return write


def test_humaneval(written, box):
    (question,) = load_benchmark("humaneval", written(HUMANEVAL, name="set.jsonl.gz"))
    assert (question.id, question.source, question.split) == ("HumanEval/7", "humaneval", "held_out")
    assert question.tests == ("assert half(2) == 1", "assert half(3) == 1.5")
    assert question.reference == HALF["prompt"] + HALF["canonical_solution"]
    assert question.prompt == humaneval_prompt(HALF["prompt"])
    assert HALF["prompt"].strip() in question.prompt and "return x / 2" not in question.prompt
    assert check_references([question], box) == []


def test_humanevalplus_computes_the_expected_values(written, box):
    (question,) = load_benchmark("humanevalplus", written(HUMANEVALPLUS))
    assert len(question.tests) == 3
    assert question.tests[2] == "assert abs(half(-1) - (-0.5)) <= 0.00010005"
    assert check_references([question], box) == []
    assert load_benchmark("humanevalplus", written(HUMANEVALPLUS)) == [question]


def test_an_unknown_isolation_is_one_clear_line(written):
    with pytest.raises(UserError, match="wishful"):
        load_benchmark("humanevalplus", written(HUMANEVALPLUS), isolation="wishful")


def test_mbpp_full_form_keeps_the_test_split(written, box):
    few_shot, training = MBPP | {"task_id": 3}, MBPP | {"task_id": 601}
    (question,) = load_benchmark("mbpp", written(few_shot, MBPP, training))
    assert (question.id, question.entry_point) == ("Mbpp/11", "double")
    assert question.tests == ("assert double(2) == 4", "assert double(0) == 0")
    assert "assert double(2) == 4" in question.prompt and "double(0)" not in question.prompt
    assert check_references([question], box) == []


def test_mbpp_tests_may_use_a_class_that_solutions_define(written, box):
    tree = {
        "code": "class Node:\n  def __init__(self, x):\n    self.x = x\ndef value(node):\n  return node.x",
        "test_setup_code": "root = Node(5)",
        "test_list": ["assert value(root) == 5"],
    }
    (question,) = load_benchmark("mbpp", written(MBPP | tree))
    assert candidate_names(question) == ("value", "Node")
    assert check_references([question], box) == []


def test_mbpp_sanitized_form_puts_the_imports_into_each_test(written, box):
    (question,) = load_benchmark("mbpp", written(SANITIZED, name="sanitized.json.gz"))
    assert question.tests[0].splitlines()[0] == "import math"
    assert check_references([question], box) == []


def test_mbppplus(written, box):
    (question,) = load_benchmark("mbppplus", written(MBPPPLUS))
    assert question.tests == ("assert set(similar_elements((3, 4), (4, 5))) == {4}",)
    assert '"""' not in question.prompt and "shared elements" in question.prompt
    assert question.prompt.count("assert ") == 1
    assert check_references([question], box) == []


def test_the_self_check_names_a_wrong_reference(written, box):
    wrong = HUMANEVAL | {"task_id": "HumanEval/8", "canonical_solution": "    return x / 3\n"}
    assert check_references(load_benchmark("humaneval", written(HUMANEVAL, wrong)), box) == ["HumanEval/8"]


def test_inputs_that_the_canonical_program_cannot_answer_are_left_out_and_named(written):
    row = HUMANEVALPLUS | {"plus_input": [["text"]]}
    with pytest.warns(UserWarning, match="1 of HumanEval/7"):
        (question,) = load_benchmark("humanevalplus", written(row))
    assert len(question.tests) == 1


@pytest.mark.filterwarnings("ignore:.*inputs left out")
@pytest.mark.parametrize(
    ("name", "rows", "words"),
    [
        ("humaneval", [], "holds no tasks"),
        ("humaneval", [[1]], "expected JSON objects"),
        ("humaneval", [MBPP], "has no 'prompt'"),
        ("humaneval", [HUMANEVAL | {"test": "def check(candidate):\n    pass"}], "HumanEval/7 has no tests"),
        ("humaneval", [HUMANEVAL | {"test": "def check(:"}], "not a humaneval task"),
        ("humaneval", [HUMANEVAL | {"test": "x = 1"}], "check"),
        ("humanevalplus", [HUMANEVAL], "has no 'base_input'"),
        ("humanevalplus", [HUMANEVALPLUS | {"base_input": [], "plus_input": []}], "has no tests"),
        ("humanevalplus", [HUMANEVALPLUS | {"base_input": 5}], "not a humanevalplus task"),
        ("mbpp", [MBPP | {"test_list": []}], "Mbpp/11 has no tests"),
        ("mbpp", [MBPP | {"test_list": ["assert other(1) == 2"]}], "call no function"),
        ("mbpp", [MBPP | {"task_id": 3}], "holds no tasks"),
        ("mbppplus", [MBPP], "has no 'prompt'"),
        ("livecode", [MBPP], "unknown name"),
    ],
)
def test_bad_files_end_with_one_clear_line(written, name, rows, words):
    with pytest.raises(UserError) as error:
        load_benchmark(name, written(*rows))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_and_damaged_files(tmp_path):
    with pytest.raises(UserError, match="no such benchmark file"):
        load_benchmark("humaneval", tmp_path / "none.jsonl")
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(json.dumps(HUMANEVAL).encode())[:-20])
    with pytest.raises(UserError, match="cannot be read"):
        load_benchmark("humaneval", tmp_path / "cut.jsonl.gz")
    (tmp_path / "text.jsonl").write_text("task_id,prompt\n")
    with pytest.raises(UserError, match=r"text.jsonl:1: not valid JSON"):
        load_benchmark("humaneval", tmp_path / "text.jsonl")


def published(name):
    """The path of a published file, if it is at hand."""
    path = DATA / FILES[name][0]
    if not path.is_file():
        pytest.skip(f"{path.name} is not at hand; set ACECODER_DATA")
    return path


@pytest.mark.parametrize("name", ["humaneval", "mbpp"])
def test_published_files_and_their_canonical_solutions(name, box):
    questions = load_benchmark(name, published(name))
    assert len({question.id for question in questions}) == len(questions) == FILES[name][1]
    assert check_references(questions, box) == []


@pytest.mark.parametrize("name", ["humanevalplus", "mbppplus"])
def test_the_beginning_of_published_plus_files(name, box, tmp_path):
    with gzip.open(published(name), "rt") as file:
        lines = list(itertools.islice(file, 50))
    (tmp_path / "some.jsonl").write_text("".join(lines))
    questions = load_benchmark(name, tmp_path / "some.jsonl")
    assert len(questions) == 50
    assert min(len(question.tests) for question in questions) >= 5
    assert check_references(questions, box) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*inputs left out")
@pytest.mark.parametrize("name", ["humanevalplus", "mbppplus"])
def test_whole_published_plus_files(name, box):
    questions = load_benchmark(name, published(name))
    assert len({question.id for question in questions}) == len(questions) == FILES[name][1]
    assert check_references(questions, box) == []
