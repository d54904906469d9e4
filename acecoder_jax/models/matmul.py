"""Matrix products that multiply in the compute dtype and add up in float32, forwards and backwards.

JAX's own derivative of such a product multiplies the float32 cotangent by the narrow operand, which the bfloat16
units of no processor do. Here the cotangent is rounded to the compute dtype first, as every product's inputs are,
and the gradient of a float32 weight comes out of the float32 sum unrounded.
"""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
from jax.experimental.layout import Layout, with_layout_constraint
from jaxtyping import Array, Float

_BFLOAT16_UNITS = frozenset({"amx_bf16", "avx512_bf16", "bf16"})  # as Linux names them, the last one on ARM


def faster_cpu_dtype(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The dtype in which this machine's processor multiplies faster: bfloat16 where it has units for it, which makes up
    to four times as fast, and else float32, as it would have to widen every operand.
    """
    try:
        words = cpuinfo.read_text().split()
    except OSError:
        return "float32"
    return "bfloat16" if _BFLOAT16_UNITS.intersection(words) else "float32"


@jax.custom_vjp
def matmul(x: Float[Array, "*batch rows inner"], y: Float[Array, "*batch inner out"]) -> Array:
    """The product in float32, shape (*batch, rows, out); `y` is rounded to the dtype of `x` first."""
    y = y.astype(x.dtype)
    if x.dtype == jnp.float32:
        return jnp.matmul(x, y)
    return jax.lax.platform_dependent(x, y, cpu=_row_major_product, default=_product)


def _product(x: Array, y: Array) -> Array:
    return jnp.matmul(x, y, preferred_element_type=jnp.float32)


def _row_major_product(x: Array, y: Array) -> Array:
    # XLA's CPU backend has bfloat16 kernels for row-major operands only, and would otherwise fold a transpose into
    # the product and widen it to float32: four times slower where the processor has bfloat16 units.
    return _row_major(_product(_row_major(x), _row_major(y)))


def _row_major(x: Array) -> Array:
    return with_layout_constraint(x, Layout(tuple(range(x.ndim))))


def _forward(x: Array, y: Array) -> tuple[Array, tuple[Array, Array]]:
    return matmul(x, y), (x, y)


def _backward(operands: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    x, y = operands
    narrow = cotangent.astype(x.dtype)
    return (
        matmul(narrow, jnp.matrix_transpose(y)).astype(x.dtype),
        matmul(jnp.matrix_transpose(x), narrow).astype(y.dtype),
    )


matmul.defvjp(_forward, _backward)
