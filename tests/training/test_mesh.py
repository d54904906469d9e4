"""Meshes over the eight virtual devices, and where parameters and batches land on them."""

import dataclasses

import jax
import numpy as np
import pytest
from flax import nnx
from jax.sharding import PartitionSpec as P

from acecoder_jax.models.config import config_from_hf
from acecoder_jax.models.decoder import RewardModel
from acecoder_jax.training.mesh import RULES, make_mesh, param_shardings, place_rows
from tests.tiny_models import TINY_CONFIG, random_params
from tests.user_errors import user_error


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({}, (8, 1, 1)),
        ({"data": 2, "fsdp": 2, "tensor": 2}, (2, 2, 2)),
        ({"data": 1, "fsdp": -1}, (1, 8, 1)),
        ({"fsdp": 4}, (2, 4, 1)),
        ({"data": 4, "tensor": -1}, (4, 1, 2)),
    ],
)
def test_sizes(sizes, expected):
    mesh = make_mesh(**sizes)
    assert mesh.axis_names == ("data", "fsdp", "tensor") and mesh.devices.shape == expected


@pytest.mark.parametrize(
    "sizes",
    [
        {"data": 3},
        {"data": 2},
        {"data": 16},
        {"fsdp": 3},
        {"data": -1, "fsdp": -1},
        {"fsdp": 0},
        {"data": 1, "fsdp": -2},
        {"data": -2, "fsdp": -2, "tensor": 2},
    ],
    ids=str,
)
def test_sizes_that_do_not_fit_the_devices(sizes):
    user_error(lambda: make_mesh(**sizes), "config.mesh", "8 devices")


def test_every_logical_axis_of_every_family_has_a_rule():
    for family in ("llama", "qwen2", "qwen3"):
        config = config_from_hf(TINY_CONFIG | {"model_type": family, "tie_word_embeddings": False}, "here")
        config = dataclasses.replace(config, lora_rank=2, lora_targets=("query",))
        _, params = nnx.split(RewardModel(config, nnx.Rngs(0)))
        names = {axis for _, leaf in nnx.to_flat_state(params) for axis in leaf.axes}
        assert names == set(RULES)


def test_parameters_are_split_by_their_axes():
    mesh = make_mesh(data=2, fsdp=2, tensor=2)
    _, params = random_params(config_from_hf(TINY_CONFIG, "here"))
    placed = nnx.to_pure_dict(jax.device_put(params, param_shardings(params, mesh)))
    assert placed["embedding"].sharding.spec == P("tensor", "fsdp")
    assert placed["blocks"]["query"].sharding.spec == P(None, "fsdp", "tensor")
    assert placed["blocks"]["down"].sharding.spec == P(None, "tensor", "fsdp")
    assert placed["blocks"]["down"].addressable_shards[0].data.shape == (2, 32, 16)
    assert placed["final_norm"].sharding.is_fully_replicated


def test_an_indivisible_axis_is_named():
    config = config_from_hf(TINY_CONFIG | {"vocab_size": 301}, "here")
    _, params = random_params(config)
    user_error(
        lambda: param_shardings(params, make_mesh(tensor=2)), "config.mesh", "embedding", "301", "tensor=2"
    )


def test_rows_are_split_over_data_and_fsdp_and_scalars_are_everywhere():
    mesh = make_mesh(data=2, fsdp=2, tensor=2)
    batch = place_rows({"tokens": np.arange(32).reshape(8, 4), "denominator": np.float32(3)}, mesh)
    assert {shard.data.shape for shard in batch["tokens"].addressable_shards} == {(2, 4)}
    assert batch["denominator"].sharding.is_fully_replicated
    np.testing.assert_array_equal(batch["tokens"], np.arange(32).reshape(8, 4))


def test_rows_that_the_mesh_does_not_divide_are_the_users_to_fix():
    user_error(lambda: place_rows({"tokens": np.zeros((6, 4))}, make_mesh()), "6 rows", "8 devices")
