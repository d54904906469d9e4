"""The product against numpy, in every shape and orientation that the CPU backend treats differently."""

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from acecoder_jax.models.matmul import faster_cpu_dtype, matmul

SHAPES = [
    ((8, 16), (16, 24)),
    ((1, 16), (16, 24)),
    ((8, 16), (16, 1)),
    ((8, 1), (1, 24)),
    ((5, 7), (7, 3)),
    ((64, 576), (576, 1536)),
    ((3, 20, 16), (3, 16, 12)),
    ((2, 3, 1, 16), (2, 3, 16, 33)),
]


def operands(left, right, dtype):
    rng = np.random.default_rng(0)
    return (jnp.asarray(rng.normal(size=shape), dtype) for shape in (left, right))


def wide(x):
    return np.asarray(x).astype(np.float64)


def of_sum(terms):
    """What float32 sums of so many products of normal numbers may be off by, in whichever order a processor adds."""
    return {"rtol": 1e-5, "atol": 2**-22 * terms}


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_adds_up_in_float32_forwards_and_backwards(left, right, dtype):
    x, y = operands(left, right, dtype)
    weights = np.random.default_rng(1).normal(size=(*left[:-1], right[-1])).astype(np.float32)

    @jax.jit
    def both(x, y):
        return matmul(x, y), jax.grad(lambda x, y: jnp.sum(matmul(x, y) * weights), argnums=(0, 1))(x, y)

    product, (dx, dy) = both(x, y)
    assert product.dtype == jnp.float32 and dx.dtype == dy.dtype == dtype
    np.testing.assert_allclose(wide(product), wide(x) @ wide(y), **of_sum(left[-1]))
    rounded = wide(weights.astype(ml_dtypes.bfloat16)) if dtype == jnp.bfloat16 else weights
    gradients = (
        (dx, rounded @ wide(y).swapaxes(-1, -2), right[-1]),
        (dy, wide(x).swapaxes(-1, -2) @ rounded, left[-2]),
    )
    for got, want, terms in gradients:
        # The gradient of a bfloat16 operand is rounded once.
        tolerance = {"rtol": 2**-8, "atol": 1e-3} if dtype == jnp.bfloat16 else of_sum(terms)
        np.testing.assert_allclose(wide(got), want, **tolerance)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_operands_and_result_may_be_transposed(dtype):
    x, y = operands((16, 8), (24, 16), dtype)
    got = jax.jit(lambda x, y: matmul(x.T, y.T).T + 1)(x, y)
    np.testing.assert_allclose(wide(got), (wide(x).T @ wide(y).T).T + 1, rtol=1e-5, atol=1e-4)


def test_a_float32_weight_keeps_its_float32_gradient():
    x, y = jnp.ones((4, 512), jnp.bfloat16), jnp.ones((512, 8), jnp.float32)
    gradient = jax.jit(jax.grad(lambda y: jnp.sum(matmul(x * jnp.bfloat16(1.0078125), y))))(y)
    assert gradient.dtype == jnp.float32
    np.testing.assert_array_equal(gradient, np.float32(4 * 1.0078125))


def test_it_works_in_a_scan_with_rematerialization():
    weights = jnp.asarray(np.random.default_rng(0).normal(size=(3, 16, 16)) / 4, jnp.float32)

    def loss(weights, dtype):
        layer = jax.checkpoint(lambda x, w: (jnp.tanh(matmul(x, w)).astype(dtype), None), prevent_cse=False)
        return jnp.sum(jax.lax.scan(layer, jnp.ones((6, 16), dtype), weights)[0].astype(jnp.float32))

    narrow, exact = (
        jax.jit(jax.grad(lambda w, d=d: loss(w, d)))(weights) for d in (jnp.bfloat16, jnp.float32)
    )
    np.testing.assert_allclose(narrow, exact, rtol=0.1, atol=0.1)


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_bf16 amx_tile", "bfloat16"),
        ("flags\t\t: fpu amx_bf16", "bfloat16"),
        ("Features\t: fp asimd i8mm bf16", "bfloat16"),
        ("flags\t\t: fpu avx2 avx512f", "float32"),
    ],
)
def test_the_processors_units_decide_the_faster_dtype(tmp_path, flags, dtype):
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{flags}\n")
    assert faster_cpu_dtype(tmp_path / "cpuinfo") == dtype


def test_a_processor_that_does_not_say_computes_in_float32(tmp_path):
    assert faster_cpu_dtype(tmp_path / "none") == "float32"
