"""The reward-training stage: it learns what separates pairs, and a resumed run is the uninterrupted one."""

import json
import os
import signal

import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import load_file

from acecoder_jax import train_reward
from acecoder_jax.data.folders import OutputFolder, read_manifest
from acecoder_jax.data.records import PreferencePair
from acecoder_jax.errors import Preempted
from acecoder_jax.models.config import config_from_hf
from acecoder_jax.models.folders import load_model
from acecoder_jax.rewards.model import RewardScorer
from acecoder_jax.training import checkpoints
from acecoder_jax.training.checkpoints import Checkpoints
from acecoder_jax.training.metrics import read_metrics
from acecoder_jax.training.trainer import Trainer
from tests.made_records import assert_same_params, config_of, folder_of, mtimes, without_times
from tests.tiny_models import TINY_CONFIG, import_folder, random_params, write_hf_folder
from tests.user_errors import user_error

pytestmark = pytest.mark.usefixtures("compile_cache")

MARK, STEPS = 77, 12


def made_pairs(count, seed, split):
    """Random programs of which every chosen one holds the token `MARK`, and no rejected one."""
    draw = np.random.default_rng(seed)

    def program(*marks):
        ids = [int(i) for i in draw.integers(3, 300, draw.integers(2, 7)) if i != MARK]
        place = int(draw.integers(0, len(ids) + 1))
        return (*ids[:place], *marks, *ids[place:], 2)

    pairs = []
    for i in range(count):
        name = f"{split}{i // 2}"
        pairs.append(
            PreferencePair(
                name,
                f"{name}#{2 * i}",
                f"{name}#{2 * i + 1}",
                (1, 5 + i // 2),
                program(MARK),
                program(),
                1.0,
                0.2,
                split,
            )
        )
    return pairs


PAIRS = made_pairs(48, 0, "train") + made_pairs(16, 1, "validation") + made_pairs(8, 2, "held_out")


@pytest.fixture(scope="module")
def settings(tiny_model, tmp_path_factory):
    return {
        "model": str(tiny_model.folder),
        "pairs": folder_of(tmp_path_factory.mktemp("pairs") / "made", PAIRS),
        "batch_pairs": 16,
        "epochs": 4,
        "row_length": 64,
        "rows_per_microbatch": 8,
        "eval_every": 5,
        "checkpoint_every": 5,
        "remat": "none",
        "optimizer": {"learning_rate": 3e-3},
    }


def run(settings, out, **changes):
    return train_reward.run(config_of(train_reward, settings | changes), out)


@pytest.fixture(scope="module")
def whole(settings, tmp_path_factory):
    out = tmp_path_factory.mktemp("reward") / "whole"
    run(settings, out)
    return out


def test_it_learns_what_separates_the_pairs(whole):
    results = json.loads((whole / "results.json").read_text())
    assert results["accuracy_before"] == 0.5, "a head of zeros knows nothing: every pair is a tie"
    assert results["accuracy_after"] > 0.9
    assert (results["train_pairs"], results["held_out_pairs"]) == (48, 24)
    assert read_manifest(whole)["counts"] == results


def test_every_step_is_in_the_metrics(whole):
    lines = read_metrics(whole)
    steps = [line for line in lines if "loss" in line]
    assert [line["step"] for line in steps] == list(range(1, STEPS + 1))
    names = {"loss", "accuracy", "margin", "grad_norm", "tokens_per_s", "pairs_per_s", "padding_share"}
    assert all(names <= set(line) for line in steps)
    assert steps[0]["loss"] == pytest.approx(np.log(2), rel=1e-5) and steps[0]["accuracy"] == 0.5
    assert steps[-1]["loss"] < 0.5 and steps[-1]["accuracy"] > 0.9 and steps[-1]["margin"] > 0.5
    assert all(0 <= line["padding_share"] < 1 for line in steps)
    evaluations = [line for line in lines if "eval/accuracy" in line]
    assert [line["step"] for line in evaluations] == [0, 5, 10, STEPS]
    assert evaluations[0]["eval/loss"] == pytest.approx(np.log(2))
    assert all(line["eval/pairs"] == 24 for line in evaluations)


def test_the_folder_is_a_reward_model_with_its_statistics(whole):
    model = load_model(whole, "reward")
    sides = {(p.prompt_ids, ids) for p in PAIRS[:48] for ids in (p.chosen_ids, p.rejected_ids)}
    scores = RewardScorer.from_model(model, 64, float("inf")).score_ids(sorted(sides))
    assert np.mean(scores) == pytest.approx(0, abs=1e-3) and np.std(scores) == pytest.approx(1, abs=1e-3)
    assert not (whole / "checkpoints").exists()


def test_an_output_layer_that_no_reward_depends_on_stays_as_it_was(settings, tmp_path):
    untied = TINY_CONFIG | {"tie_word_embeddings": False}
    _, params = random_params(config_from_hf(untied, "here"), seed=2)
    model = import_folder(write_hf_folder(tmp_path / "hf", untied, params), tmp_path / "model")
    optimizer = settings["optimizer"] | {"weight_decay": 0.1}
    run(settings | {"model": str(model), "epochs": 1, "optimizer": optimizer}, tmp_path / "out")
    trained = load_model(tmp_path / "out", "reward").params["backbone"]
    np.testing.assert_array_equal(trained["lm_head"][...], params["lm_head"][...])
    assert not np.array_equal(trained["embedding"][...], params["embedding"][...])


def test_a_finished_folder_is_left_alone(whole, settings, monkeypatch):
    before = mtimes(whole)
    monkeypatch.setattr(train_reward, "load_model", None)
    assert run(settings, whole) == read_manifest(whole)["counts"]
    assert mtimes(whole) == before


def test_every_epoch_takes_all_pairs_in_another_order(settings, tmp_path, monkeypatch):
    whole_start, seen = Trainer.start, []

    def looking(self, microbatches):
        tokens = [
            m["tokens"][(m["positions"] == 1) & (m["branch"] == 0) & (m["tree"] > 0)] for m in microbatches
        ]
        seen.append(sorted(np.concatenate(tokens).tolist()))
        return whole_start(self, microbatches)

    monkeypatch.setattr(Trainer, "start", looking)
    run(settings, tmp_path / "out", epochs=2, workers=1)
    first, second = seen[:3], seen[3:]
    assert first != second, "the second epoch repeats the first"
    assert set(sum(first, [])) == set(sum(second, [])) == {p.prompt_ids[1] for p in PAIRS[:48]}


def test_a_checkpoint_of_another_order_is_refused(settings, tmp_path, monkeypatch):
    whole_start = Trainer.start

    def stopping(self, microbatches):
        if self.step == 5:
            raise KeyboardInterrupt
        return whole_start(self, microbatches)

    monkeypatch.setattr(Trainer, "start", stopping)
    with pytest.raises(KeyboardInterrupt):
        run(settings, tmp_path / "out")
    (state,) = (tmp_path / "out" / "checkpoints").rglob("data/metadata")
    state.write_text(state.read_text().replace('"seed": 0', '"seed": 1'))
    user_error(lambda: run(settings, tmp_path / "out"), "another order", "'seed': 1", "--workdir")


def test_killed_and_resumed_it_is_the_uninterrupted_run(whole, settings, tmp_path, monkeypatch):
    whole_start, taken = Trainer.start, []

    def stopping(self, microbatches):
        if self.step == 7:
            raise KeyboardInterrupt  # as if killed: two steps after the checkpoint
        taken.append(self.step)
        return whole_start(self, microbatches)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "start", stopping)
        with pytest.raises(KeyboardInterrupt):
            run(settings, tmp_path / "parts")

    def asked_to_stop(self, microbatches):
        if self.step == 8:
            os.kill(os.getpid(), signal.SIGTERM)  # this step is finished and saved
        taken.append(self.step)
        return whole_start(self, microbatches)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "start", asked_to_stop)
        with pytest.raises(Preempted):
            run(settings, tmp_path / "parts")
    assert taken == [*range(7), 5, 6, 7, 8], "it continues at the checkpoint of step 5"
    counts = run(settings, tmp_path / "parts")
    assert counts == read_manifest(whole)["counts"]
    assert without_times(read_metrics(tmp_path / "parts")) == without_times(read_metrics(whole))
    assert_same_params(tmp_path / "parts", whole)


