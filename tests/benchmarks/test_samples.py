"""Published programs: both forms, and files that are not of this benchmark."""

import gzip
import json

import pytest

from acecoder_jax.benchmarks.samples import Published, read_samples
from acecoder_jax.data.code import defines
from tests.made_records import question
from tests.user_errors import user_error

QUESTIONS = [question("T/0", entry_point="half"), question("T/1", entry_point="twice")]
CODET = [
    {"prompt": "def half(x):\n", "samples": ["    return x / 2\n", "    return x\n"]},
    {"prompt": "import math\n\n\ndef twice(x):\n", "samples": ["    return 2 * x\n"]},
]
EVALPLUS = [
    {"task_id": "T/1", "solution": "def twice(x): return x + x"},
    {"task_id": "T/0", "solution": "def half(x): return x"},
    {"task_id": "T/1", "solution": "def twice(x): return 2 * x"},
]


def file_of(folder, rows, name="samples.jsonl"):
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path = folder / name
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


@pytest.mark.parametrize("name", ["samples.jsonl", "samples.jsonl.gz"])
def test_continuations_are_put_behind_their_prompts(tmp_path, name):
    assert read_samples(file_of(tmp_path, CODET, name), QUESTIONS) == {
        "T/0": Published(
            "def half(x):\n", ["def half(x):\n    return x / 2\n", "def half(x):\n    return x\n"]
        ),
        "T/1": Published(
            "import math\n\n\ndef twice(x):\n", ["import math\n\n\ndef twice(x):\n    return 2 * x\n"]
        ),
    }


def test_rows_may_stand_in_the_order_of_the_ids_as_texts(tmp_path):
    questions = [question(f"T/{number}", entry_point=f"f{number}") for number in (2, 10)]
    rows = [{"prompt": f"def f{number}(x):\n", "samples": ["    pass"]} for number in (10, 2)]
    found = read_samples(file_of(tmp_path, rows), questions)
    assert list(found) == ["T/2", "T/10"] and found["T/10"].programs == ["def f10(x):\n    pass"]


def test_whole_programs_go_by_their_ids(tmp_path):
    assert read_samples(file_of(tmp_path, EVALPLUS), QUESTIONS) == {
        "T/1": Published("", ["def twice(x): return x + x", "def twice(x): return 2 * x"]),
        "T/0": Published("", ["def half(x): return x"]),
    }


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        (CODET[:1], ["has 1 tasks", "benchmark 2"]),
        (CODET[::-1], [":1", "half", "T/0", "order"]),
        ([{"prompt": 3, "samples": []}, CODET[1]], [":1", "`samples`"]),
        ([*EVALPLUS, {"task_id": "T/9", "solution": ""}], [":4", "T/9", "no task of this benchmark"]),
        ([{"task_id": "T/0", "answer": "x"}], [":1", "`solution`"]),
        ([1], [":1", "JSON objects"]),
        ([], ["no programs"]),
    ],
)
def test_files_of_another_form_or_benchmark_are_refused(tmp_path, rows, names):
    path = file_of(tmp_path, rows)
    user_error(lambda: read_samples(path, QUESTIONS), path, *names)


def test_a_missing_or_cut_file_is_refused(tmp_path):
    user_error(lambda: read_samples(tmp_path / "none.jsonl", QUESTIONS), "none.jsonl", "no such")
    path = file_of(tmp_path, CODET, "samples.jsonl.gz")
    path.write_bytes(path.read_bytes()[:-20])
    user_error(lambda: read_samples(path, QUESTIONS), path, "download it again")


def test_codets_programs_fit_humaneval(shared_data):
    with gzip.open(shared_data / "humanevalplus" / "HumanEvalPlus-Mini.jsonl.gz", "rt") as lines:
        rows = list(map(json.loads, lines))
    questions = [question(row["task_id"], entry_point=row["entry_point"]) for row in rows]
    name = "HumanEval_codegen16B_temp0.8_topp0.95_num100_max300_code_solution.jsonl.gz"
    found = read_samples(shared_data / "codet" / name, questions)
    programs = {id: one.programs for id, one in found.items()}
    assert list(programs) == [q.id for q in questions] and set(map(len, programs.values())) == {100}
    assert all(defines(programs[q.id][0], q.entry_point) for q in questions)
    with gzip.open(shared_data / "codet" / "HumanEval_for_code_generation.jsonl.gz", "rt") as lines:
        prompts = {row["task_id"]: row["prompt"] for row in map(json.loads, lines)}
    assert all(program.startswith(prompts[name]) for name, group in programs.items() for program in group)
    assert {id: one.prompt for id, one in found.items()} == prompts
