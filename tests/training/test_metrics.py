"""Metric lines: readable while the run goes on, and none twice after a restart."""

import json

import numpy as np

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
