"""The supervised stage on a tiny model: it learns the programs that passed, and nothing else is in its data."""

import dataclasses
import json
import os
import signal

import numpy as np
import pytest

from acecoder_jax import sft
from acecoder_jax.data.folders import read_manifest
from acecoder_jax.errors import Preempted
from acecoder_jax.models.folders import load_model
from acecoder_jax.training import checkpoints
from acecoder_jax.training.checkpoints import Checkpoints
from acecoder_jax.training.metrics import read_metrics
from acecoder_jax.training.policy_step import token_log_probs
from acecoder_jax.training.trainer import Trainer
from tests.made_records import (
    assert_same_params,
    completion,
    config_of,
    folder_of,
    question,
    verdict,
    without_times,
)
from tests.user_errors import user_error

pytestmark = pytest.mark.usefixtures("compile_cache")

EOS = 2
QUESTIONS = [question(f"made/q{i}", "validation" if i == 4 else "train") for i in range(6)]
QUESTIONS[5] = dataclasses.replace(QUESTIONS[5], split="held_out")
ANSWERS = [
    completion(
        q.id,
        n,
        "x",
        prompt_ids=(1, 50 + i),
        token_ids=(60, 61 + i % 2, 62) if n % 2 else (90 + i, 91 + n, 92),
    )
    for i, q in enumerate(QUESTIONS)
    for n in range(4)
]


@pytest.fixture(scope="module")
def settings(tiny_model, tmp_path_factory):
    """Odd samples pass, and all of a question's odd samples are equal."""
    root = tmp_path_factory.mktemp("sft")
    verdicts = [verdict(answer, float(answer.id[-1] in "13")) for answer in ANSWERS]
    return {
        "model": str(tiny_model.folder),
        "questions": folder_of(root / "questions", QUESTIONS),
        "completions": folder_of(root / "completions", ANSWERS),
        "verdicts": folder_of(root / "verdicts", verdicts),
        "batch_completions": 2,
        "epochs": 4,
        "row_length": 32,
        "rows_per_microbatch": 8,
        "eval_every": 4,
        "checkpoint_every": 3,
        "remat": "none",
        "optimizer": {"learning_rate": 5e-3, "schedule": "constant"},
    }


def run(settings, out, **changes):
    return sft.run(config_of(sft, settings | changes), out)


@pytest.fixture(scope="module")
def whole(settings, tmp_path_factory):
    out = tmp_path_factory.mktemp("sft_run") / "whole"
    run(settings, out)
    return out


def test_it_learns_what_passed_on_questions_it_was_not_trained_on_too(whole, settings, tiny_model):
    results = json.loads((whole / "results.json").read_text())
    assert results == read_manifest(whole)["counts"]
    assert results["sampled_programs"] == 16 and results["train_programs"] == results["train_questions"] == 4
    assert results["dropped_failed"] == 8 and results["dropped_duplicate"] == 4
    assert results["eval_loss_after"] < results["eval_loss_before"] - 0.5
    config = config_of(sft, settings)
    model = load_model(whole, "policy")
    passed, failed = (
        np.concatenate(
            token_log_probs(model.graph, model.params, [a for a in ANSWERS if a.id[-1] == n], config)
        ).mean()
        for n in "10"
    )
    assert passed > failed + 1
    lines = read_metrics(whole)
    assert [line["step"] for line in lines] == list(range(9)) and lines[-1]["tokens"] == 8
    assert lines[1]["loss"] > lines[-1]["loss"] and lines[-1]["tokens_per_s"] > 0
    assert lines[-1]["speed/compilations"] > 0 and 0 <= lines[-1]["padding_share"] < 1


def test_the_first_loss_is_the_mean_over_tokens_the_end_included(settings, tiny_model, whole):
    batch = [dataclasses.replace(a, token_ids=(*a.token_ids, EOS)) for a in ANSWERS if a.id.endswith("#1")]
    config = config_of(sft, settings)
    loaded = tiny_model.loaded
    losses = [-found for found in token_log_probs(loaded.graph, loaded.params, batch, config)]
    by_id = {a.question_id: loss for a, loss in zip(batch, losses)}
    assert read_metrics(whole)[0]["eval/loss"] == pytest.approx(by_id["made/q4"].mean(), rel=1e-5)
    pairs = [np.concatenate([a, b]).mean() for a in by_id.values() for b in by_id.values() if a is not b]
    assert any(read_metrics(whole)[1]["loss"] == pytest.approx(value, rel=1e-4) for value in pairs)


