"""A trace holds the steps that it says, by name and number."""

import gzip
import json

import jax
import jax.numpy as jnp

from acecoder_jax.training.profile import Profile


def run_steps(profile, count):
    double = jax.jit(lambda x: x * 2)
    for number in range(10, 10 + count):
        with profile.step(number):
            double(jnp.ones(4)).block_until_ready()
    profile.close()


def test_three_steps_are_traced_by_name(tmp_path, capsys):
    run_steps(Profile(tmp_path, "train_reward"), 7)
    assert f"trace of 3 steps in {tmp_path}" in capsys.readouterr().out
    assert list(tmp_path.rglob("*.xplane.pb"))
    (path,) = tmp_path.rglob("*.trace.json.gz")
    events = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    steps = {event["args"]["step_num"] for event in events if event.get("name") == "train_reward"}
    assert steps == {"12", "13", "14"}


def test_a_run_that_ends_within_keeps_its_trace(tmp_path, capsys):
    run_steps(Profile(tmp_path, "train_reward"), 3)
    assert "trace of 1 steps" in capsys.readouterr().out and list(tmp_path.rglob("*.xplane.pb"))


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(jax.profiler, "start_trace", None)
    run_steps(Profile(None, "train_reward"), 7)
