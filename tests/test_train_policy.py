"""The policy stage on a tiny model: it learns what is rewarded, and a resumed run is the uninterrupted one.

The sandbox is stood in for: a completion "passes" when it holds a certain token, which the random model draws in
about a tenth of its completions.
"""

import json
import os
import signal
from types import SimpleNamespace

import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM

from acecoder_jax import train_policy
from acecoder_jax.data.folders import OutputFolder, read_manifest
from acecoder_jax.errors import Preempted
from acecoder_jax.models.folders import load_model
from acecoder_jax.rewards import combine
from acecoder_jax.training import policy_parts
from acecoder_jax.training.metrics import read_metrics
from acecoder_jax.training.policy_update import PolicyUpdate
from acecoder_jax.training.rollout_batches import RolloutBatches
from tests.made_records import (
    MadeGrader,
    assert_same_params,
    config_of,
    folder_of,
    mtimes,
    question,
    without_times,
)
from tests.tiny_models import tiny_tokenizer
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
        "export_every": 8,
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
    assert results["eval_pass@1_best"] >= results["eval_pass@1_after"] and results["best_step"] in (8, 16)
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
    assert {"time/decode_s", "time/exposed_reward_s", "time/update_s", "time/reward_s"} <= set(first)
    assert first["rollout/tokens_per_s"] > 0 and first["policy/tokens_per_s"] > 0
    assert first["guard/shown_pass_rate"] == first["guard/hidden_pass_rate"] and first["guard/gap"] == 0
    assert first["guard/in_process_tests"] == 0 and first["rollout/staleness"] == 0
    assert 0 <= first["policy/mismatch_kl"] < 1e-8 and 0 <= first["policy/clip_share"] < 1
    assert 0 <= first["policy/ratio_spread"] < 1 and first["policy/skipped_updates"] == 0
    assert abs(first["policy/reference_kl"]) < 1e-5 < steps_of(whole)[-1]["policy/reference_kl"]


def test_every_step_writes_all_that_is_asked_of_it(settings, whole, tmp_path):
    """A step without an update too, where nothing moves and the entropy is that of the sampled tokens."""
    run(settings, tmp_path / "out", lambda _: 0.0, steps=1, eval_split="none")
    names = {"reward/mean", "rollout/pass_rate", "guard/hidden_pass_rate", "rollout/mean_tokens"}
    names |= {"rollout/truncated_share", "policy/reference_kl", "rollout/entropy", "policy/clip_share"}
    names |= {"policy/ratio_spread", "advantage/mean", "advantage/std", "rollout/tokens_per_s"}
    names |= {"time/exposed_reward_s", "rollout/outcome/failed", "policy/tokens_per_s", "policy/mismatch_kl"}
    (still,) = steps_of(tmp_path / "out")
    assert names <= set(still) and still["policy/updates"] == 0 and still["policy/ratio_spread"] == 0
    moved = [line for line in steps_of(whole) if line["policy/updates"]]
    names |= {"policy/entropy"}
    assert all(names <= set(line) | {"rollout/outcome/failed"} for line in moved)
    # Two estimates of one thing: from the tokens that were drawn, and over the whole vocabulary.
    assert moved[0]["rollout/entropy"] == pytest.approx(moved[0]["policy/entropy"], rel=0.25)


def test_every_step_says_how_fast_it_was(whole):
    lines = [line for line in steps_of(whole) if line["policy/updates"]]
    assert len(lines) > STEPS / 2
    for line in lines:
        assert 0 < line["time/update_s"] < line["time/step_s"] and 0 <= line["padding_share"] < 1
        assert line["tokens_per_s"] == pytest.approx(8 * line["tokens_per_s_per_device"])
        assert line["tokens_per_s"] > line["policy/tokens_per_s"], "prompts too, and the updates' time alone"
        assert line["speed/host_peak_bytes"] > 0 and "speed/mfu" not in line, (
            "no peak is known of this machine"
        )
    assert 0 < lines[0]["speed/compilations"] <= lines[-1]["speed/compilations"]
    assert list((whole / "tensorboard").iterdir()) and not (whole / "profile").exists()


