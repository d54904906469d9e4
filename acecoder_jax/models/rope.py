"""Rotary positions (Su et al., 2021) and the ways in which families stretch them to longer contexts.

One frozen description per kind of layer, read from a Hugging Face config; the frequencies are computed from it
once, outside the compiled program. The decoder and the sampling engine use the same tables.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from acecoder_jax.errors import UserError


@dataclass(frozen=True)
class Rope:
    """Rotary base and scaling.

    Attributes:
      theta: the rotary base.
      kind: "default", "linear", "llama3" or "yarn".
      factor: how many times longer the context became.
      original_positions: context length before that.
      low_freq_factor, high_freq_factor: llama3's band: waves longer than the original context over the first are
        slowed down in full, those shorter than over the second not at all.
      beta_fast, beta_slow: yarn's band, in turns over the original context.
      truncate: whether yarn's band is widened to whole dimensions.
      amplitude: multiplies cosines and sines; yarn's temperature on attention scores.
    """

    theta: float
    kind: str = "default"
    factor: float = 1.0
    original_positions: int = 0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    truncate: bool = True
    amplitude: float = 1.0

    def frequencies(self, head_dim: int) -> Float[np.ndarray, "half"]:
        """Radians per position of each rotated pair."""
        plain = self.theta ** (-np.arange(0, head_dim, 2) / head_dim)
        return (plain * _STRETCH[self.kind](self, plain, head_dim)).astype(np.float32)


def _no_stretch(rope: Rope, plain: np.ndarray, head_dim: int) -> float:
    return 1.0


def _linear(rope: Rope, plain: np.ndarray, head_dim: int) -> float:
    return 1 / rope.factor


def _llama3(rope: Rope, plain: np.ndarray, head_dim: int) -> np.ndarray:
    turns = rope.original_positions * plain / (2 * math.pi)  # over the original context
    keep = (turns - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor)
    keep = np.clip(keep, 0, 1)
    return keep + (1 - keep) / rope.factor


def _yarn(rope: Rope, plain: np.ndarray, head_dim: int) -> np.ndarray:
    def dimension(turns: float) -> float:  # the pair that turns so often over the original context
        return (
            head_dim * math.log(rope.original_positions / (turns * 2 * math.pi)) / (2 * math.log(rope.theta))
        )

    low, high = dimension(rope.beta_fast), dimension(rope.beta_slow)
    if rope.truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, head_dim - 1)
    high = high if high != low else low + 0.001
    stretched = np.clip((np.arange(head_dim // 2) - low) / (high - low), 0, 1)
    return 1 - stretched + stretched / rope.factor


_STRETCH = {"default": _no_stretch, "linear": _linear, "llama3": _llama3, "yarn": _yarn}


def rope_from_hf(settings: Mapping[str, Any], max_positions: int, where: str) -> Rope:
    """Read one `rope_parameters` (transformers 5) or `rope_theta` joined with `rope_scaling` (before).

    Raises:
      UserError: a kind of scaling that is not here, or one that lacks its settings.
    """
    kind = settings.get("rope_type") or settings.get("type") or "default"
    theta = float(settings.get("rope_theta") or 10_000.0)
    if kind not in _STRETCH or settings.get("partial_rotary_factor") not in (None, 1, 1.0):
        asked = f"rope scaling {kind!r}" if kind not in _STRETCH else "partial_rotary_factor"
        raise UserError(
            f"{where}: asks for {asked}, which this decoder does not have; it has {', '.join(_STRETCH)}"
        )
    if kind == "default":
        return Rope(theta)
    original = settings.get("original_max_position_embeddings") or max_positions
    factor = settings.get("factor") or (max_positions / original if kind == "yarn" else None)
    needed = {"factor": factor} | (
        {name: settings.get(name) for name in ("low_freq_factor", "high_freq_factor")}
        if kind == "llama3"
        else {}
    )
    missing = [name for name, value in needed.items() if value is None]
    if missing:
        raise UserError(
            f"{where}: rope scaling {kind!r} lacks {', '.join(missing)}; use the config.json that came with the weights"
        )
    if kind == "linear":
        return Rope(theta, kind, float(factor))
    if kind == "llama3":
        low, high = float(needed["low_freq_factor"]), float(needed["high_freq_factor"])
        return Rope(theta, kind, float(factor), original, low, high)
    return Rope(
        theta,
        kind,
        float(factor),
        original,
        beta_fast=float(settings.get("beta_fast") or 32),
        beta_slow=float(settings.get("beta_slow") or 1),
        truncate=settings.get("truncate", True),
        amplitude=_yarn_amplitude(settings, factor),
    )


def _yarn_amplitude(settings: Mapping[str, Any], factor: float) -> float:
    """Yarn's temperature (Peng et al., 2023, section 3.4), or what the config says instead."""

    def of(strength: float) -> float:
        return 0.1 * strength * math.log(factor) + 1 if factor > 1 else 1.0

    if settings.get("attention_factor") is not None:
        return float(settings["attention_factor"])
    if settings.get("mscale") and settings.get("mscale_all_dim"):
        return of(settings["mscale"]) / of(settings["mscale_all_dim"])
    return of(1.0)


def rope_tables(
    positions: Int[Array, "batch time"], head_dim: int, rope: Rope
) -> tuple[Float[Array, "batch time half"], Float[Array, "batch time half"]]:
    """Cosines and sines of the rotary angles; positions count from 0."""
    angles = positions[..., None].astype(jnp.float32) * rope.frequencies(head_dim)[None, None, :]
    return jnp.cos(angles) * rope.amplitude, jnp.sin(angles) * rope.amplitude


def apply_rope(x: Float[Array, "batch time heads head_dim"], tables: tuple[Array, Array]) -> Array:
    """Rotate the two halves of each head, the layout of Hugging Face's Llama."""
    cos, sin = (table[:, :, None, :] for table in tables)
    first, second = jnp.split(x.astype(jnp.float32), 2, axis=-1)
    # Not `jnp.concatenate`: XLA's CPU backend joins arrays one number at a time.
    turned = jnp.zeros_like(x)
    for at, half in ((0, first * cos - second * sin), (first.shape[-1], second * cos + first * sin)):
        turned = jax.lax.dynamic_update_slice_in_dim(turned, half.astype(x.dtype), at, axis=-1)
    return turned
