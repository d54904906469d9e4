"""The policy stage on a tiny model: it learns what is rewarded, and a resumed run is the uninterrupted one.

The sandbox is stood in for: a completion "passes" when it holds a certain token, which the random model draws in
about a tenth of its completions.
"""

import json

import numpy as np
import pytest

from acecoder_jax import train_policy
from acecoder_jax.data.folders import OutputFolder, read_manifest
from acecoder_jax.models.folders import load_model
from acecoder_jax.training.metrics import read_metrics
from tests.made_records import (
    MadeGrader,
    assert_same_params,
    config_of,
    folder_of,
    mtimes,
    question,
    without_times,
)
from tests.user_errors import user_error

pytestmark = pytest.mark.usefixtures("compile_cache")

STEPS, MARK = 16, 198
QUESTIONS = [question(f"made/q{i}") for i in range(6)] + [
    question(f"made/v{i}", "validation") for i in range(2)
]


def holds_the_mark(completion):
    return float(MARK in completion.token_ids)


@pytest.fixture(scope="module")
def settings(tiny_model, tmp_path_factory):
    return {
        "model": str(tiny_model.folder),
        "questions": folder_of(tmp_path_factory.mktemp("questions") / "made", QUESTIONS),
        "steps": STEPS,
        "prompts_per_step": 4,
        "prompts_per_update": 2,
        "samples": 8,
        "row_length": 192,
        "rows_per_microbatch": 8,
        "eval_every": 8,
        "eval_samples": 4,
        "checkpoint_every": 6,
        "remat": "none",
        "sampling": {"max_prompt_tokens": 64, "max_new_tokens": 8, "slots": 4},
        "optimizer": {"learning_rate": 5e-3},
    }


def run(settings, out, rate=holds_the_mark, **changes):
    """The stage with a sandbox that finds `rate` in a completion."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_policy, "Grader", MadeGrader(rate))
        return train_policy.run(config_of(train_policy, settings | changes), out)


def steps_of(folder):
    return [line for line in read_metrics(folder) if line["step"] > 0]


@pytest.fixture(scope="module")
def whole(settings, tmp_path_factory):
    out = tmp_path_factory.mktemp("policy") / "whole"
    run(settings, out)
    return out


def test_it_learns_what_is_rewarded(whole):
    rewards = [line["reward/mean"] for line in steps_of(whole)]
    assert len(rewards) == STEPS
    assert np.mean(rewards[:3]) < 0.4 and np.mean(rewards[-3:]) > 0.8
    results = json.loads((whole / "results.json").read_text())
    assert results["eval_pass@1_before"] < 0.4 and results["eval_pass@1_after"] > 0.8
    assert read_manifest(whole)["counts"] == results


def test_every_step_is_in_the_metrics(whole):
    lines = read_metrics(whole)
    assert [line["step"] for line in lines] == list(range(STEPS + 1))
    assert [line["step"] for line in lines if "eval/pass@1" in line] == [0, 8, 16]
    assert all(line["eval/questions"] == 2 for line in lines if "eval/pass@1" in line)
    first = lines[1]
    assert first["reward/mean"] == first["rollout/pass@1"] and first["reward/left_out"] == 0
    assert first["policy/updates"] == 2 and first["rollout/no_program_share"] == 1.0
    assert 0 < first["rollout/mean_tokens"] <= 8 and 0 < first["policy/entropy"] < np.log(300)
    assert abs(first["advantage/mean"]) < 1e-6 and first["advantage/std"] == pytest.approx(1, abs=1e-6)
    assert first["rollout/outcome/passed"] + first["rollout/outcome/failed"] == 32
    assert {"time/decode_s", "time/exposed_reward_s", "time/update_s", "rollout/tokens_per_s"} <= set(first)
    assert abs(first["policy/reference_kl"]) < 1e-5 < steps_of(whole)[-1]["policy/reference_kl"]


def test_sampler_and_trainer_agree_on_the_first_update(settings, tmp_path):
    """One update a step: the log-probabilities it starts from are those that the sampler drew with."""
    run(settings, tmp_path / "out", steps=1, prompts_per_update=4, eval_split="none")
    (step,) = steps_of(tmp_path / "out")
    assert step["policy/updates"] == 1
    assert 0 <= step["policy/approx_kl"] < 1e-8 and step["policy/clip_share"] == 0
    # The surrogate at a ratio of 1 is minus the mean advantage, which whitening made 0.
    assert abs(step["policy/loss"]) < 1e-5 and step["policy/grad_norm"] > 1e-3


def test_some_rollouts_are_logged_for_people(whole):
    lines = [json.loads(line) for line in (whole / "rollouts.jsonl").read_text().splitlines()]
    assert {line["step"] for line in lines} == set(range(1, STEPS + 1))
    assert {line["question_id"] for line in lines if line["step"] == 1} <= {f"made/q{i}" for i in range(6)}
    assert len([line for line in lines if line["step"] == 1]) == 4, "one of each question"
    assert all(line["reward"] == line["pass_rate"] for line in lines)


def test_the_folder_is_a_policy(whole, tiny_model):
    model = load_model(whole, "policy")
    assert model.config == tiny_model.loaded.config
    assert not (whole / "checkpoints").exists()


def test_a_finished_folder_is_left_alone(whole, settings, monkeypatch):
    before = mtimes(whole)
    monkeypatch.setattr(train_policy, "load_model", None)
    assert run(settings, whole) == read_manifest(whole)["counts"]
    assert mtimes(whole) == before


def stopping_at(step, taken):
    """The stage's `_update`, which dies when that many steps are done."""
    whole_update = train_policy._update

    def update(config, trainer, *rest):
        if trainer.step == step:
            raise KeyboardInterrupt
        taken.append(trainer.step)
        return whole_update(config, trainer, *rest)

    return update