def test_adapters_alone_are_trained_and_added_in(settings, tiny_model, tmp_path):
    """With a trace of the last step; the folder, the best policy and the milestone are plain models."""
    changes = {"lora": {"rank": 2, "targets": ("query", "down")}, "steps": 3, "profile": True}
    changes |= {"eval_every": 3, "export_every": 3, "algorithm": {"reference_every": 2}}
    run(settings, tmp_path / "out", **changes)
    trained, base = load_model(tmp_path / "out", "policy"), tiny_model.loaded
    adapters = load_file(tmp_path / "out" / "adapter" / "adapter_model.safetensors")
    about = json.loads((tmp_path / "out" / "adapter" / "adapter_config.json").read_text())
    assert about["task_type"] == "CAUSAL_LM" and about["target_modules"] == ["q_proj", "down_proj"]
    flat, before = (dict(nnx.to_flat_state(model.params)) for model in (trained, base))
    for path, leaf in flat.items():
        delta = np.asarray(leaf[...]) - np.asarray(before[path][...])
        name = {"query": "self_attn.q_proj", "down": "mlp.down_proj"}.get(path[-1])
        if name is None:
            np.testing.assert_array_equal(delta, 0)
            continue
        for layer in range(2):
            key = f"base_model.model.model.layers.{layer}.{name}.lora_"
            product = 8.0 * adapters[f"{key}B.weight"] @ adapters[f"{key}A.weight"]
            assert np.abs(product).max() > 1e-3
            np.testing.assert_allclose(delta[layer], product.T, atol=1e-5)
    assert_same_params(tmp_path / "out" / "best", tmp_path / "out")
    AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "milestones" / "step-00003")
    assert list((tmp_path / "out" / "profile").rglob("*.xplane.pb"))
    steps = steps_of(tmp_path / "out")
    assert abs(steps[0]["policy/reference_kl"]) < 1e-5 < abs(steps[1]["policy/reference_kl"])
    assert abs(steps[2]["policy/reference_kl"]) < 1e-5, "renewed after the second step"


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
    """The stage's `PolicyUpdate`, which dies when that many steps are done."""

    class Update(PolicyUpdate):
        def __call__(self, number, *rest):
            if number - 1 == step:
                raise KeyboardInterrupt
            taken.append(number - 1)
            return super().__call__(number, *rest)

    return Update


def test_killed_and_resumed_it_is_the_uninterrupted_run(whole, settings, tmp_path, monkeypatch):
    taken = []
    with monkeypatch.context() as patch:
        patch.setattr(policy_parts, "PolicyUpdate", stopping_at(9, taken))
        with pytest.raises(KeyboardInterrupt):
            run(settings, tmp_path / "parts")
    with monkeypatch.context() as patch:
        patch.setattr(policy_parts, "PolicyUpdate", stopping_at(None, taken))
        counts = run(settings, tmp_path / "parts")
    assert taken == [*range(9), *range(6, STEPS)], "it continues at the checkpoint of step 6"
    assert counts == read_manifest(whole)["counts"]
    assert without_times(read_metrics(tmp_path / "parts")) == without_times(read_metrics(whole))
    assert (tmp_path / "parts" / "rollouts.jsonl").read_bytes() == (whole / "rollouts.jsonl").read_bytes()
    assert_same_params(tmp_path / "parts", whole)
    assert_same_params(tmp_path / "parts" / "best", whole / "best")


def test_the_best_policy_and_milestones_are_kept(whole):
    results = json.loads((whole / "results.json").read_text())
    counts = read_manifest(whole / "best")["counts"]
    assert counts == {"step": results["best_step"], "eval_pass@1": results["eval_pass@1_best"]}
    assert load_model(whole / "best", "policy").kind == "policy"
    folders = sorted(path.name for path in (whole / "milestones").iterdir())
    assert folders == ["step-00008", "step-00016"]
    found = AutoModelForCausalLM.from_pretrained(whole / "milestones" / "step-00016", dtype="float32")
    ours = np.asarray(load_model(whole).params["embedding"][...])
    theirs = found.get_input_embeddings().weight.detach().numpy()
    np.testing.assert_allclose(theirs, ours[: len(theirs)], rtol=1e-2)  # bfloat16


def falling(after):
    """A sandbox that passes everything until it has seen so many completions, and nothing from then on."""
    seen = []

    def rate(completion):
        seen.append(completion.id)
        return float(len(seen) <= after)

    return rate


def test_a_falling_hidden_pass_rate_stops_the_run_with_its_state_saved(settings, tmp_path):
    changes = {"eval_split": "none", "checkpoint_every": 99, "stop": {"window": 1, "drop": 0.3}}
    for rate, words in ((falling(2 * 32), "step 3"), (lambda _: 0.0, "step 4")):
        user_error(
            lambda: run(settings, tmp_path / "out", rate, **changes),  # noqa: B023
            *(words, "hidden tests has fallen", "stop.drop", "saved"),
        )
    assert [line["step"] for line in steps_of(tmp_path / "out")] == [1, 2, 3, 4]


