"""The engine on several devices: slots split over some, heads over others, and the same tokens as on one."""

import jax
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from acecoder_jax.sampling import layout
from acecoder_jax.sampling.engine import Engine
from acecoder_jax.sampling.requests import Request
from acecoder_jax.sampling.warp import SamplingParams
from acecoder_jax.training.mesh import make_mesh, param_shardings

REQUESTS = [
    Request(
        f"{length}#{i}",
        tuple(np.random.default_rng(length).integers(3, 300, length).tolist()),
        9 * length + i,
    )
    for length in (1, 5, 20, 33)
    for i in range(3)
]


def generate(model, params, **options):
    settings = {"max_prompt_tokens": 40, "max_new_tokens": 9, "eos_ids": [], "slots": 8, "chunk": 4}
    engine = Engine(model.config, model.graph, SamplingParams(), **settings, **options)
    engine.load(params)
    return {sampled.id: sampled for sampled in engine.generate(REQUESTS)}, engine


@pytest.fixture(scope="module")
def alone(tiny_model):
    return generate(tiny_model.loaded, tiny_model.loaded.params)[0]


def assert_same(results, expected):
    assert set(results) == set(expected)
    for name, sampled in results.items():
        assert sampled.token_ids == expected[name].token_ids
        np.testing.assert_allclose(sampled.log_probs, expected[name].log_probs, atol=1e-4)


@pytest.mark.timeout(300)
def test_four_devices_draw_the_same_from_the_training_layout(tiny_model, alone):
    """Trained as fsdp x tensor on the same devices, decoded as two groups of two."""
    model, devices = tiny_model.loaded, jax.devices()[:4]
    trained = make_mesh(1, 2, 2, devices)
    params = jax.device_put(model.params, param_shardings(model.params, trained))
    results, engine = generate(model, params, mesh=layout.mesh_of(devices, 2))
    assert_same(results, alone)
    assert engine.load_s > 0


@pytest.mark.timeout(300)
def test_other_devices_than_the_trainers(tiny_model, alone):
    model, devices = tiny_model.loaded, jax.devices()[2:4]
    results, _ = generate(model, model.params, mesh=layout.mesh_of(devices, 1))
    assert_same(results, alone)


def test_where_everything_lies(tiny_model):
    model, mesh = tiny_model.loaded, layout.mesh_of(jax.devices()[:4], 2)
    view = layout.view_for_decoding(model.graph, model.params, "float32", True, mesh)
    flat = dict(jax.tree_util.tree_leaves_with_path(view.layers[0]))
    specs = {jax.tree_util.keystr(path): leaf.sharding.spec for path, leaf in flat.items()}
    assert {spec for name, spec in specs.items() if "'gate'" in name} == {P(None, "tensor"), P("tensor")}
    assert {spec for name, spec in specs.items() if "'down'" in name} == {P("tensor", None), P(None)}
    assert {spec for name, spec in specs.items() if "norm" in name} == {P(None)}
    cache = layout.empty_cache(model.config, 8, 4, 32, 32, "int8", mesh)
    assert {leaf.sharding.spec for leaf in jax.tree.leaves(cache)} == {P(("data", "fsdp"), "tensor")}


def test_heads_that_do_not_divide_are_whole_everywhere(tiny_model):
    mesh = layout.mesh_of(jax.devices()[:4], 4)
    assert layout.cache_sharding(tiny_model.loaded.config, mesh).spec == P(("data", "fsdp"))
