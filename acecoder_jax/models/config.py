"""What a decoder looks like, read from a Hugging Face `config.json`.

One frozen description drives parameter shapes, import, export and the analytic FLOP count. Families differ
only in the flags below; a config that asks for anything else is refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acecoder_jax.errors import UserError

# model_type -> (bias on query/key/value, norm on query/key heads)
FAMILIES = {
    "llama": (False, False),
    "qwen2": (True, False),
    "qwen3": (False, True),
    "mistral": (False, False),
}


@dataclass(frozen=True)
class DecoderConfig:
    """Shape and switches of a pre-norm decoder with rotary positions and a gated MLP.

    `head_dim` times `num_heads` need not equal `hidden_size`. `rope_theta` is the rotary base; positions
    count from 0. Weights are kept in float32 whatever the compute dtype.
    """

    model_type: str
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    rope_theta: float
    rms_norm_eps: float
    max_position_embeddings: int
    tie_word_embeddings: bool
    qkv_bias: bool = False
    qk_norm: bool = False

    @property
    def matmul_parameters(self) -> int:
        """Weights that take part in matrix products for one token, the output projection left out."""
        attention = self.hidden_size * self.head_dim * (2 * self.num_heads + 2 * self.num_kv_heads)
        return self.num_layers * (attention + 3 * self.hidden_size * self.intermediate_size)

    def forward_flops(self, tokens: int, targets: int, context: float) -> float:
        """Floating-point operations of a forward pass: 2 a weight, plus attention scores and values.

        Args:
          tokens: tokens through the layers.
          targets: tokens through the output projection.
          context: mean number of positions that a token attends to.
        """
        attention = 4 * self.num_layers * self.num_heads * self.head_dim * context
        return (
            tokens * (2 * self.matmul_parameters + attention)
            + targets * 2 * self.hidden_size * self.vocab_size
        )


def config_from_hf(values: Mapping[str, Any], where: str) -> DecoderConfig:
    """Read a Hugging Face config.

    Args:
      values: the parsed `config.json`.
      where: its path, for the error message.

    Raises:
      UserError: an architecture or a feature that this decoder does not have, or a missing key.
    """
    family = values.get("model_type")
    if family not in FAMILIES:
        raise UserError(
            f"{where}: model_type {family!r} is not supported; use a checkpoint of {', '.join(sorted(FAMILIES))}"
        )
    # transformers 5 nests the rotary settings; earlier files keep rope_theta and rope_scaling at the top.
    rope = values.get("rope_parameters") or {}
    scaling = values.get("rope_scaling") or {}
    rope_type = rope.get("rope_type", scaling.get("rope_type", scaling.get("type", "default")))
    unsupported = {
        "rope scaling": rope_type != "default",
        "hidden_act": values.get("hidden_act", "silu") != "silu",
        "mlp_bias": bool(values.get("mlp_bias")),
        "attention_bias": bool(values.get("attention_bias")),
        "sliding window": bool(values.get("sliding_window")) and values.get("use_sliding_window", True),
    }
    if any(unsupported.values()):
        names = ", ".join(name for name, asked in unsupported.items() if asked)
        raise UserError(
            f"{where}: asks for {names}, which this decoder does not have; use another checkpoint"
        )
    qkv_bias, qk_norm = FAMILIES[family]
    try:
        return DecoderConfig(
            model_type=family,
            vocab_size=values["vocab_size"],
            hidden_size=values["hidden_size"],
            intermediate_size=values["intermediate_size"],
            num_layers=values["num_hidden_layers"],
            num_heads=values["num_attention_heads"],
            num_kv_heads=values.get("num_key_value_heads") or values["num_attention_heads"],
            head_dim=values.get("head_dim") or values["hidden_size"] // values["num_attention_heads"],
            rope_theta=float(rope.get("rope_theta", values.get("rope_theta", 10_000.0))),
            rms_norm_eps=values.get("rms_norm_eps", 1e-6),
            max_position_embeddings=values["max_position_embeddings"],
            tie_word_embeddings=bool(values.get("tie_word_embeddings", False)),
            qkv_bias=qkv_bias,
            qk_norm=qk_norm,
        )
    except KeyError as error:
        raise UserError(
            f"{where}: lacks the key {error.args[0]!r}; use the config.json that came with the weights"
        ) from error


def read_hf_config(folder: Path) -> tuple[DecoderConfig, dict[str, Any]]:
    """The decoder's description and the raw config of a folder that holds `config.json`.

    Raises:
      UserError: the file is missing or not JSON, or the architecture is not supported.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise UserError(f"{folder}: no config.json there; give a Hugging Face model folder or a GGUF file")
    try:
        values = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: not valid JSON ({error.msg}); copy the model folder again") from error
    return config_from_hf(values, str(path)), values