def test_killed_and_resumed_it_is_the_uninterrupted_run(whole, settings, tmp_path, monkeypatch):
    taken = []
    with monkeypatch.context() as patch:
        patch.setattr(train_policy, "_update", stopping_at(9, taken))
        with pytest.raises(KeyboardInterrupt):
            run(settings, tmp_path / "parts")
    with monkeypatch.context() as patch:
        patch.setattr(train_policy, "_update", stopping_at(None, taken))
        counts = run(settings, tmp_path / "parts")
    assert taken == [*range(9), *range(6, STEPS)], "it continues at the checkpoint of step 6"
    assert counts == read_manifest(whole)["counts"]
    assert without_times(read_metrics(tmp_path / "parts")) == without_times(read_metrics(whole))
    assert (tmp_path / "parts" / "rollouts.jsonl").read_bytes() == (whole / "rollouts.jsonl").read_bytes()
    assert_same_params(tmp_path / "parts", whole)


def test_equal_rewards_make_no_update_and_steps_still_count(settings, tiny_model, tmp_path, monkeypatch):
    """Not even with a KL term, which at first is nothing but rounding. Checkpoints go on all the same."""
    changes = {"steps": 4, "checkpoint_every": 1, "eval_split": "none", "rate": lambda _: 0.0}
    taken = []
    for last in (2, None):
        with monkeypatch.context() as patch:
            patch.setattr(train_policy, "_update", stopping_at(last, taken))
            if last is None:
                run(settings, tmp_path / "out", **changes)
            else:
                with pytest.raises(KeyboardInterrupt):
                    run(settings, tmp_path / "out", **changes)
    assert taken == [0, 1, 2, 3]
    assert [line["policy/updates"] for line in steps_of(tmp_path / "out")] == [0] * 4
    assert_same_params(tmp_path / "out", tiny_model.folder)


def test_killed_before_the_manifest_it_takes_no_step_again(settings, tmp_path, monkeypatch):
    def killed(*_, **__):
        raise KeyboardInterrupt

    changes = {"steps": 1, "checkpoint_every": 1, "eval_split": "none", "rate": lambda _: 0.0}
    with monkeypatch.context() as patch:
        patch.setattr(OutputFolder, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            run(settings, tmp_path / "out", **changes)
    monkeypatch.setattr(train_policy, "_update", None)
    run(settings, tmp_path / "out", **changes)
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_failures_of_the_sandbox_are_left_out(settings, tmp_path):
    """Sample 0 of every question has no verdict: it is neither rewarded 0 nor trained on."""

    def rate(completion):
        return None if completion.id.endswith("#0") else holds_the_mark(completion)

    run(settings, tmp_path / "out", rate, steps=1, eval_split="none", rollouts_logged=1)
    (step,) = steps_of(tmp_path / "out")
    assert step["reward/left_out"] == 4 and step["rollout/outcome/infrastructure"] == 4
    assert step["reward/mean"] == step["rollout/pass@1"]
    (logged,) = [json.loads(line) for line in (tmp_path / "out" / "rollouts.jsonl").read_text().splitlines()]
    assert logged["reward"] is None


def test_a_sandbox_that_only_fails_stops_the_run(settings, tmp_path):
    user_error(
        lambda: run(settings, tmp_path / "out", lambda _: None, eval_split="none"),
        *("step 1", "all 32 completions", "same command"),
    )


def test_a_reward_model_can_be_the_reward(settings, tmp_path, monkeypatch):
    """Its scores are the rewards, whatever the sandbox says."""

    class Scorer:
        @classmethod
        def from_model(cls, model, row_length, clip, dtype):
            assert (model, row_length, clip) == ("a reward model", 192, 2.5)
            return cls()

        def score(self, completions):
            return [2.0 * holds_the_mark(completion) - 0.5 for completion in completions]

    whole_load = train_policy.load_model
    made = folder_of(tmp_path / "reward", [])
    monkeypatch.setattr(train_policy, "RewardScorer", Scorer)
    monkeypatch.setattr(
        train_policy,
        "load_model",
        lambda folder, kind: "a reward model" if kind == "reward" else whole_load(folder, kind),
    )
    changes = {"reward": "model", "reward_model": made, "reward_clip": 2.5, "steps": 1, "eval_split": "none"}
    run(settings, tmp_path / "out", lambda _: 0.0, **changes)
    (step,) = steps_of(tmp_path / "out")
    assert step["rollout/pass@1"] == 0.0 and step["policy/updates"] == 2
    assert step["reward/mean"] > -0.5 and step["reward/std"] > 0


def test_bad_settings_are_refused_before_any_work(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(train_policy, "Trainer", None)

    def attempt(name, *words, **changes):
        user_error(lambda: run(settings, tmp_path / name, **changes), *words)

    attempt("a", "config.rows_per_microbatch", "6 rows", "multiple of 8", rows_per_microbatch=6)
    attempt("b", "config.mesh", "8 devices", mesh={"data": 3})
    attempt("r", "config.row_length", "71 tokens", "72", row_length=71)
    attempt("c", "config.rule", "'ternary'", "binary", rule="ternary")
    attempt("d", "config.reward", "'taste'", "'rule' or 'model'", reward="taste")
    attempt("e", "config.reward_model", "train_reward", reward="model")
    attempt(
        "f", settings["model"], "policy model", "reward model", reward="model", reward_model=settings["model"]
    )
    other = folder_of(tmp_path / "questions", QUESTIONS[6:])
    attempt("g", other, "no questions", questions=other)
    bare = folder_of(tmp_path / "bare", [question("bare", tests=0)])
    attempt("h", bare, "no tests", "bare", questions=bare)
