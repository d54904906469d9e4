"""Attention through cuDNN's fused kernels for NVIDIA GPUs, which never keep a (time, time) array of scores.

The packed rows' mask goes in as it is. Written against JAX's documented interface and checked with its XLA
implementation; no GPU was there to run it.
"""

from __future__ import annotations

import jax
from jaxtyping import Array, Bool, Float


def cudnn_attention(
    queries: Float[Array, "batch time heads head_dim"],
    keys: Float[Array, "batch source kv_heads head_dim"],
    values: Float[Array, "batch source kv_heads head_dim"],
    mask: Bool[Array, "batch time source"],
    implementation: str = "cudnn",
) -> Float[Array, "batch time heads head_dim"]:
    """`models.decoder.attention` on a GPU, in bfloat16 or float16.

    Args:
      mask: True where a query may look; what a query that may look nowhere gives is meaningless.
      implementation: "xla" runs the same call on any machine, for tests.
    """
    return jax.nn.dot_product_attention(
        queries, keys, values, mask=mask[:, None], implementation=implementation
    )
