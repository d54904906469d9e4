"""The released data sets' files: read, checked, and through records back to the same bytes."""

import dataclasses
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acecoder_jax.data.folders import file_hash
from acecoder_jax.data.released import (
    SCHEMAS,
    layouts_from_json,
    layouts_to_json,
    new_layout,
    read_layout,
    read_rows,
    released_files,
    write_file,
)
from acecoder_jax.data.released_records import (
    pair_records,
    question_records,
    question_row,
    remainder,
    restore,
)
from tests.user_errors import user_error

SHARES = {"validation": 0.1}
ENCODE = (lambda text: tuple(text.encode()), lambda text: (*text.encode(), 0))


def question_line(number, **changes):
    """A row as the authors' script writes it."""
    prompt = f"Write add_{number}(a, b) — “quoted”, 漢字."
    inferences = [
        {
            "model_name": "m",
            "completion_id": i,
            "completion": f"```python\nx = {i}\n```\né",
            "pass_rate": i / 3,
        }
        for i in range(3)
    ]
    return {
        "id": f"oss_{number}",
        "source": "oss",
        "question": prompt,
        "test_cases": [f"assert add_{number}(1, {i}) == {1 + i}" for i in range(5)],
        "inferences": inferences,
        "context_messages": [{"content": prompt, "role": "user"}],
    } | changes


def pair_line(number, **changes):
    texts = {
        "instruction": f"Solve {number // 3} é",
        "input": "",
        "chosen": f"good {number}",
        "rejected": "bad",
    }
    return texts | {"id": number} | changes


def write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_parquet(path, kind, rows, metadata=None, **options):
    schema = SCHEMAS[kind].with_metadata(metadata or {})
    pq.write_table(pa.Table.from_pylist(rows, schema), path, **options)
    return path


def test_columns_are_those_of_the_released_sets():
    assert SCHEMAS["questions"].names == [
        "id", "source", "question", "test_cases", "inferences", "context_messages",
    ]  # fmt: skip
    fields = SCHEMAS["questions"].field("inferences").type.value_type
    assert [(f.name, str(f.type)) for f in fields] == [
        ("completion", "string"), ("completion_id", "int64"), ("model_name", "string"), ("pass_rate", "double"),
    ]  # fmt: skip
    assert SCHEMAS["pairs"].names == ["instruction", "input", "chosen", "rejected", "id"]


@pytest.mark.parametrize("kind", SCHEMAS)
@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_rows_are_written_and_read_back(kind, form, tmp_path):
    rows = [{"questions": question_line, "pairs": pair_line}[kind](i) for i in range(7)]
    layout = new_layout(f"a.{form}", kind, 7)
    write_file(tmp_path, layout, ((row, None) for row in rows))
    found = read_layout(tmp_path / f"a.{form}")
    assert found == dataclasses.replace(layout, sha256=file_hash(tmp_path / f"a.{form}"))
    assert layouts_from_json(layouts_to_json([layout])) == [layout]
    assert [row for _, row, _ in read_rows(tmp_path / f"a.{form}", kind)] == rows


def test_a_row_of_questions_is_its_records():
    row = question_line(3)
    made = question_records(row, "here", SHARES, ENCODE)
    assert (made.question.id, made.question.source, made.question.prompt) == ("oss_3", "oss", row["question"])
    assert made.question.entry_point == "add_3" and list(made.question.tests) == row["test_cases"]
    assert [c.id for c in made.completions] == ["oss_3#0", "oss_3#1", "oss_3#2"]
    assert made.completions[1].program == "x = 1\n" and made.completions[1].model == "m"
    assert made.completions[1].token_ids == (*row["inferences"][1]["completion"].encode(), 0)
    assert [v.pass_rate for v in made.verdicts] == [0, 1 / 3, 2 / 3]
    rebuilt = question_row(made.question, zip(made.completions, [v.pass_rate for v in made.verdicts]))
    assert rebuilt == row and remainder(row, json.dumps(row), rebuilt) is None


def test_the_function_is_what_most_tests_call_and_ten_megabytes_are_not_parsed():
    row = question_line(3, test_cases=["assert g(1) == 2  #" + " " * 10_000_000, "assert f(1) == 2"])
    assert question_records(row, "x", {}, None).question.entry_point == "f"


