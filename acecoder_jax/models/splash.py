"""Attention as a Pallas kernel for TPUs that never keeps a (time, time) array of scores.

The same function as `models.decoder.attention`, with the packed rows' mask kept exactly: it is given to the splash
kernel as it is, and blocks in which nobody sees anybody are skipped. The mask itself is kept, as booleans, once for
each query head of a group. The compiler cannot split a kernel over devices, so this happens here: over rows and
heads, by the mesh that the caller traces under (`jax.sharding.use_abstract_mesh`).
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax.experimental.pallas.ops.tpu.splash_attention import splash_attention_kernel as kernel
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Bool, Float

from acecoder_jax.errors import UserError
from acecoder_jax.models.decoder import attention

LANES = 128  # what a TPU's vector registers hold side by side: head widths and blocks are multiples


def splash_attention(
    queries: Float[Array, "batch time heads head_dim"],
    keys: Float[Array, "batch time kv_heads head_dim"],
    values: Float[Array, "batch time kv_heads head_dim"],
    mask: Bool[Array, "batch time time"],
    interpret: bool = False,
) -> Float[Array, "batch time heads head_dim"]:
    """`attention` on a TPU; where rows are no multiple of 128 tokens it is `attention` itself.

    Args:
      mask: True where a query may look; the last axis is the keys'. What a query that may look nowhere gives is
        finite and meaningless.
      interpret: run the kernel step by step on any machine, for tests.

    Raises:
      UserError: the mesh's `tensor` axis does not divide the key heads.
    """
    if queries.shape[1] % LANES:
        return attention(queries, keys, values, mask)
    one = partial(_rows, interpret=interpret)
    mesh = jax.sharding.get_abstract_mesh()
    if not mesh.empty:
        kv_heads, tensor = keys.shape[2], mesh.shape["tensor"]
        if kv_heads % tensor:
            raise UserError(
                f"config.mesh: tensor={tensor} does not divide the {kv_heads} key/value heads, which the splash kernel"
                " splits over it; use a divisor of that number, or config.attention=xla"
            )
        rows, heads = P(("data", "fsdp")), P(("data", "fsdp"), None, "tensor")
        one = jax.shard_map(one, in_specs=(heads, heads, heads, rows), out_specs=heads, check_vma=False)
    return one(queries, keys, values, mask)


def _rows(queries: Array, keys: Array, values: Array, mask: Array, interpret: bool) -> Array:
    batch, time, heads, head_dim = queries.shape
    kv_heads = keys.shape[2]
    group, wider = heads // kv_heads, -head_dim % LANES

    def by_head(x: Array) -> Array:  # zeros beside a narrow head change no score
        return jnp.pad(x, ((0, 0), (0, 0), (0, 0), (0, wider))).transpose(0, 2, 1, 3)

    grouped = by_head(queries * head_dim**-0.5).reshape(batch, kv_heads, group, time, -1)
    block = next(size for size in (512, 256, 128) if time % size == 0)
    seen = mask | jnp.eye(time, dtype=bool)[None]  # padding sees itself: nothing is divided by zero

    def row(queries: Array, keys: Array, values: Array, seen: Array) -> Array:
        made = _kernel(jnp.broadcast_to(seen[None], (group, time, time)), block, interpret)
        return jax.vmap(made)(queries, keys, values)

    mixed = jax.vmap(row)(grouped, by_head(keys), by_head(values), seen)
    return mixed[..., :head_dim].transpose(0, 3, 1, 2, 4).reshape(queries.shape).astype(values.dtype)


def _kernel(mask: Array, block: int, interpret: bool) -> kernel.SplashAttentionKernel:
    """Multi-query attention of one row and one key head."""
    names = ("q", "kv", "kv_compute", "q_dkv", "kv_dkv", "kv_dkv_compute", "q_dq", "kv_dq")
    sizes = kernel.BlockSizes(**{f"block_{name}": block for name in names})
    made = kernel.make_splash_mqa(mask, block_sizes=sizes, head_shards=1, q_seq_shards=1, interpret=interpret)
    # Made inside a traced function, the kernel turns this flag into an array, and then asks whether it is true.
    for name in ("fwd_mask_info", "dq_mask_info", "dkv_mask_info"):
        setattr(made, name, getattr(made, name)._replace(is_dynamic_mask=True))
    return made
