"""Metrics in Weights & Biases: what its offline mode writes, and what is said where it cannot be used."""

import builtins
import json
import struct
import time

import pytest

from acecoder_jax.training.metrics import MetricsWriter, read_metrics
from tests.user_errors import user_error


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """Nothing is sent, and nothing is written outside the test's folder."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    for name in ("CONFIG", "CACHE", "DATA"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / "home"))


def written(workdir):
    """Each record's kind and content, of all runs below the workdir; the files are LevelDB logs."""
    from wandb.proto.wandb_internal_pb2 import Record

    for path in sorted(workdir.glob("wandb/offline-run-*/*.wandb")):
        data, place, whole = path.read_bytes(), 7, b""  # behind the file's own header
        while place + 7 <= len(data):
            _, length, kind = struct.unpack_from("<IHB", data, place)
            whole += data[place + 7 : place + 7 + length]
            place += 7 + length
            if 32768 - place % 32768 < 7:  # too little of a block for another header
                place += 32768 - place % 32768
            if kind in (1, 4):  # a whole record, or the last part of one
                record, whole = Record.FromString(whole), b""
                yield record.WhichOneof("record_type"), record


@pytest.mark.timeout(120)
def test_a_run_and_its_continuation_are_one_with_every_number(tmp_path, offline):
    pytest.importorskip("wandb")
    workdir = tmp_path / "run"
    workdir.mkdir()
    (workdir / "stage.json").write_text(json.dumps({"config": {"seed": 7}}))
    for first, steps in ((0, (0, 1)), (2, (2,))):
        writer = MetricsWriter(workdir, first, wandb="acecoder")
        for step in steps:
            writer.write(step, {"loss": 0.5 + step, "tokens_per_s": 9.0})
        writer.close()
    deadline = time.monotonic() + 100
    records = list(written(workdir))
    # A process of its own writes the files, and ends each with `exit`.
    while sum(kind == "exit" for kind, _ in records) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
        records = list(written(workdir))
    runs = [record.run for kind, record in records if kind == "run"]
    assert len({run.run_id for run in runs}) == 1 and {run.project for run in runs} == {"acecoder"}
    config = {item.key: item.value_json for run in runs for item in run.config.update}
    assert config["seed"] == "7" and {run.display_name for run in runs} == {"run"}
    lines = [
        {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
        for kind, record in records
        if kind == "history"
    ]
    assert [(line["_step"], line["loss"], line["tokens_per_s"]) for line in lines] == [
        (step, 0.5 + step, 9.0) for step in range(3)
    ]
    assert [line["loss"] for line in read_metrics(workdir)] == [0.5, 1.5, 2.5]


@pytest.mark.timeout(120)
def test_without_an_account_it_is_refused_in_one_line(tmp_path, offline, monkeypatch):
    wandb = pytest.importorskip("wandb")

    def refused(**_):
        raise wandb.errors.UsageError("No API key\nconfigured.")

    monkeypatch.setattr(wandb, "init", refused)
    user_error(
        lambda: MetricsWriter(tmp_path, 0, wandb="acecoder"),
        *("config.wandb", "No API key configured", "WANDB_MODE=offline"),
    )


def test_without_the_package_it_is_refused_and_nobody_else_imports_it(tmp_path, monkeypatch):
    whole = builtins.__import__

    def without(name, *rest):
        if name == "wandb":
            raise ImportError("No module named 'wandb'")
        return whole(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    MetricsWriter(tmp_path, 0).close()
    user_error(lambda: MetricsWriter(tmp_path, 0, wandb="acecoder"), "config.wandb", "'.[wandb]'")