def test_a_pair_names_its_question_and_programs_by_what_they_say():
    first, second, other = (pair_records(pair_line(number), "here", SHARES, ENCODE) for number in (0, 1, 3))
    assert first.pair.question_id == second.pair.question_id != other.pair.question_id
    assert first.pair.rejected_id == second.pair.rejected_id and first.pair.chosen_id != second.pair.chosen_id
    assert first.pair.chosen_ids == (*b"good 0", 0) and first.pair.prompt_ids == tuple("Solve 0 é".encode())
    assert first.pair.split == second.pair.split and first.pair.chosen_pass_rate is None


def test_what_records_cannot_say_is_kept():
    row = question_line(0, context_messages=[{"content": "other", "role": "system"}], extra=[1, None])
    made = question_records(row, "here", SHARES, None)
    rebuilt = question_row(made.question, zip(made.completions, [v.pass_rate for v in made.verdicts]))
    for line in (None, json.dumps(row, ensure_ascii=False)):
        rest = json.loads(json.dumps(remainder(row, line, rebuilt)))
        again, exact = restore(rebuilt, rest)
        assert exact == line and (line or (again == row and list(again) == list(row)))


def test_a_path_names_a_file_or_a_folder_of_them(tmp_path):
    one = write_jsonl(tmp_path / "b.jsonl", [pair_line(0)])
    two = write_parquet(tmp_path / "a.parquet", "pairs", [pair_line(0)])
    assert released_files(one) == [one] and released_files(tmp_path) == [two, one]
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "none", tmp_path / "empty"):
        user_error(lambda: released_files(path), path, "no .parquet or .jsonl")  # noqa: B023


def test_parquet_files_that_are_not_whole_or_have_other_columns(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", "questions", [question_line(i) for i in range(50)])
    data = path.read_bytes()
    for damaged in (data[:-20], data[: len(data) // 2], b""):
        path.write_bytes(damaged)
        user_error(lambda: read_layout(path), path, "cannot read as parquet", "fetch it again")
    inside = bytearray(data)
    inside[100:600] = bytes(500)
    path.write_bytes(inside)
    user_error(lambda: list(read_rows(path, "questions")), path, "fetch")
    pq.write_table(pa.table({"instruction": ["a"], "chosen": ["b"]}), path)
    user_error(lambda: read_layout(path), path, "input, rejected", "AceCodePair-300K")
    row = question_line(0) | {"test_cases": "assert True"}
    pq.write_table(pa.Table.from_pylist([row]), path)
    user_error(lambda: read_layout(path), path, "'test_cases'", "string", "list")


def test_lines_that_are_not_whole_or_have_other_columns(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", [question_line(0), question_line(1)])
    whole = path.read_bytes().splitlines(keepends=True)

    def attempt(second, *words):
        path.write_bytes(whole[0] + second)
        user_error(lambda: list(read_rows(path, "questions")), f"{path}:2", *words)

    attempt(whole[1][:100], "not valid JSON", "cut short")
    attempt(b'{"id": "\xff"}\n', "not UTF-8")
    attempt(b"[]\n", "JSON object")
    attempt(json.dumps({"id": "a", "question": "b"}).encode(), "source", "test_cases", "AceCode-87K")
    attempt(json.dumps(pair_line(0)).encode(), "one data set at a time")
    attempt(json.dumps(question_line(1, test_cases="assert True")).encode(), "'test_cases'", "list")
    attempt(json.dumps(question_line(1, question="\ud800")).encode(), "half a character")
    path.write_bytes(b"")
    user_error(lambda: read_layout(path), path, "no rows")


def test_rows_without_what_records_need(tmp_path):
    user_error(lambda: question_records(question_line(0, id=None), "f:3", SHARES, None), "f:3", "no id")
    user_error(lambda: pair_records(pair_line(0, chosen=None), "f:3", SHARES, ENCODE), "f:3", "chosen")
    twice = question_line(0)["inferences"][:1] * 2
    user_error(
        lambda: question_records(question_line(0, inferences=twice), "f:3", SHARES, None),
        "f:3",
        "'oss_0'",
        "id 0",
    )
