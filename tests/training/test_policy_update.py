"""One step's updates on a tiny model: every algorithm by its name, and each of the shared switches."""

import jax
import numpy as np
import pytest
from flax import nnx

from acecoder_jax import train_policy
from acecoder_jax.models.config import config_from_hf
from acecoder_jax.training.algorithms import ALGORITHMS, choose_algorithm
from acecoder_jax.training.policy_step import token_log_probs, token_values
from acecoder_jax.training.policy_update import PolicyUpdate
from acecoder_jax.training.reference import ReferencePolicy, remove_references
from acecoder_jax.training.trained_policy import policy_to_train
from tests.made_records import completion, config_of
from tests.tiny_models import TINY_CONFIG, random_params

pytestmark = pytest.mark.usefixtures("compile_cache")

DECODER = config_from_hf(TINY_CONFIG, "here")
SETTINGS = {
    "row_length": 64,
    "rows_per_microbatch": 1,
    "prompts_per_update": 2,
    "remat": "none",
    "sampling": {"max_prompt_tokens": 16, "max_new_tokens": 12},
    "optimizer": {"learning_rate": 1e-3},
}


class Case:
    """A trainer with its updates, and four completions of two questions as the policy itself would draw them."""

    def __init__(self, one_device, tmp_path, **changes):
        self.config = config = config_of(train_policy, SETTINGS | changes)
        self.graph, params = random_params(DECODER, seed=3)
        algorithm = choose_algorithm(config.algorithm)
        self.policy = policy_to_train(config, algorithm, DECODER, params, one_device, 10)
        self.trainer = self.policy.trainer
        self.reference = ReferencePolicy(self.policy, config, tmp_path)
        self.update = PolicyUpdate(config, algorithm, self.policy, self.reference)
        draw = np.random.default_rng(0)
        bare = [
            completion(
                f"q{n // 4}",
                n % 4,
                prompt_ids=(1, 50, 51 + n // 4),
                token_ids=tuple(draw.integers(3, 300, 3 + n).tolist()),
            )
            for n in range(8)
        ]
        found = token_log_probs(self.graph, params, bare, config)
        self.completions = [
            completion(
                c.question_id,
                n,
                prompt_ids=c.prompt_ids,
                token_ids=c.token_ids,
                log_probs=tuple(values.tolist()),
            )
            for n, (c, values) in enumerate(zip(bare, found))
        ]

    def step(self, rewards, number=1):
        return self.update(number, self.completions, rewards)


REWARDS = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_raises_what_is_rewarded(name, one_device, tmp_path):
    """After a few steps the rewarded completions are likelier than before, relative to the others."""
    algorithm = {"name": name} | ({"clip_low": 0.2, "clip_high": 0.2} if name == "gspo" else {})
    case = Case(one_device, tmp_path, algorithm=algorithm)

    def margin():
        found = token_log_probs(case.graph, case.policy.plain, case.completions, case.config)
        return np.corrcoef(REWARDS, [values.mean() for values in found])[0, 1]

    before = margin()
    for number in (1, 2, 3):
        values = case.step(REWARDS, number)
        assert values["policy/updates"] == 1 and values["policy/skipped_updates"] == 0
        assert all(np.isfinite(value) for value in values.values())
    assert margin() > before + 0.05
    assert values["policy/entropy"] > 0 and values["policy/grad_norm"] > 0
    assert abs(values["policy/reference_kl"]) < 1e-6, "of the tokens as they were drawn"
    assert ("policy/value_loss" in values) == (name == "ppo")
    assert ("policy/loss_kl" in values) == (choose_algorithm(case.config.algorithm).loss.kl_in == "loss")


def test_the_first_update_starts_from_the_sampled_probabilities(one_device, tmp_path):
    values = Case(one_device, tmp_path).step(REWARDS)
    assert 0 <= values["policy/mismatch_kl"] < 1e-8 and values["policy/clip_share"] == 0
    assert abs(values["advantage/mean"]) < 1e-6 and values["advantage/std"] == pytest.approx(1, abs=1e-6)


def test_the_critic_learns_and_its_head_learns_faster(one_device, tmp_path):
    case = Case(one_device, tmp_path, algorithm={"name": "ppo", "critic_rate": 30.0, "critic_clip": 1.0})
    losses = [case.step(REWARDS, number)["policy/value_loss"] for number in range(1, 7)]
    assert losses[-1] < losses[0]
    head = np.asarray(case.trainer.params["score"][...])
    # The optimizer moves every weight by about the learning rate a step, and the head by 30 times as much.
    assert 0.01 < np.abs(head).max() < 6 * 30 * 1.1e-3
    values = token_values(case.policy.graph, case.trainer.params, case.completions, case.config)
    assert [len(v) for v in values] == [len(c.token_ids) for c in case.completions]


def test_equal_rewards_make_no_update_whatever_the_algorithm(one_device, tmp_path):
    for name in ("reinforce_pp", "grpo"):
        case = Case(one_device, tmp_path, algorithm={"name": name})
        before = jax.tree.map(np.array, nnx.to_pure_dict(case.trainer.params))
        values = case.step([1.0] * 8)
        assert values["policy/updates"] == 0 and values["reward/all_equal"] == 1
        assert case.trainer.step == 0
        jax.tree.map(np.testing.assert_array_equal, before, nnx.to_pure_dict(case.trainer.params))
        assert case.update(2, [], []) | {"time/update_s": 0} == {
            "policy/updates": 0,
            "policy/skipped_updates": 0,
            "policy/clip_share": 0,
            "policy/approx_kl": 0,
            "policy/ratio_spread": 0,
            "policy/tokens_per_s": 0,
            "policy/mismatch_kl": None,
            "policy/reference_kl": None,
            "advantage/mean": None,
            "advantage/std": None,
            "reward/all_equal": 1,
            "time/update_s": 0,
        }


def test_a_minibatch_in_which_nothing_differs_is_skipped_and_counted(one_device, tmp_path):
    case = Case(one_device, tmp_path, algorithm={"name": "rloo", "kl_coef": 0.0}, prompts_per_update=1)
    values = case.step([1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    assert values["policy/updates"] == 1 and values["policy/skipped_updates"] == 1


def test_older_rollouts_are_corrected_by_bounded_weights(one_device, tmp_path):
    """What was drawn with other probabilities weighs as much as the bound allows, or nothing where it is masked."""
    changes = {"mode": "one_step_ahead", "mismatch_high": 1.5}
    plain, weighted, masked = (
        Case(one_device, tmp_path, **more) for more in ({}, changes, changes | {"mismatch": "sequence_mask"})
    )
    # All tokens were three times as likely for the sampler's older weights.
    for case in (weighted, masked):
        case.completions = [
            completion(
                c.question_id,
                n,
                prompt_ids=c.prompt_ids,
                token_ids=c.token_ids,
                log_probs=tuple(value + np.log(3) for value in c.log_probs),
            )
            for n, c in enumerate(case.completions)
        ]
    exact, truncated = plain.step(REWARDS), weighted.step(REWARDS)
    assert truncated["policy/mismatch_weight"] == pytest.approx(1 / 3, rel=1e-3)
    assert truncated["policy/mismatch_kl"] == pytest.approx(np.log(3) - 1 + 1 / 3, rel=1e-3)
    assert truncated["policy/grad_norm"] == pytest.approx(exact["policy/grad_norm"] / 3, rel=1e-2)
    assert truncated["policy/approx_kl"] == pytest.approx(0, abs=1e-6), (
        "the clipped ratio counts from the trainer's"
    )
    masked.config.mismatch_low = 0.5
    values = masked.step(REWARDS)
    assert values["policy/mismatch_weight"] == 0 and values["policy/updates"] == 0


def test_a_reference_that_is_renewed_is_found_again(one_device, tmp_path):
    case = Case(one_device, tmp_path, algorithm={"reference_every": 2})
    reference = case.reference
    first = reference.log_probs(case.completions)
    for step in (1, 2, 3, 4, 5):
        case.step(REWARDS, step)
        reference.renew(step)
    after = reference.log_probs(case.completions)
    assert np.abs(np.concatenate(after) - np.concatenate(first)).max() > 1e-3
    again = Case(one_device, tmp_path, algorithm={"reference_every": 2}).reference
    again.resume(1)
    np.testing.assert_array_equal(np.concatenate(again.log_probs(case.completions)), np.concatenate(first))
    again.resume(5)
    np.testing.assert_array_equal(np.concatenate(again.log_probs(case.completions)), np.concatenate(after))
    reference.forget(5)
    assert [folder.name for folder in (tmp_path / "references").iterdir()] == ["4"]
    remove_references(tmp_path)
    assert not (tmp_path / "references").exists()


def test_with_adapters_the_base_stays_and_is_the_reference(one_device, tmp_path):
    """No second copy of it; a renewed reference is a copy of the adapters alone."""
    changes = {"lora": {"rank": 2, "targets": ("query", "down")}, "algorithm": {"reference_every": 2}}
    case = Case(one_device, tmp_path, **changes)
    base = jax.tree.map(np.asarray, nnx.to_pure_dict(random_params(DECODER, seed=3)[1]))
    plain = Case(one_device, tmp_path).reference.log_probs(case.completions)
    np.testing.assert_allclose(
        np.concatenate(case.reference.log_probs(case.completions)), np.concatenate(plain), atol=1e-5
    )
    values = [case.step(REWARDS, step) for step in (1, 2)]
    assert values[0]["policy/updates"] == 1 and values[0]["policy/mismatch_kl"] < 1e-8
    now = nnx.to_pure_dict(case.policy.params)
    np.testing.assert_array_equal(now["blocks"]["query"], base["blocks"]["query"])
    assert np.abs(np.asarray(now["blocks"]["query_lora_b"])).max() > 0
    np.testing.assert_allclose(
        np.concatenate(case.reference.log_probs(case.completions)), np.concatenate(plain), atol=1e-5
    )
    assert {str(path[-1]) for path, _ in nnx.to_flat_state(case.reference._trained)} == {
        f"{name}_lora_{side}" for name in ("query", "down") for side in "ab"
    }
    merged = nnx.to_pure_dict(case.policy.plain)
    assert set(merged["blocks"]) == set(base["blocks"])
    ours = token_log_probs(case.policy.decoder_graph, case.policy.params, case.completions, case.config)
    theirs = token_log_probs(case.graph, case.policy.plain, case.completions, case.config)
    np.testing.assert_allclose(np.concatenate(ours), np.concatenate(theirs), atol=1e-5)
    assert np.abs(np.concatenate(ours) - np.concatenate(plain)).max() > 1e-3
    case.reference.renew(2)
    np.testing.assert_allclose(
        np.concatenate(case.reference.log_probs(case.completions)), np.concatenate(ours), atol=1e-5
    )
    again = Case(one_device, tmp_path, **changes).reference
    again.resume(2)
    np.testing.assert_allclose(
        np.concatenate(again.log_probs(case.completions)), np.concatenate(ours), atol=1e-5
    )


@pytest.mark.slow
def test_a_critic_learns_beside_adapters(one_device, tmp_path):
    case = Case(one_device, tmp_path, algorithm={"name": "ppo", "critic_rate": 30.0}, lora={"rank": 2})
    values = [case.step(REWARDS, step) for step in (1, 2, 3)]
    assert values[-1]["policy/value_loss"] < values[0]["policy/value_loss"]
    assert np.abs(np.asarray(case.trainer.params["score"][...])).max() > 0.01
    assert "score" not in case.policy.plain
