"""Stage folders: new, half-finished, finished, foreign; shards and manifests are whole or absent."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import acecoder_jax
from acecoder_jax.data.folders import (
    OutputFolder,
    code_version,
    fingerprint,
    open_records,
    read_manifest,
    read_records,
    require_disk,
    write_atomically,
)
from acecoder_jax.data.records import SCHEMA_VERSION, Question, Seed
from tests.user_errors import user_error

ROOT = Path(__file__).resolve().parents[2]
CONFIG = {"samples": 4, "sampling": {"temperature": 0.8, "stop": ["a", "b"]}}


def seed(number):
    return Seed(f"s/{number}", "ours", f"x{number} = 'é\\n{number}'", f"x{number}")


def finished(path, config=CONFIG, inputs=(), count=2):
    output = OutputFolder(path, "sample", config, inputs)
    output.write_shard([seed(i) for i in range(count)])
    output.finish(seeds=count)
    return path


def test_a_new_folder_says_what_is_being_made(tmp_path):
    output = OutputFolder(tmp_path / "a" / "b", "sample", CONFIG)
    about = json.loads((tmp_path / "a" / "b" / "stage.json").read_text())
    assert about == {"schema_version": SCHEMA_VERSION, "stage": "sample", "config": CONFIG, "inputs": {}}
    assert not output.finished and output.shards() == [] and list(output.read(Seed)) == []


def test_shards_keep_their_order_and_are_read_back(tmp_path):
    output = OutputFolder(tmp_path / "out", "sample", CONFIG)
    output.write_shard([seed(0), seed(1)])
    output.write_shard([])
    output.write_shard([seed(2)])
    assert [path.name for path in output.shards()] == [f"records-0000{i}.jsonl" for i in range(3)]
    assert list(output.read(Seed)) == [seed(0), seed(1), seed(2)]


def test_more_shards_than_digits_of_one_keep_their_order(tmp_path):
    output = OutputFolder(tmp_path / "out", "sample", CONFIG)
    for number in range(12):
        output.write_shard([seed(number)])
    assert list(output.read(Seed)) == [seed(number) for number in range(12)]


def test_the_manifest_holds_everything_a_reader_needs(tmp_path):
    first = finished(tmp_path / "first")
    output = OutputFolder(tmp_path / "out", "score", CONFIG, [first])
    output.write_shard([seed(0)])
    write_atomically(tmp_path / "out" / "deeper" / "plot.bin", b"\x00\x01")
    manifest = output.finish(seeds=1, rates=[0.5])
    assert manifest == read_manifest(tmp_path / "out")
    assert manifest["stage"] == "score" and manifest["config"] == CONFIG
    assert manifest["inputs"] == {str(first): fingerprint(first)}
    assert manifest["counts"] == {"seeds": 1, "rates": [0.5]}
    assert manifest["schema_version"] == SCHEMA_VERSION and manifest["code_version"] == code_version()
    assert set(manifest["files"]) == {"stage.json", "records-00000.jsonl", "deeper/plot.bin"}
    assert OutputFolder(tmp_path / "out", "score", CONFIG, [first]).finished


def test_a_finished_folders_records_are_read(tmp_path):
    assert read_records(finished(tmp_path / "out"), Seed) == [seed(0), seed(1)]


def test_a_half_finished_folder_is_continued(tmp_path):
    OutputFolder(tmp_path / "out", "sample", CONFIG).write_shard([seed(0)])
    (tmp_path / "out" / ".records-00001.jsonl.123.tmp").write_text('{"id": "cut')
    again = OutputFolder(tmp_path / "out", "sample", CONFIG)
    assert not again.finished and list(again.read(Seed)) == [seed(0)]
    again.write_shard([seed(1)])
    again.finish()
    assert read_records(tmp_path / "out", Seed) == [seed(0), seed(1)]
    assert not any(name.endswith(".tmp") for name in read_manifest(tmp_path / "out")["files"])


def test_equal_configs_are_equal_after_json(tmp_path):
    OutputFolder(tmp_path / "out", "sample", {"a": (1, 2)})
    OutputFolder(tmp_path / "out", "sample", {"a": [1, 2]})


def test_another_config_is_refused_with_the_changed_keys(tmp_path):
    path = finished(tmp_path / "out")
    other = {"samples": 8, "sampling": {"temperature": 1.0, "stop": ["a", "b"]}}
    user_error(
        lambda: OutputFolder(path, "sample", other),
        *(path, "config.samples was 4 and is now 8", "config.sampling.temperature was 0.8 and is now 1.0"),
        "--workdir",
    )
    assert read_records(path, Seed) == [seed(0), seed(1)], "what was written stays"


def test_many_changes_are_cut_short(tmp_path):
    OutputFolder(tmp_path / "out", "sample", {str(i): i for i in range(9)})
    user_error(lambda: OutputFolder(tmp_path / "out", "sample", {str(i): -1 for i in range(9)}), "and 5 more")


def test_a_key_that_came_or_went_is_a_change(tmp_path):
    OutputFolder(tmp_path / "out", "sample", {"a": 1, "b": None})
    user_error(lambda: OutputFolder(tmp_path / "out", "sample", {"a": 1, "c": 2, "b": None}), "config.c")
    user_error(lambda: OutputFolder(tmp_path / "out", "sample", {"b": None}), "config.a was 1")
    user_error(lambda: OutputFolder(tmp_path / "out", "sample", {"a": 1}), "config.b")


def test_another_stage_is_refused(tmp_path):
    path = finished(tmp_path / "out")
    user_error(lambda: OutputFolder(path, "score", CONFIG), path, "stage was 'sample' and is now 'score'")


def test_another_input_is_refused(tmp_path):
    first = finished(tmp_path / "first")
    finished(tmp_path / "out", inputs=[first])
    shutil.rmtree(first)
    finished(first, count=3)
    user_error(lambda: OutputFolder(tmp_path / "out", "sample", CONFIG, [first]), tmp_path / "out", first)


def test_a_damaged_stage_file_is_the_users_to_fix(tmp_path):
    OutputFolder(tmp_path / "out", "sample", CONFIG)
    (tmp_path / "out" / "stage.json").write_text('{"stage": ')
    user_error(lambda: OutputFolder(tmp_path / "out", "sample", CONFIG), tmp_path / "out" / "stage.json")


def test_a_damaged_manifest_is_the_users_to_fix(tmp_path):
    path = finished(tmp_path / "out")
    (path / "manifest.json").write_text('{"stage": ')
    user_error(lambda: read_records(path, Seed), path / "manifest.json")


def test_foreign_files_are_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("ten years of work")
    user_error(lambda: OutputFolder(tmp_path / "out", "sample", CONFIG), tmp_path / "out", "no stage made")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]


def test_killed_before_the_stage_file_has_its_name_the_folder_is_new(tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            OutputFolder(tmp_path / "out", "sample", CONFIG)
    assert [path.suffix for path in (tmp_path / "out").iterdir()] == [".tmp"]
    finished(tmp_path / "out")
    assert set(read_manifest(tmp_path / "out")["files"]) == {"stage.json", "records-00000.jsonl"}


def test_a_workdir_that_is_a_file(tmp_path):
    (tmp_path / "out").write_text("a file")
    user_error(lambda: OutputFolder(tmp_path / "out", "sample", CONFIG), tmp_path / "out")


def test_a_missing_and_an_unfinished_input(tmp_path):
    user_error(lambda: OutputFolder(tmp_path / "out", "score", {}, [tmp_path / "none"]), tmp_path / "none")
    assert not (tmp_path / "out").exists(), "nothing is made before the inputs are known to be there"
    OutputFolder(tmp_path / "half", "sample", CONFIG)
    user_error(
        lambda: OutputFolder(tmp_path / "out", "score", {}, [tmp_path / "half"]),
        tmp_path / "half",
        "finished",
    )
    user_error(lambda: read_records(tmp_path / "half", Seed), tmp_path / "half", "finished")


def test_shards_that_are_not_what_the_manifest_lists(tmp_path):
    path = finished(tmp_path / "out")
    shard = path / "records-00000.jsonl"
    whole = shard.read_text()
    shard.write_text(whole[:-20])
    for read in (read_records, open_records):
        user_error(lambda: read(path, Seed), f"{shard}: has ", "manifest.json says", "remake")  # noqa: B023
    shard.write_text(whole.replace("x1", "y1"))
    assert len(open_records(path, Seed)) == 2, "only a whole reading finds it"
    user_error(lambda: read_records(path, Seed), shard, "hash differs", "remake")
    shard.unlink()
    user_error(lambda: read_records(path, Seed), shard, "missing")


def test_two_records_of_one_id_are_refused(tmp_path):
    output = OutputFolder(tmp_path / "out", "sample", CONFIG)
    output.write_shard([seed(0), seed(1)])
    output.write_shard([seed(1)])
    output.finish()
    user_error(lambda: read_records(tmp_path / "out", Seed), tmp_path / "out", "'s/1'", "unique")


def test_both_forms_of_shards_hold_the_same_records(tmp_path):
    folders = {}
    for form in ("jsonl", "array_record"):
        folders[form] = output = OutputFolder(tmp_path / form, "sample", CONFIG, shard_format=form)
        output.write_shard([seed(0), seed(1)])
        output.write_shard([])
        output.write_shard(seed(i) for i in range(2, 5))
        assert {path.suffix for path in output.shards()} == {f".{form}"}
        assert list(output.read(Seed)) == [seed(i) for i in range(5)]
        output.finish()
        assert (
            read_records(output.path, Seed)
            == list(open_records(output.path, Seed))
            == list(output.read(Seed))
        )
    user_error(
        lambda: OutputFolder(tmp_path / "x", "sample", {}, shard_format="avro"), "'avro'", "array_record"
    )


def test_a_shard_may_be_written_again_under_its_number(tmp_path):
    output = OutputFolder(tmp_path / "out", "sample", CONFIG)
    output.write_shard([seed(0)], number=0)
    output.write_shard([seed(1)], number=1)
    output.write_shard([seed(1), seed(2)], number=1)
    assert list(output.read(Seed)) == [seed(0), seed(1), seed(2)]


WRITER = """
import sys, time
from acecoder_jax.data.folders import OutputFolder
from acecoder_jax.data.records import Seed