def test_taken_away_outside_of_the_loop_it_stops_well_and_trains_no_step_again(
    settings, tmp_path, monkeypatch
):
    """By itself a process ends by the signal, with its status."""
    changes = {"epochs": 1, "checkpoint_every": 100}
    for moment in ("load_model", "_accuracy", "save_params"):
        with monkeypatch.context() as patch, pytest.raises(Preempted):
            patch.setattr(train_reward, moment, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
            run(settings, tmp_path / "out", **changes)
    monkeypatch.setattr(Trainer, "start", None)
    run(settings, tmp_path / "out", **changes)
    assert [line["step"] for line in read_metrics(tmp_path / "out") if "loss" in line] == [1, 2, 3]


def test_killed_before_the_manifest_it_trains_no_step_again(settings, tmp_path, monkeypatch):
    def killed(*_, **__):
        raise KeyboardInterrupt

    changes = {"epochs": 1, "checkpoint_every": 3}
    with monkeypatch.context() as patch:
        patch.setattr(OutputFolder, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            run(settings, tmp_path / "out", **changes)
    monkeypatch.setattr(Trainer, "start", None)
    run(settings, tmp_path / "out", **changes)
    assert not (tmp_path / "out" / "checkpoints").exists()
    assert not any("checkpoints" in name for name in read_manifest(tmp_path / "out")["files"])


def test_killed_after_the_manifest_the_checkpoints_go_all_the_same(settings, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            run(settings, tmp_path / "out", epochs=1, checkpoint_every=3)
    assert (tmp_path / "out" / "checkpoints").exists()
    monkeypatch.setattr(train_reward, "load_model", None)
    assert run(settings, tmp_path / "out", epochs=1, checkpoint_every=3)["train_pairs"] == 48
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_with_adapters_it_learns_and_writes_both_forms(settings, tiny_model, tmp_path):
    """The weights with the adapters added in, for every other stage, and the adapters alone."""
    lora = {"rank": 2, "alpha": 4.0, "targets": ("query", "down")}
    # Two steps: the first one, from a head of zeros, moves the head alone.
    run(settings, tmp_path / "out", epochs=2, lora=lora, batch_pairs=48)
    tensors = load_file(tmp_path / "out" / "adapter" / "adapter_model.safetensors")
    assert len(tensors) == 2 * 2 * 2 + 1
    model, before = load_model(tmp_path / "out", "reward"), dict(nnx.to_flat_state(tiny_model.loaded.params))
    changed = {
        path[-1]
        for path, leaf in nnx.to_flat_state(model.params["backbone"])
        if not np.array_equal(leaf[...], before[path][...])
    }
    assert changed == {"query", "down"}
    score = np.asarray(model.params["score"][...])
    np.testing.assert_array_equal(tensors["base_model.model.score.weight"][0], score)
    assert np.abs(score).max() > 0


def test_bad_settings_are_refused_before_any_work(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(train_reward, "Trainer", None)

    def attempt(name, *words, **changes):
        user_error(lambda: run(settings, tmp_path / name, **changes), *words)

    attempt("a", "config.rows_per_microbatch", "3 rows", "multiple of 8", rows_per_microbatch=3)
    attempt("b", "config.mesh", "8 devices", mesh={"data": 3})
    attempt("c", "config.optimizer.schedule", "'linear'", optimizer={"schedule": "linear"})
    other = folder_of(tmp_path / "pairs", PAIRS[48:])
    attempt("d", other, "no pairs of the train split", pairs=other)
    attempt("e", settings["pairs"], "holds no model", model=settings["pairs"])


@pytest.mark.parametrize("name", ["batch_pairs", "epochs", "eval_every", "checkpoint_every"])
def test_counts_of_nothing_are_refused_before_there_is_a_folder(settings, tmp_path, name):
    user_error(lambda: run(settings, tmp_path / "out", **{name: 0}), f"config.{name}: 0", "at least 1")
    assert not (tmp_path / "out").exists(), "a corrected config may use it"


def test_a_bucket_without_its_package_is_refused_before_the_model_is_loaded(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "find_spec", lambda name: None)
    monkeypatch.setattr(train_reward, "load_model", None)
    place = {"folder": "gs://bucket/run"}
    user_error(lambda: run(settings, tmp_path / "out", checkpoints=place), "gs://bucket/run", "gcsfs")


def test_a_reward_model_is_no_policy(whole, settings, tmp_path):
    user_error(lambda: run(settings, tmp_path / "out", model=str(whole)), whole, "reward model", "policy")