def test_killed_and_resumed_it_is_the_uninterrupted_run(whole, settings, tmp_path, monkeypatch):
    update = Trainer.update

    def dying(self, batches):
        if self.step == 5:
            raise KeyboardInterrupt
        return update(self, batches)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "update", dying)
        with pytest.raises(KeyboardInterrupt):
            run(settings, tmp_path / "parts")
    run(settings, tmp_path / "parts")
    assert_same_params(tmp_path / "parts", whole)
    assert without_times(read_metrics(tmp_path / "parts")) == without_times(read_metrics(whole))


def test_taken_away_outside_of_the_loop_it_stops_well_and_trains_no_step_again(
    settings, tmp_path, monkeypatch
):
    """By itself a process ends by the signal, with its status."""
    changes = {"epochs": 1, "checkpoint_every": 100}
    for moment in ("load_model", "token_log_probs", "save_params"):
        with monkeypatch.context() as patch, pytest.raises(Preempted):
            patch.setattr(sft, moment, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
            run(settings, tmp_path / "out", **changes)
    monkeypatch.setattr(Trainer, "update", None)
    run(settings, tmp_path / "out", **changes)
    assert [line["step"] for line in read_metrics(tmp_path / "out") if "loss" in line] == [1, 2]


def test_killed_after_the_manifest_the_checkpoints_go_all_the_same(settings, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            run(settings, tmp_path / "out", epochs=2)
    assert (tmp_path / "out" / "checkpoints").exists()
    monkeypatch.setattr(sft, "load_model", None)
    assert run(settings, tmp_path / "out", epochs=2)["train_programs"] == 4
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_which_programs_are_dropped_and_why(settings):
    config = config_of(sft, settings | {"most_per_question": 2, "row_length": 8})
    ids = [(5, n) for n in range(6)]
    answers = [completion("q", n, "x", prompt_ids=(1,), token_ids=tokens) for n, tokens in enumerate(ids)]
    answers += [
        dataclasses.replace(answers[0], id="q#6"),
        completion("q", 7, "x", prompt_ids=(1,), token_ids=(5, 9), finish_reason="length"),
        completion("q", 8, "x", prompt_ids=(1,), token_ids=(5,) * 7),
        completion("p", 0, "x", prompt_ids=(1,), token_ids=(5, EOS)),
    ]
    rates = {answer.id: 1.0 for answer in answers} | {"q#1": 0.8, "q#2": None}
    kept, dropped = sft.passed_programs(answers, rates, config, EOS)
    assert [(c.id, c.token_ids) for c in kept] == [
        ("q#0", (5, 0, EOS)),
        ("q#3", (5, 3, EOS)),
        ("p#0", (5, EOS)),
    ]
    assert dropped == {
        "failed": 1,
        "unscored": 1,
        "surplus": 2,
        "duplicate": 1,
        "truncated": 1,
        "too_long": 1,
    }


def test_nothing_that_passed_is_one_line(settings, tmp_path):
    verdicts = folder_of(tmp_path / "verdicts", [verdict(answer, 0.0) for answer in ANSWERS])
    user_error(
        lambda: run(settings, tmp_path / "out", verdicts=verdicts),
        *(verdicts, "no program of the train split passed", "'failed': 16", "least_pass_rate"),
    )


def test_a_bucket_without_its_package_is_refused_before_the_model_is_loaded(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "find_spec", lambda name: None)
    monkeypatch.setattr(sft, "load_model", None)
    place = {"folder": "gs://bucket/run"}
    user_error(lambda: run(settings, tmp_path / "out", checkpoints=place), "gs://bucket/run", "gcsfs")


@pytest.mark.parametrize("name", ["batch_completions", "epochs", "eval_every", "checkpoint_every"])
def test_counts_of_nothing_are_refused_before_there_is_a_folder(settings, tmp_path, name):
    user_error(lambda: run(settings, tmp_path / "out", **{name: 0}), f"config.{name}: 0", "at least 1")
    assert not (tmp_path / "out").exists(), "a corrected config may use it"
