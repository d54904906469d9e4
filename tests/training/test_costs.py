"""Analytic costs against numbers worked out by hand."""

import jax
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from acecoder_jax.models.config import config_from_hf
from acecoder_jax.training import costs
from acecoder_jax.training.costs import Cost
from acecoder_jax.training.mesh import AXES
from acecoder_jax.training.topology import CHIPS
from tests.tiny_models import TINY_CONFIG

CONFIG = config_from_hf(TINY_CONFIG, "here")  # 2 layers, width 32, 4 heads of 8, 2 key/value heads, mlp 64
WEIGHTS = 2 * (32 * 32 * 2 + 2 * 32 * 16 + 3 * 32 * 64)


@pytest.fixture(scope="module")
def mesh():
    return Mesh(np.array(jax.devices()).reshape(2, 2, 2), AXES)


def test_a_forward_pass(mesh):
    cost = costs.forward_cost(CONFIG, mesh, rows=4, length=10, targets=10, itemsize=2)
    attention = 4 * 2 * 4 * 8 * 10
    assert cost.flops == (10 * (2 * WEIGHTS + attention) + 10 * 2 * 32 * 300) / 2
    assert cost.bytes == 2 * ((WEIGHTS + 32 * 300) / 2 + 2 * 2 * 10 * 32)
    whole = costs.forward_cost(CONFIG, mesh, rows=1, length=10, targets=10, itemsize=2)
    assert whole.flops == cost.flops  # one row does not divide over four devices: each computes all of it


def test_training_takes_three_passes_or_four():
    forward = Cost(100.0, 10.0)
    assert costs.train_cost(forward, 8.0, "none") == Cost(300.0, 30.0 + 24.0)
    assert costs.train_cost(forward, 8.0, "full") == Cost(400.0, 40.0 + 24.0)
    assert costs.optimizer_cost(8.0) == Cost(30.0, 64.0)


def test_decoding_reads_every_weight_and_the_whole_cache(mesh):
    cost = costs.decode_cost(CONFIG, mesh, slots=8, length=100, tokens=3, itemsize=2, cache_itemsize=4)
    weights, cache = 2 * (WEIGHTS + 32 * 300), 2 * 4 * 2 * 100 * 2 * 2 * 8
    assert cost.bytes == 3 * (weights + cache) / 2
    assert cost.flops == 3 * 2 * (2 * WEIGHTS + 4 * 2 * 4 * 8 * 100 + 2 * 32 * 300) / 2
    wide = costs.decode_cost(CONFIG, mesh, 8, length=100, tokens=3, itemsize=2, cache_itemsize=4, width=4)
    assert (wide.bytes, wide.flops) == (cost.bytes, 4 * cost.flops), "more products on the same bytes"


def test_bytes_on_one_device(mesh):
    split = jax.ShapeDtypeStruct((8, 6), np.float32, sharding=NamedSharding(mesh, P(("data", "fsdp"))))
    whole = jax.ShapeDtypeStruct((5,), np.int8, sharding=NamedSharding(mesh, P()))
    assert costs.bytes_here({"a": split, "b": [whole, None]}) == 2 * 6 * 4 + 5


def test_the_roofline_is_each_resource_at_its_published_rate():
    times = costs.roofline(Cost(197e12, 819e9 * 2), 200e9 * 3, CHIPS["v5e"])
    assert times == {"compute": 1.0, "memory": 2.0, "links": 3.0}