def slowly():
    for i in range(10**6):
        yield Seed(f"slow/{i}", "ours", "x = 1" * 1000, "x")
        if i == 500:
            print("writing", flush=True)
        if i > 500:
            time.sleep(0.01)

output = OutputFolder(sys.argv[1], "sample", {}, shard_format=sys.argv[2])
output.write_shard([Seed("s/0", "ours", "x = 1", "x")])
output.write_shard(slowly())
"""


@pytest.mark.parametrize("form", ["jsonl", "array_record"])
def test_killed_while_writing_a_shard_the_finished_ones_stay(tmp_path, form):
    path = tmp_path / "out"
    command = [sys.executable, "-c", WRITER, str(path), form]
    writer = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline() == "writing\n"
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert any(name.name.endswith(".tmp") for name in path.iterdir()), "it was in the middle of the second"
    again = OutputFolder(path, "sample", {}, shard_format=form)
    first = Seed("s/0", "ours", "x = 1", "x")
    assert list(again.read(Seed)) == [first]
    again.write_shard([seed(1)])
    again.finish()
    assert read_records(path, Seed) == [first, seed(1)]


def test_records_are_written_as_they_come_in_shards_of_a_size_or_a_time(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def slowly():
        for number, now[0] in enumerate([1.0, 2.0, 3.0, 4.0, 70.0, 71.0]):
            yield seed(number)

    output = OutputFolder(tmp_path / "out", "seeds", {})
    output.write_shards([], most=3)
    assert output.shards() == []
    output.write_shards(slowly(), most=3, seconds=60)
    assert [path.read_bytes().count(b"\n") for path in output.shards()] == [3, 2, 1]
    assert list(output.read(Seed)) == [seed(number) for number in range(6)]


def test_records_of_another_kind_are_refused(tmp_path):
    path = finished(tmp_path / "out")
    user_error(lambda: read_records(path, Question), f"{path / 'records-00000.jsonl'}:1", "Question")


def test_the_fingerprint_follows_the_content(tmp_path):
    left, right = finished(tmp_path / "a"), finished(tmp_path / "b")
    assert fingerprint(left) == fingerprint(right)
    assert fingerprint(finished(tmp_path / "c", count=3)) != fingerprint(left)
    assert fingerprint(finished(tmp_path / "d", config={"samples": 5})) != fingerprint(left)


def test_too_little_disk_is_refused_before_writing(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    asked = []
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: asked.append(path) or usage._replace(free=3 * 2**20)
    )
    require_disk(tmp_path / "not" / "there", 3 * 2**20, "things")
    assert asked == [tmp_path]
    user_error(
        lambda: require_disk(tmp_path / "not" / "there", 5 * 2**20, "things"),
        *(tmp_path / "not" / "there", "things", "5 MiB needed", "3 MiB free"),
    )
    assert not (tmp_path / "not").exists()


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file.json"
    write_atomically(path, "old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    user_error(lambda: write_atomically(path, "new"), path, "No space left on device")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.json"]


def test_a_write_that_is_killed_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file.json"
    write_atomically(path, b"old")

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    user_error(lambda: write_atomically(tmp_path / "file" / "x.json", "y"), tmp_path / "file" / "x.json")


def test_the_code_version_is_the_commit_of_the_checkout():
    result = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True)
    if result.returncode:
        pytest.skip("not a git checkout")
    assert result.stdout.startswith(code_version()) and len(code_version()) == 12


def test_the_code_version_without_git_is_the_package_version(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert code_version() == acecoder_jax.__version__
