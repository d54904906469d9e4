"""Shards in both forms: read by number, by several processes, and refused when they are not whole."""

import pickle

import pytest

from acecoder_jax.data.records import Completion, Question, Seed, to_json
from acecoder_jax.data.shards import RecordSource, write_shard
from tests.user_errors import user_error

FORMS = ["jsonl", "array_record"]
SEEDS = [Seed(f"s/{i}", "ours", f"x = {i!r}  # \u2028 é 漢 \\n", "x") for i in range(200)]


@pytest.fixture(params=FORMS)
def shards(request, tmp_path):
    """Three shards of uneven lengths, one of them empty."""
    paths = [tmp_path / f"records-{i}.{request.param}" for i in range(3)]
    for path, part in zip(paths, (SEEDS[:120], [], SEEDS[120:])):
        write_shard(path, map(to_json, part))
    return paths


def test_records_are_read_by_number_and_in_order(shards):
    source = RecordSource(shards, Seed)
    assert len(source) == 200 and list(source) == SEEDS
    assert [source[i] for i in (199, 0, 120, 119)] == [SEEDS[i] for i in (199, 0, 120, 119)]
    for index in (200, -1):
        with pytest.raises(IndexError):
            source[index]


def test_a_source_goes_to_another_process(shards):
    source = RecordSource(shards, Seed)
    source[3]  # its files are open
    copy = pickle.loads(pickle.dumps(source))
    assert len(pickle.dumps(source)) < 20_000, "places, not contents"
    assert list(copy) == SEEDS and source[4] == SEEDS[4]


def test_no_shards_are_no_records(tmp_path):
    assert len(RecordSource([], Seed)) == 0 and list(RecordSource([], Seed)) == []


def test_shards_cut_short_are_refused(shards):
    data = shards[0].read_bytes()
    for length in (len(data) - 1, len(data) // 2, 30):
        shards[0].write_bytes(data[:length])
        user_error(lambda: RecordSource(shards, Seed), shards[0], "cut short", "remake")


def test_missing_shards_are_refused(shards):
    shards[2].unlink()
    user_error(lambda: RecordSource(shards, Seed), shards[2], "remake")


def test_damage_inside_an_array_record_file_is_found(tmp_path):
    path = tmp_path / "records-0.array_record"
    write_shard(path, map(to_json, SEEDS))
    data = bytearray(path.read_bytes())
    data[2000:2400] = bytes(400)
    path.write_bytes(data)
    user_error(lambda: list(RecordSource([path], Seed)), path, "damaged", "remake")


def test_lines_that_are_no_such_record(tmp_path):
    path = tmp_path / "records-0.jsonl"
    for line, *words in (
        (b'{"id": "cut', "not valid JSON"),
        (b'{"id": "\xff"}', "not UTF-8"),
        (b"[1]", "JSON object"),
        (to_json(Question("q", "s", "p", (), "f")).encode(), "not a Seed", "prompt"),
    ):
        path.write_bytes(to_json(SEEDS[0]).encode() + b"\n" + line + b"\n")
        source = RecordSource([path], Seed)
        assert source[0] == SEEDS[0]
        user_error(lambda: source[1], f"{path}:2", *words)  # noqa: B023


def test_a_writer_that_fails_leaves_the_old_shard(tmp_path):
    for form in FORMS:
        path = tmp_path / f"records-0.{form}"
        write_shard(path, ["{}"])
        before = path.read_bytes()

        def broken():
            yield "{}"
            raise OSError(28, "No space left on device")

        user_error(lambda: write_shard(path, broken()), path, "No space left")  # noqa: B023
        assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["records-0.array_record", "records-0.jsonl"]


def test_numbers_that_only_python_reads_are_read_too(tmp_path):
    odd = Completion("q#0", "q", "é", None, (1, 2**70), (), (float("-inf"), -0.1, 5e-324, 1e308), "stop")
    path = tmp_path / "records-0.jsonl"
    write_shard(path, [to_json(odd)] * 2)
    assert list(RecordSource([path], Completion)) == [odd, odd]
