"""What `compile` lowers is what the stages run, with adapters as without: the same arrays in the same places."""

import dataclasses
import importlib.util

import jax
import pytest

from acecoder_jax import train_policy, train_reward
from acecoder_jax.models.config import config_from_hf
from acecoder_jax.models.folders import LoadedModel
from acecoder_jax.models.lora import is_adapter, with_adapters
from acecoder_jax.sampling.view import decode_view
from acecoder_jax.training.abstract_steps import train_policy_steps, train_reward_steps
from acecoder_jax.training.algorithms import choose_algorithm
from acecoder_jax.training.costs import bytes_here
from acecoder_jax.training.mesh import make_mesh
from acecoder_jax.training.reference import ReferencePolicy
from acecoder_jax.training.reward_step import in_reward, reward_from_policy, reward_loss
from acecoder_jax.training.topology import topology_devices
from acecoder_jax.training.trained_policy import policy_to_train
from acecoder_jax.training.trainer import Trainer, make_optimizer
from tests.made_records import config_of
from tests.tiny_models import TINY_CONFIG, random_params

DECODER = config_from_hf(TINY_CONFIG, "here")
needs_libtpu = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None, reason="libtpu is not installed: pip install '.[tpu]'"
)
SETTINGS = {
    "row_length": 64,
    "rows_per_microbatch": 4,
    "mesh": {"data": 2, "fsdp": 2, "tensor": 2},
    "sampling": {"max_prompt_tokens": 32, "max_new_tokens": 28, "slots": 8},
}


def settings_of(stage, **changes):
    return config_of(
        stage, {key: value for key, value in SETTINGS.items() if key in stage.default_config()} | changes
    )


def arguments_of(step):
    """Shape, dtype of everything that a step is called with."""
    return [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(step.lower().args_info)]


def shapes_of(*trees):
    return [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(trees)]


@pytest.mark.parametrize(("rank", "tied"), [(0, True), (0, False), (2, True)])
def test_a_reward_models_steps(rank, tied):
    decoder = dataclasses.replace(DECODER, tie_word_embeddings=tied)
    config = settings_of(train_reward, batch_pairs=16, lora={"rank": rank})
    mesh = make_mesh(**config.mesh)
    steps = {step.name: step for step in train_reward_steps(config, decoder, reward_loss(config), mesh)}
    graph, params = reward_from_policy(LoadedModel(decoder, {}, *random_params(decoder), None, "policy"))
    if rank:
        _, graph, params = with_adapters(decoder, params, config.lora, config.seed)
    optimizer = make_optimizer(config.optimizer, 1)
    trains = is_adapter if rank else in_reward
    state = Trainer(graph, params, optimizer, reward_loss(config), mesh, trains=trains).state
    apply, before = arguments_of(steps["apply"]), shapes_of(state["params"], state["opt_state"])
    assert apply[: len(before)] == before and len(apply) > len(before), "gradients and sums behind the state"
    assert steps["accumulate"].beside == steps["score"].beside == bytes_here(state["opt_state"])


@pytest.mark.parametrize("rank", [0, 2])
def test_a_policys_steps(rank, tmp_path):
    config = settings_of(train_policy, lora={"rank": rank, "targets": ("query", "gate")})
    mesh, algorithm = make_mesh(**config.mesh), choose_algorithm(config.algorithm)
    steps = {
        step.name: step for step in train_policy_steps(config, DECODER, train_policy._loss(config), mesh)
    }
    policy = policy_to_train(config, algorithm, DECODER, random_params(DECODER)[1], mesh, 1)
    state, reference = policy.trainer.state, ReferencePolicy(policy, config, tmp_path)
    apply, before = arguments_of(steps["apply"]), shapes_of(state["params"], state["opt_state"])
    assert apply[: len(before)] == before and len(apply) > len(before)
    found = arguments_of(steps["reference"])
    assert found[: len(jax.tree.leaves(policy.params))] == shapes_of(policy.params)
    # While a microbatch runs, what else is there: moments, weights for decoding, the reference.
    kept = steps["apply"].beside
    assert steps["accumulate"].beside == bytes_here(state["opt_state"]) + kept
    whole = bytes_here(policy.plain)
    copies = bytes_here(reference._trained)
    if rank:
        assert copies < 0.2 * whole, "no second copy of the base"
    view = decode_view(random_params(DECODER)[0], jax.device_get(policy.plain), "float32")
    assert kept == copies + bytes_here(view), "weights for decoding are whole on every device"
    assert steps["reference"].beside == bytes_here(state) + kept - bytes_here(policy.params)


@needs_libtpu
def test_on_two_hosts_each_samples_as_one_host_with_half_of_the_slots():
    """The trainer's arrays are split over both; the sampler's are not."""

    def steps(topology, slots):
        sampling = SETTINGS["sampling"] | {"slots": slots, "tensor": 2}
        config = settings_of(
            train_policy, mesh={"data": 1, "fsdp": -1, "tensor": 2}, sampling=sampling, lora={"rank": 2}
        )
        mesh = make_mesh(**config.mesh, devices=topology_devices(topology))
        made = train_policy_steps(config, DECODER, train_policy._loss(config), mesh)
        return {step.name: step for step in made}

    alone, two = steps("v5e:2x2", 4), steps("v5e:2x4", 8)
    for name in ("prefill", "decode"):
        assert arguments_of(two[name]) == arguments_of(alone[name])
        assert 0 < two[name].beside < alone[name].beside