def test_a_policy_that_runs_away_stops_the_run_with_its_state_saved(settings, tmp_path):
    changes = {"eval_split": "none", "checkpoint_every": 99}
    for limit, steps in (({"kl": 1e-5}, (2, 3)), ({"ratio_spread": 1e-9}, (1,))):
        for step in steps:
            user_error(
                lambda: run(settings, tmp_path / next(iter(limit)), **changes, stop=limit),  # noqa: B023
                *(f"step {step}:", next(iter(limit)), "config.stop", "saved", "learning_rate"),
            )


def test_a_sandbox_that_dies_in_a_step_loses_nothing(settings, tmp_path):
    """The failed step's prompts come again, and the run ends as if nothing had been."""
    changes = {"eval_split": "none", "checkpoint_every": 99, "steps": 3}
    run(settings, tmp_path / "alone", **changes)
    seen = []

    def dying(completion):
        seen.append(completion.id)
        return None if len(seen) > 2 * 32 else holds_the_mark(completion)

    user_error(
        lambda: run(settings, tmp_path / "out", dying, **changes), "step 3", "sandbox failed on all 32"
    )
    assert (tmp_path / "out" / "checkpoints" / "2").is_dir()
    run(settings, tmp_path / "out", **changes)
    assert_same_params(tmp_path / "out", tmp_path / "alone")
    assert without_times(read_metrics(tmp_path / "out")) == without_times(read_metrics(tmp_path / "alone"))


def test_one_step_ahead_learns_from_rollouts_that_are_a_step_old(settings, tmp_path):
    run(settings, tmp_path / "out", mode="one_step_ahead", eval_split="none", steps=4)
    steps = steps_of(tmp_path / "out")
    assert [step["rollout/staleness"] for step in steps] == [0, 1, 1, 1]
    assert 0 <= steps[0]["policy/mismatch_kl"] < 1e-8 < 1e-6 < steps[2]["policy/mismatch_kl"]
    assert all(step["policy/updates"] == 2 and 0.5 < step["policy/mismatch_weight"] < 2 for step in steps)


def test_a_run_of_an_older_version_is_refused_in_one_line(settings, tmp_path):
    """Its config has other keys; what it holds is not touched."""
    config = config_of(train_policy, settings).to_dict()
    config |= {"kl_coef": 0.01, "clip_low": 0.2}
    del config["algorithm"]
    (tmp_path / "out").mkdir()
    about = {"schema_version": 1, "stage": "train_policy", "config": config, "inputs": {}}
    (tmp_path / "out" / "stage.json").write_text(json.dumps(about))
    user_error(lambda: run(settings, tmp_path / "out"), "other settings", "config.algorithm", "--workdir")


