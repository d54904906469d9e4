"""Metric lines: readable while the run goes on, and none twice after a restart."""

import json
import struct

import numpy as np
from tensorboardX.proto.event_pb2 import Event

from acecoder_jax.training.metrics import MetricsWriter, read_metrics


def write(workdir, steps, first=None, value=0.0):
    writer = MetricsWriter(workdir, steps[0] if first is None else first)
    for step in steps:
        writer.write(step, {"loss": value + step})
    writer.close()


def test_lines_are_readable_before_the_file_is_closed(tmp_path):
    writer = MetricsWriter(tmp_path / "run", 0)
    writer.write(0, {"loss": np.float32(0.5), "count": 3, "name": "a", "array": np.int64(7)})
    assert read_metrics(tmp_path / "run") == [{"step": 0, "loss": 0.5, "count": 3, "name": "a", "array": 7.0}]
    writer.close()


def test_a_resumed_run_drops_the_steps_it_does_again(tmp_path):
    write(tmp_path, range(8))
    write(tmp_path, range(5, 10), value=100.0)
    assert [line["step"] for line in read_metrics(tmp_path)] == list(range(10))
    assert [line["loss"] for line in read_metrics(tmp_path)] == [0, 1, 2, 3, 4, 105, 106, 107, 108, 109]


def test_what_the_clock_decides_is_in_a_file_of_its_own(tmp_path):
    writer = MetricsWriter(tmp_path, 0)
    writer.write(0, {"eval/accuracy": 0.5})
    for step in (1, 2):
        writer.write(step, {"loss": 1.0, "tokens_per_s": step, "time/step_s": 0.5, "speed/compilations": 3})
        writer.write(step, {"eval/accuracy": 0.75})
    writer.close()
    text = (tmp_path / "metrics.jsonl").read_text()
    assert not any(word in text for word in ("per_s", "time/", "speed/"))
    together = read_metrics(tmp_path)
    assert [line.get("tokens_per_s") for line in together] == [None, 1, None, 2, None]
    assert together[1] == {
        "step": 1,
        "loss": 1.0,
        "tokens_per_s": 1,
        "time/step_s": 0.5,
        "speed/compilations": 3,
    }
    MetricsWriter(tmp_path, 2).close()
    assert [line.get("tokens_per_s") for line in read_metrics(tmp_path)] == [None, 1, None]


def test_tensorboard_events_hold_every_number(tmp_path):
    writer = MetricsWriter(tmp_path, 0, tensorboard=True)
    writer.write(3, {"loss": np.float32(0.5), "tokens_per_s": 7, "name": "a"})
    writer.close()
    (path,) = (tmp_path / "tensorboard").iterdir()
    records = [Event.FromString(record) for record in tfrecords(path.read_bytes())]
    scalars = {
        value.tag: (event.step, value.simple_value) for event in records for value in event.summary.value
    }
    assert scalars == {"loss": (3, 0.5), "tokens_per_s": (3, 7.0)}


def tfrecords(content):
    """The records of a file of length, checksum, bytes, checksum."""
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        yield content[12 : 12 + length]
        content = content[16 + length :]


def test_a_fresh_start_drops_everything(tmp_path):
    write(tmp_path, range(3))
    write(tmp_path, [0])
    assert [line["step"] for line in read_metrics(tmp_path)] == [0]


def test_several_lines_of_one_step_are_all_kept(tmp_path):
    writer = MetricsWriter(tmp_path, 0)
    writer.write(0, {"eval/accuracy": 0.5})
    writer.write(0, {"loss": 1.0})
    writer.close()
    MetricsWriter(tmp_path, 1).close()
    assert len(read_metrics(tmp_path)) == 2


def test_a_line_that_a_crash_cut_short_is_left_out(tmp_path):
    write(tmp_path, range(3))
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "lo')
    assert [line["step"] for line in read_metrics(tmp_path)] == [0, 1, 2]
    write(tmp_path, [3])
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [0, 1, 2, 3]


def test_no_file_is_no_lines(tmp_path):
    assert read_metrics(tmp_path) == []
