"""The TPU kernel against the plain function, on packed rows: values and gradients, one device and a mesh."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from acecoder_jax.data.packing import Tree, pack
from acecoder_jax.models import packed
from acecoder_jax.models.config import config_from_hf
from acecoder_jax.models.decoder import attention
from acecoder_jax.models.packed import tree_mask
from acecoder_jax.models.splash import splash_attention
from acecoder_jax.training.mesh import make_mesh
from tests.tiny_models import TINY_CONFIG, random_params
from tests.user_errors import user_error

TIME = 128


def packed_mask(rows: int):
    """Two trees a row, some with several branches, and padding at the end."""
    draw = np.random.default_rng(1)
    trees, item = [], 0
    for _ in range(2 * rows):
        branches = tuple(tuple(draw.integers(0, 9, size).tolist()) for size in draw.integers(5, 20, 2))
        trees.append(Tree(tuple(draw.integers(0, 9, 15).tolist()), branches, (item, item + 1)))
        item += 2
    made = pack(trees, TIME, rows_multiple=rows)
    assert made.tokens.shape[0] == rows and 0 < made.padding_share < 0.6
    return tree_mask(jnp.asarray(made.tree), jnp.asarray(made.branch)), jnp.asarray(made.tree > 0)


def inputs(rows, heads, kv_heads, head_dim):
    draw = np.random.default_rng(0)
    shapes = [(rows, TIME, n, head_dim) for n in (heads, kv_heads, kv_heads, heads)]
    return [jnp.asarray(draw.normal(size=shape), jnp.float32) for shape in shapes]


def value_and_grad(function, mask, real, queries, keys, values, weight):
    def total(queries, keys, values):
        mixed = function(queries, keys, values, mask)
        assert mixed.shape == queries.shape and mixed.dtype == values.dtype
        return jnp.sum(jnp.where(real[..., None, None], mixed, 0) * weight), mixed

    (_, mixed), grads = jax.value_and_grad(total, (0, 1, 2), has_aux=True)(queries, keys, values)
    return mixed, grads


def test_values_and_gradients_on_packed_rows():
    mask, real = packed_mask(rows=1)
    arrays = inputs(rows=1, heads=4, kv_heads=2, head_dim=64)
    expected, gradients = value_and_grad(attention, mask, real, *arrays)
    kernel = jax.tree_util.Partial(splash_attention, interpret=True)
    mixed, found = jax.jit(lambda *a: value_and_grad(kernel, mask, real, *a))(*arrays)
    assert bool(jnp.all(jnp.isfinite(mixed)))
    np.testing.assert_allclose(mixed[real], expected[real], atol=2e-6)
    for left, right in zip(found, gradients):
        np.testing.assert_allclose(left, right, atol=2e-5)


def test_over_a_mesh_each_device_has_its_rows_and_heads():
    mask, real = packed_mask(rows=2)
    queries, keys, values, _ = inputs(rows=2, heads=2, kv_heads=2, head_dim=8)
    expected = attention(queries, keys, values, mask)
    with jax.set_mesh(make_mesh(data=2, fsdp=2, tensor=2)):
        repeated = [jnp.concatenate([x, x]) for x in (queries, keys, values, mask)]
        mixed = jax.jit(jax.tree_util.Partial(splash_attention, interpret=True))(*repeated)
    for half in (mixed[:2], mixed[2:]):
        np.testing.assert_allclose(np.asarray(half)[real], np.asarray(expected)[real], atol=2e-6)


def test_a_mesh_that_does_not_divide_the_key_heads_is_refused():
    queries, keys, values, _ = inputs(rows=2, heads=4, kv_heads=2, head_dim=8)
    mask = jnp.ones((2, TIME, TIME), bool)
    with jax.set_mesh(make_mesh(data=2, fsdp=1, tensor=4)):
        user_error(
            lambda: jax.jit(splash_attention)(queries, keys, values, mask),
            *("config.mesh", "tensor=4", "2 key/value heads", "config.attention=xla"),
        )


def test_a_windowed_model_is_the_same_with_either_kernel(monkeypatch):
    values = TINY_CONFIG | {"model_type": "mistral", "sliding_window": 9, "num_hidden_layers": 1}
    graph, params = random_params(config_from_hf(values, "here"))
    rows = pack([Tree((1, 2, 3) * 6, ((4, 5) * 20, (6, 7) * 9), (0, 1))], TIME)
    interpreted = jax.tree_util.Partial(splash_attention, interpret=True)
    monkeypatch.setitem(packed.ATTENTION_KERNELS, "splash", interpreted)
    hidden = [
        jax.jit(
            lambda params, k=k: packed.packed_hidden(nnx.merge(graph, params), rows.model_inputs, kernel=k)
        )(params)
        for k in ("xla", "splash")
    ]
    real = rows.tree > 0
    np.testing.assert_allclose(np.asarray(hidden[0])[real], np.asarray(hidden[1])[real], atol=2e-5)


def test_rows_that_the_kernel_cannot_tile_take_the_plain_function():
    queries, keys, values, _ = (x[:, :40] for x in inputs(1, 2, 1, 8))
    mask = jnp.tril(jnp.ones((1, 40, 40), bool))
    np.testing.assert_array_equal(
        splash_attention(queries, keys, values, mask), attention(queries, keys, values, mask)
    )


@pytest.mark.tpu_compile
def test_it_compiles_for_a_tpu_with_the_paper_models_heads():
    from jax.experimental import topologies
    from jax.sharding import AxisType, Mesh, NamedSharding
    from jax.sharding import PartitionSpec as P

    pytest.importorskip("libtpu")
    devices = topologies.get_topology_desc(platform="tpu", topology_name="v5e:2x2").devices
    mesh = Mesh(
        np.array(devices).reshape(2, 1, 2), ("data", "fsdp", "tensor"), axis_types=(AxisType.Auto,) * 3
    )

    def array(dtype, *shape):
        return jax.ShapeDtypeStruct(shape, dtype, sharding=NamedSharding(mesh, P(("data", "fsdp"))))

    def gradients(queries, keys, values, mask):
        with jax.sharding.use_abstract_mesh(mesh.abstract_mesh):
            return jax.grad(lambda *a: jnp.sum(splash_attention(*a, mask).astype(jnp.float32)), (0, 1, 2))(
                queries, keys, values
            )

    shapes = [array(jnp.bfloat16, 2, 2048, n, 128) for n in (28, 4, 4)]
    compiled = jax.jit(gradients).lower(*shapes, array(jnp.bool_, 2, 2048, 2048)).compile()
    assert compiled.as_text().count("tpu_custom_call") >= 3  # forward, and two backward
    scores = 2 * 14 * 2048 * 2048 * 2  # of a device's rows and heads, forward and backward, in bfloat16
    assert compiled.memory_analysis().temp_size_in_bytes < scores