def test_equal_rewards_make_no_update_and_steps_still_count(settings, tiny_model, tmp_path, monkeypatch):
    """Not even with a KL term, which at first is nothing but rounding. Checkpoints go on all the same."""
    changes = {"steps": 4, "checkpoint_every": 1, "eval_split": "none", "rate": lambda _: 0.0}
    taken = []
    for last in (2, None):
        with monkeypatch.context() as patch:
            patch.setattr(policy_parts, "PolicyUpdate", stopping_at(last, taken))
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
    monkeypatch.setattr(RolloutBatches, "next", None)
    run(settings, tmp_path / "out", **changes)
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_taken_away_outside_of_the_loop_it_stops_well_and_takes_no_step_again(
    settings, tmp_path, monkeypatch
):
    changes = {"steps": 1, "checkpoint_every": 100, "eval_split": "none", "rate": lambda _: 0.0}
    for moment in ("load_model", "save_params"):
        with monkeypatch.context() as patch, pytest.raises(Preempted):
            patch.setattr(train_policy, moment, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
            run(settings, tmp_path / "out", **changes)
    monkeypatch.setattr(RolloutBatches, "next", None)
    run(settings, tmp_path / "out", **changes)
    assert [line["step"] for line in steps_of(tmp_path / "out")] == [1]


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


def test_an_evaluation_that_fails_loses_no_step_and_comes_again(settings, tmp_path):
    changes = {"steps": 2, "eval_every": 2, "rate": lambda c: holds_the_mark(c) if healthy else rate(c)}
    healthy = True
    run(settings, tmp_path / "whole", **changes)
    healthy, seen = False, []

    def rate(completion):
        """Nothing of the validation questions the second time that they come, after the last step."""
        seen.append(completion.question_id.startswith("made/v"))
        return None if seen[-1] and sum(seen) > 8 else holds_the_mark(completion)

    user_error(
        lambda: run(settings, tmp_path / "out", **changes),
        "evaluation after step 2",
        "all 8 completions",
        "memory",
    )
    healthy = True
    run(settings, tmp_path / "out", **changes)
    assert without_times(read_metrics(tmp_path / "out")) == without_times(read_metrics(tmp_path / "whole"))
    assert_same_params(tmp_path / "out", tmp_path / "whole")
    results = [json.loads((tmp_path / name / "results.json").read_text()) for name in ("out", "whole")]
    assert results[0] == results[1] and results[0]["best_step"] == 2


def test_a_reward_model_can_be_the_reward(settings, tmp_path, monkeypatch):
    """Its scores are the rewards, whatever the sandbox says."""

    class Scorer:
        @classmethod
        def from_model(cls, model, row_length, clip, dtype, mesh):
            assert (model, row_length, clip, mesh.size) == (reward_model, 192, 2.5, 8)
            return cls()

        def score(self, completions):
            return [2.0 * holds_the_mark(completion) - 0.5 for completion in completions]

    made = folder_of(tmp_path / "reward", [])
    reward_model = SimpleNamespace(tokenizer=tiny_tokenizer(), extra={"reward_spread": 2.0})
    monkeypatch.setattr(combine, "RewardScorer", Scorer)
    monkeypatch.setattr(combine, "load_model", lambda folder, kind, place: reward_model)
    changes = {"reward": "model", "reward_model": made, "reward_clip": 2.5, "steps": 1, "eval_split": "none"}
    run(settings, tmp_path / "out", lambda _: 0.0, **changes)
    (step,) = steps_of(tmp_path / "out")
    assert step["rollout/pass@1"] == 0.0 and step["policy/updates"] == 2
    assert step["reward/mean"] > -0.5 and step["reward/std"] > 0


def test_bad_settings_are_refused_before_any_work(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(policy_parts, "policy_to_train", None)

    def attempt(name, *words, **changes):
        user_error(lambda: run(settings, tmp_path / name, **changes), *words)

    attempt("a", "config.rows_per_microbatch", "6 rows", "multiple of 8", rows_per_microbatch=6)
    attempt("b", "config.mesh", "8 devices", mesh={"data": 3})
    attempt("r", "config.row_length", "71 tokens", "72", row_length=71)
    attempt("c", "config.rule", "'ternary'", "binary", rule="ternary")
    attempt("d", "config.reward", "'taste'", "'rule', 'model' or 'sum'", reward="taste")
    attempt("e", "config.reward_model", "train_reward", reward="model")
    attempt(
        "f", settings["model"], "policy model", "reward model", reward="model", reward_model=settings["model"]
    )
    other = folder_of(tmp_path / "questions", QUESTIONS[6:])
    attempt("g", other, "no questions", questions=other)
    attempt("m", "config.mode", "'asynchronous'", "one_step_ahead", mode="asynchronous")
    attempt("t", "config.attention", "'flash'", "auto", attention="flash")
    attempt("n", "config.mismatch", "'clamp'", "token_truncate", mismatch="clamp")
    attempt("o", "config.overlong", "'drop'", "penalty", overlong="drop")
    attempt("p", "config.hidden_share", "from 0 to below 1", hidden_share=1.0)
    attempt("q", "config.algorithm.name", "'a2c'", "reinforce_pp", algorithm={"name": "a2c"})
    attempt("s", "config.reward_weights", "'taste'", reward="sum", reward_weights={"taste": 1.0})
    bare = folder_of(tmp_path / "bare", [question("bare", tests=0)])
    attempt("h", bare, "no tests", "bare", questions=bare)
    held = folder_of(tmp_path / "held", [*QUESTIONS[:6], question("bare", "validation", tests=0)])
    attempt("i", held, "no tests", "bare", questions=held)
    counts = "steps", "prompts_per_step", "samples", "prompts_per_update", "eval_every", "eval_samples"
    for name in (*counts, "checkpoint_every"):
        attempt(name, f"config.{name}: 0", "at least 1", **{name: 0})
    attempt("j", "config.stop.window: 0", "at least 1", stop={"window": 0})
    attempt("k", "config.samples", "grpo", "2 or more", samples=1, algorithm={"name": "grpo"})
    attempt("l", "config.overlong_buffer", "1 to 8", overlong="penalty", overlong_buffer=0)
    attempt("u", "config.algorithm.kl_estimator", "k2 or k3", algorithm={"kl_in": "loss"})
    for name, value in (("temperature", 0.0), ("top_p", 0.9), ("top_k", 40), ("min_p", 0.1)):
        attempt(f"draws_{name}", f"config.sampling.{name}", str(value), sampling={name: value})
