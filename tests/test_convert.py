"""The conversion stage: released files to folders and back, the same bytes; killed, it continues."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from acecoder_jax import convert
from acecoder_jax.data.folders import OutputFolder, open_records, read_manifest, read_records
from acecoder_jax.data.records import Completion, PreferencePair, Question, Verdict
from tests.data.test_released import pair_line, question_line, write_jsonl, write_parquet
from tests.made_records import completion, config_of, folder_of, mtimes, question, verdict
from tests.user_errors import user_error

ROOT = Path(__file__).resolve().parents[1]
SMALL = {"shard_rows": 4, "validation": 0.3}


def run(source, out, **changes):
    return convert.run(config_of(convert, {"source": str(source)} | SMALL | changes), out)


def there_and_back(source, root, form, **changes):
    """Import the folder `source`, export it, and compare all files."""
    run(source, root / "in", **changes)
    run(root / "in", root / "out", form=form)
    for file in source.iterdir():
        assert (root / "out" / file.name).read_bytes() == file.read_bytes(), file.name


@pytest.fixture
def released(tmp_path):
    folder = tmp_path / "released"
    folder.mkdir()
    return folder


ODD = [
    question_line(20, context_messages=[]),
    question_line(21, inferences=[], test_cases=[]),
    question_line(
        22, context_messages=[{"content": "a", "role": "system"}, {"content": "b", "role": "user"}]
    ),
]


def test_questions_as_lines_come_back_byte_for_byte(released, tmp_path):
    write_jsonl(released / "a.jsonl", [question_line(i) for i in range(10)])
    write_jsonl(released / "b.jsonl", ODD)
    (released / "c.jsonl").write_text(
        json.dumps(question_line(30), ensure_ascii=False, separators=(",", ":"))
    )
    there_and_back(released, tmp_path, "jsonl")
    assert read_manifest(tmp_path / "in")["counts"] == {
        "kind": "questions", "rows": 14, "dropped_duplicates": 0, "rows_with_a_remainder": 3,
    }  # fmt: skip


def test_questions_as_parquet_come_back_byte_for_byte(released, tmp_path):
    metadata = {b"huggingface": b'{"info": {"features": {}}}'}
    write_parquet(
        released / "train-0.parquet",
        "questions",
        [question_line(i) for i in range(9)],
        metadata,
        row_group_size=4,
    )
    write_parquet(
        released / "train-1.parquet", "questions", [*ODD, question_line(40, source=None)], compression="zstd"
    )
    there_and_back(released, tmp_path, "parquet")


@pytest.mark.parametrize(
    "settings",
    [{"version": "1.0"}, {"use_dictionary": False}, {"write_statistics": False}, {"write_page_index": True}],
)
def test_parquet_of_other_settings_comes_back_byte_for_byte(settings, released, tmp_path):
    write_parquet(released / "train.parquet", "questions", ODD, **settings)
    there_and_back(released, tmp_path, "parquet")


def test_rows_that_come_back_in_other_bytes_are_told(released, tmp_path, capsys):
    write_parquet(released / "a.parquet", "questions", [question_line(1)], data_page_version="2.0")
    write_parquet(released / "b.parquet", "questions", [question_line(2)])
    run(released, tmp_path / "in")
    counts = run(tmp_path / "in", tmp_path / "out")
    assert counts["copies"] == {"same rows, other bytes": 1, "same bytes": 1}
    assert "1 files of those that were imported: same rows, other bytes" in capsys.readouterr().out
    for name, same in (("a.parquet", False), ("b.parquet", True)):
        paths = released / name, tmp_path / "out" / name
        assert pq.read_table(paths[0]).equals(pq.read_table(paths[1]))
        assert (paths[0].read_bytes() == paths[1].read_bytes()) == same


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_pairs_come_back_byte_for_byte(form, released, tmp_path, tiny_model):
    rows = [pair_line(i) for i in range(9)] + [pair_line(9, input="more"), pair_line(77)]
    if form == "jsonl":
        write_jsonl(released / "pairs.jsonl", rows)
    else:
        write_parquet(released / "pairs.parquet", "pairs", rows, row_group_size=5)
    there_and_back(released, tmp_path, form, model=str(tiny_model.folder))


def test_imported_questions_are_inputs_of_the_stages(released, tmp_path, tiny_model):
    write_jsonl(released / "a.jsonl", [question_line(i) for i in range(10)])
    run(released, tmp_path / "in", model=str(tiny_model.folder))
    questions = read_records(tmp_path / "in", Question)
    completions = read_records(tmp_path / "in" / "completions", Completion)
    verdicts = read_records(tmp_path / "in" / "verdicts", Verdict)
    assert [q.id for q in questions] == [f"oss_{i}" for i in range(10)]
    assert {q.split for q in questions} == {"train", "validation"}
    assert [c.id for c in completions] == [v.completion_id for v in verdicts] and len(completions) == 30
    assert all(c.token_ids and c.prompt_ids for c in completions)
    assert {path.suffix for path in (tmp_path / "in").glob("records-*")} == {".array_record"}


def test_imported_pairs_are_inputs_of_reward_training(released, tmp_path, tiny_model):
    write_jsonl(released / "a.jsonl", [pair_line(i) for i in range(10)])
    run(released, tmp_path / "in", model=str(tiny_model.folder), shard_format="jsonl")
    pairs = list(open_records(tmp_path / "in", PreferencePair))
    questions = read_records(tmp_path / "in" / "questions", Question)
    completions = {c.id: c for c in read_records(tmp_path / "in" / "completions", Completion)}
    assert len(pairs) == 10 and len(questions) == 4 and len(completions) == 10 + 4
    for pair in pairs:
        assert pair.chosen_ids == completions[pair.chosen_id].token_ids and pair.prompt_ids
    user_error(lambda: run(released, tmp_path / "x"), "config.model", "pairs")


def test_own_records_are_written_in_the_released_columns(tmp_path):
    questions = [question(f"q{i}") for i in range(3)]
    answers = [completion("q1", 0, "def f(x): return x"), completion("q1", 1, "def f(x): return 1")]
    q, c = folder_of(tmp_path / "q", questions), folder_of(tmp_path / "c", answers)
    v = folder_of(tmp_path / "v", [verdict(answers[0], 1.0), verdict(answers[1], 0.4)])
    pair = PreferencePair("q1", "q1#0", "q1#1", (1,), (2,), (3,), 1.0, 0.4)
    p = folder_of(tmp_path / "p", [pair])
    run(q, tmp_path / "out", form="jsonl", completions=c, verdicts=v)
    (file,) = (tmp_path / "out").glob("*.jsonl")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["id"] for row in rows] == ["q0", "q1", "q2"] and rows[0]["inferences"] == []
    assert [i["pass_rate"] for i in rows[1]["inferences"]] == [1.0, 0.4]
    run(p, tmp_path / "pairs", form="jsonl", questions=q, completions=c)
    (row,) = map(json.loads, (tmp_path / "pairs" / "train-00000-of-00001.jsonl").read_text().splitlines())
    assert row == {
        "instruction": questions[1].prompt,
        "input": "",
        "chosen": answers[0].text,
        "rejected": answers[1].text,
        "id": 0,
    }
    user_error(lambda: run(p, tmp_path / "x"), p, "config.questions")
    other = folder_of(tmp_path / "other", answers[:1])
    user_error(lambda: run(p, tmp_path / "y", questions=q, completions=other), p, "pair 1", "q1#1", other)


def test_double_ids_are_refused_or_counted(released, tmp_path, capsys):
    file = write_jsonl(
        released / "a.jsonl", [question_line(0), question_line(1), question_line(0, source="other")]
    )
    user_error(lambda: run(released, tmp_path / "a"), f"{file}:3", f"{file}:1", "'oss_0'", "duplicates=drop")
    counts = run(released, tmp_path / "b", duplicates="drop")
    assert (counts["rows"], counts["dropped_duplicates"]) == (2, 1)
    assert "rows dropped: 1 x id seen before" in capsys.readouterr().out
    run(tmp_path / "b", tmp_path / "out", form="jsonl")
    (written,) = (tmp_path / "out").glob("*.jsonl")
    assert [json.loads(line)["source"] for line in written.read_text().splitlines()] == ["oss", "oss"]


def test_bad_settings_and_sources(released, tmp_path):
    user_error(lambda: run(released, tmp_path / "a"), released, "no .parquet or .jsonl")
    user_error(lambda: run(released, tmp_path / "a", form="csv"), "config.form", "'csv'", "parquet")
    user_error(lambda: run(released, tmp_path / "a", duplicates="keep"), "config.duplicates", "'keep'")
    write_jsonl(released / "a.jsonl", [question_line(0)])
    user_error(lambda: run(released, tmp_path / "a", validation=2.0), "split shares")
    half = OutputFolder(tmp_path / "half", "made", {})
    half.write_shard([question("q0")])
    user_error(lambda: run(tmp_path / "half", tmp_path / "a"), tmp_path / "half", "has not finished")


def test_killed_between_shards_it_continues(released, tmp_path, monkeypatch):
    write_jsonl(released / "a.jsonl", [question_line(i) for i in range(14)] + [question_line(3, id="x")])
    run(released, tmp_path / "whole")
    write, written = OutputFolder.write_shard, []

    def killed(self, records, number=None):
        if len(written) == 7:  # the third shard's completions are there, its verdicts and questions are not
            raise KeyboardInterrupt
        written.append((self.path.name, number))
        write(self, records, number)

    with monkeypatch.context() as patch:
        patch.setattr(OutputFolder, "write_shard", killed)
        with pytest.raises(KeyboardInterrupt):
            run(released, tmp_path / "parts")
    before = mtimes(tmp_path / "parts")
    run(released, tmp_path / "parts")
    shards = sorted((tmp_path / "whole").rglob("records-*"))
    assert len(shards) == 12
    for path in shards:
        again = tmp_path / "parts" / path.relative_to(tmp_path / "whole")
        assert again.read_bytes() == path.read_bytes()
        assert not path.stem.endswith(("0", "1")) or mtimes(tmp_path / "parts")[again] == before[again]


TFDS = """
import sys
import tensorflow_datasets as tfds
from acecoder_jax.data import tfds_builders
source = tfds.data_source(sys.argv[1], data_dir=sys.argv[2], split="train")
print(len(source), source[0]["id"], "tensorflow" in sys.modules)
"""


def test_the_tfds_data_sets_are_made_and_read_without_tensorflow(released, tmp_path, tiny_model):
    write_jsonl(released / "a.jsonl", [question_line(i) for i in range(9)] + ODD)
    run(released, tmp_path / "in")
    run(tmp_path / "in", tmp_path / "tfds", form="tfds")
    command = [sys.executable, "-c", TFDS, "acecode_questions", str(tmp_path / "tfds")]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    count, name, loaded = result.stdout.split()[-3:]
    assert (count, loaded) == ("12", "False") and name.startswith("b'oss_")

    from acecoder_jax.data.tfds_builders import AcecodePairs, AcecodeQuestions

    source = AcecodeQuestions(data_dir=tmp_path / "tfds").as_data_source(split="train")
    examples = {example["id"].decode(): example for example in source}
    row = question_line(4)
    example = examples["oss_4"]
    assert example["question"].decode() == row["question"]
    assert [test.decode() for test in example["test_cases"]] == row["test_cases"]
    assert example["inferences"]["pass_rate"] == pytest.approx([i["pass_rate"] for i in row["inferences"]])
    assert [len(examples[f"oss_{i}"]["inferences"]["completion"]) for i in (4, 21)] == [3, 0]

    pairs = write_jsonl(tmp_path / "pairs.jsonl", [pair_line(i) for i in range(5)])
    builder = AcecodePairs(data_dir=tmp_path / "tfds", source=pairs)
    builder.download_and_prepare()
    read = {int(e["id"]): e["chosen"].decode() for e in builder.as_data_source(split="train")}
    assert read == {i: f"good {i}" for i in range(5)}
    assert list((tmp_path / "tfds" / "acecode_pairs").rglob("*array_record*"))
    wrong = AcecodeQuestions(data_dir=tmp_path / "other", source=pairs)
    user_error(wrong.download_and_prepare, pairs, "holds pairs", "acecode_pairs")
    bare = AcecodeQuestions(data_dir=tmp_path / "bare")
    user_error(bare.download_and_prepare, "acecode_questions", "source=")
