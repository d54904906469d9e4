"""The model on packed rows: who sees whom, hidden states, and log-probabilities of the tokens that stand there.

Training steps and reward scoring go through here; see `data/packing.py` for the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jaxtyping import Array, Bool, Float, Int

from acecoder_jax.errors import UserError
from acecoder_jax.models.block_attention import block_attention
from acecoder_jax.models.cudnn import cudnn_attention
from acecoder_jax.models.decoder import Decoder, by_layer, in_window
from acecoder_jax.models.splash import splash_attention

ATTENTION_KERNELS = {"xla": block_attention, "splash": splash_attention, "cudnn": cudnn_attention}
_VOCAB_CHUNK = 256  # tokens per slice of the output projection: no (rows, time, vocab) array is ever kept


def attention_kernel(name: str, platform: str, dtype: str) -> str:
    """The kernel that a config's `attention` means on a platform: "auto" is splash on TPUs, cuDNN on GPUs, else XLA.

    cuDNN has no float32 kernel, so "auto" is XLA there too.

    Raises:
      UserError: an unknown name, or a kernel that the platform or the dtype does not have.
    """
    if name == "auto":
        return {"tpu": "splash", "gpu": "cudnn" if dtype != "float32" else "xla"}.get(platform, "xla")
    if name not in ATTENTION_KERNELS:
        raise UserError(
            f"config.attention: {name!r} is unknown; use auto or one of {', '.join(ATTENTION_KERNELS)}"
        )
    if name == "cudnn" and (platform != "gpu" or dtype == "float32"):
        raise UserError(
            f"config.attention: cudnn runs on GPUs in bfloat16, not on {platform} in {dtype}; use auto"
        )
    return name


def tree_mask(
    tree: Int[Array, "rows time"], branch: Int[Array, "rows time"]
) -> Bool[Array, "rows time time"]:
    """True where the first time axis may look at the second: causal, same tree, own branch or the prompt."""
    time = tree.shape[1]
    causal = jnp.tril(jnp.ones((time, time), bool))[None]
    same_tree = (tree[:, :, None] == tree[:, None, :]) & (tree[:, :, None] > 0)
    visible = (branch[:, None, :] == 0) | (branch[:, :, None] == branch[:, None, :])
    return causal & same_tree & visible


def packed_hidden(
    model: Decoder,
    rows: Mapping[str, Array],
    dtype: str = "float32",
    remat: str = "none",
    kernel: str = "xla",
) -> Float[Array, "rows time embed"]:
    """Final hidden states of packed rows.

    Args:
      rows: `PackedRows.model_inputs`.
      dtype: compute dtype.
      remat: a key of `models.decoder.REMAT_POLICIES`.
      kernel: a key of `ATTENTION_KERNELS`, or "auto" (see `attention_kernel`).

    Raises:
      UserError: an unknown kernel, or one that this machine's devices do not run.
    """
    attend_by = ATTENTION_KERNELS[attention_kernel(kernel, jax.default_backend(), dtype)]
    mask = tree_mask(rows["tree"], rows["branch"])
    near = mask & in_window(rows["positions"], rows["positions"], model.config.sliding_window)

    def attend(queries, keys, values, windowed=False):
        return attend_by(queries, keys, values, by_layer(windowed, mask, near)), None

    hidden, _ = model.hidden(rows["tokens"], rows["positions"], attend, jnp.dtype(dtype), remat)
    return hidden


def packed_log_probs(
    model: Decoder,
    hidden: Float[Array, "rows time embed"],
    rows: Mapping[str, Array],
    temperature: float = 1.0,
) -> tuple[Float[Array, "rows time"], Float[Array, "rows time"]]:
    """Log-probability of each token given what it sees, and the entropy of its distribution (nats).

    Args:
      rows: `PackedRows.model_inputs`, and perhaps `responses`, the columns of the tokens that are asked for (see
        `policy_rows.response_columns`): the vocabulary's projection is computed for those alone.

    Returns:
      Of every token; 0 off the responses where those are given, else finite and meaningless on prompts and padding.
    """
    source, tokens, responses = rows["source"], rows["tokens"], rows.get("responses")
    if responses is not None:
        source, tokens = (
            jnp.take_along_axis(array, responses, axis=1, mode="clip") for array in (source, tokens)
        )
    before = jnp.take_along_axis(hidden, source[:, :, None], axis=1)
    batch, time, width = before.shape
    chunk = next(size for size in range(min(_VOCAB_CHUNK, time), 0, -1) if time % size == 0)

    def split(array: Array) -> Array:
        return jnp.moveaxis(array.reshape(batch, time // chunk, chunk, *array.shape[2:]), 1, 0)

    @partial(jax.checkpoint, policy=jax.checkpoint_policies.nothing_saveable, prevent_cse=False)
    def one(_, piece):
        states, tokens = piece
        log_probs = jax.nn.log_softmax(model.logits(states) / temperature, axis=-1)
        chosen = jnp.take_along_axis(log_probs, tokens[..., None], axis=-1)[..., 0]
        entropy = -jnp.sum(jnp.exp(log_probs) * log_probs, axis=-1)
        return None, (chosen, entropy)

    _, (log_probs, entropy) = jax.lax.scan(one, None, (split(before), split(tokens)))

    def join(array: Array) -> Array:
        values = jnp.moveaxis(array, 0, 1).reshape(batch, time)
        if responses is None:
            return values
        whole = jnp.zeros(hidden.shape[:2], values.dtype)
        return whole.at[jnp.arange(batch)[:, None], responses].set(values, mode="drop")

    return join(log_probs), join(entropy)


def on_host(values: Array) -> np.ndarray:
    """An array, whole, on every host; all of those that hold a part of it must ask."""
    if values.is_fully_addressable:
        return np.asarray(values)
    return np.asarray(multihost_utils.process_allgather(values, tiled=True))
