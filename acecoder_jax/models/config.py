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
from acecoder_jax.models.rope import Rope, rope_from_hf

# model_type -> what sets the family apart
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {},
    "mistral": {},
    "qwen2": {"qkv_bias": True},
    "qwen3": {"qk_norm": True},
    "gemma3_text": {"qk_norm": True, "post_norms": True, "norm_offset": 1.0, "activation": "gelu_tanh"},
}


@dataclass(frozen=True)
class DecoderConfig:
    """Shape and switches of a decoder with rotary positions and a gated MLP.

    Weights are kept in float32 whatever the compute dtype.

    Attributes:
      head_dim: width of a head; times `num_heads` it need not equal `hidden_size`.
      rope, local_rope: rotary positions of layers that see everything, and of windowed layers.
      windowed_layers: for each layer, whether it sees only the last `sliding_window` positions, its own included.
      qkv_bias, qk_norm: bias on queries, keys and values; norm on the heads of queries and keys.
      post_norms: a norm on what attention and the MLP add, beside the one on what they read.
      norm_offset: added to every norm's weight.
      activation: the MLP's gate, a key of `models.decoder.ACTIVATIONS`.
      embedding_scale: multiplies the looked-up embeddings.
      query_scale: multiplies the queries, beside the usual one over the root of `head_dim`.
      vocab_multiple: the embedding's rows are padded to a multiple of this; no such row is ever drawn or exported.
      tie_word_embeddings: no output layer of its own, as also in a classification checkpoint.
      lora_targets: matrices with a low-rank adapter beside them, see `models.lora`.
      lora_rank, lora_scale: inner width of the adapters, and what their product is multiplied by.
    """

    model_type: str
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    rope: Rope
    local_rope: Rope
    rms_norm_eps: float
    max_position_embeddings: int
    tie_word_embeddings: bool
    sliding_window: int = 0
    windowed_layers: tuple[bool, ...] = ()
    qkv_bias: bool = False
    qk_norm: bool = False
    post_norms: bool = False
    norm_offset: float = 0.0
    activation: str = "silu"
    embedding_scale: float = 1.0
    query_scale: float = 1.0
    vocab_multiple: int = 1
    lora_targets: tuple[str, ...] = ()
    lora_rank: int = 0
    lora_scale: float = 1.0

    @property
    def vocab_rows(self) -> int:
        """Rows of the embedding: the vocabulary, padded for meshes that do not divide it."""
        return -(-self.vocab_size // self.vocab_multiple) * self.vocab_multiple

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
    if family == "gemma3":
        raise UserError(
            f"{where}: a Gemma 3 with images; use a text checkpoint (model_type gemma3_text), or save this one's"
            " text_config and language model alone"
        )
    if family not in FAMILIES:
        raise UserError(
            f"{where}: model_type {family!r} is not supported; use a checkpoint of {', '.join(sorted(FAMILIES))}"
        )
    unsupported = {
        "hidden_act": values.get("hidden_act", "silu") != "silu",
        "hidden_activation": values.get("hidden_activation", "gelu_pytorch_tanh") != "gelu_pytorch_tanh",
        "mlp_bias": bool(values.get("mlp_bias")),
        "attention_bias": bool(values.get("attention_bias")),
        "attn_logit_softcapping": bool(values.get("attn_logit_softcapping")),
        "final_logit_softcapping": bool(values.get("final_logit_softcapping")),
        "use_bidirectional_attention": bool(values.get("use_bidirectional_attention")),
    }
    if family == "gemma3_text":
        del unsupported["hidden_act"]  # Gemma's files may hold both; only hidden_activation counts
    if any(unsupported.values()):
        names = ", ".join(name for name, asked in unsupported.items() if asked)
        raise UserError(
            f"{where}: asks for {names}, which this decoder does not have; use another checkpoint"
        )
    try:
        return _read(values, family, where)
    except KeyError as error:
        raise UserError(
            f"{where}: lacks the key {error.args[0]!r}; use the config.json that came with the weights"
        ) from error


def _read(values: Mapping[str, Any], family: str, where: str) -> DecoderConfig:
    _require_sizes(values, where)
    gemma = family == "gemma3_text"
    heads, width = values["num_attention_heads"], values["hidden_size"]
    head_dim = values.get("head_dim") or width // heads
    rope, local_rope = _ropes(values, gemma, where)
    window, windowed_layers = _windows(values, family, where)
    return DecoderConfig(
        model_type=family,
        vocab_size=values["vocab_size"],
        hidden_size=width,
        intermediate_size=values["intermediate_size"],
        num_layers=values["num_hidden_layers"],
        num_heads=heads,
        num_kv_heads=values.get("num_key_value_heads") or heads,
        head_dim=head_dim,
        rope=rope,
        local_rope=local_rope,
        rms_norm_eps=values.get("rms_norm_eps", 1e-6),
        max_position_embeddings=values["max_position_embeddings"],
        tie_word_embeddings=bool(values.get("tie_word_embeddings", gemma)) or is_classifier(values),
        vocab_multiple=values.get("vocab_multiple", 1),
        sliding_window=window,
        windowed_layers=windowed_layers,
        embedding_scale=width**0.5 if gemma else 1.0,
        query_scale=(head_dim / values.get("query_pre_attn_scalar", 256)) ** 0.5 if gemma else 1.0,
        **FAMILIES[family],
    )


_SIZES = (
    *("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"),
    *("num_key_value_heads", "head_dim", "max_position_embeddings"),
)
_MAY_BE_ABSENT = ("num_key_value_heads", "head_dim")  # they follow from the others


def _require_sizes(values: Mapping[str, Any], where: str) -> None:
    """Refuse what is no whole number, and key/value heads that the heads cannot share."""
    for key in _SIZES:
        size = values.get(key) or 1 if key in _MAY_BE_ABSENT else values[key]
        if not isinstance(size, int) or size < 1:
            raise UserError(
                f"{where}: {key} is {size!r} and must be a whole number above 0; use the config.json that came with"
                " the weights"
            )
    heads, shared = values["num_attention_heads"], values.get("num_key_value_heads")
    if shared and heads % shared:
        raise UserError(
            f"{where}: {heads} num_attention_heads do not divide over {shared} num_key_value_heads; use the config.json"
            " that came with the weights"
        )


def is_classifier(values: Mapping[str, Any]) -> bool:
    """Whether a config is of a `*ForSequenceClassification`: a reward model without an output layer."""
    return any(name.endswith("ForSequenceClassification") for name in values.get("architectures") or ())


def _ropes(values: Mapping[str, Any], gemma: bool, where: str) -> tuple[Rope, Rope]:
    """Rotary settings of full and of windowed layers; transformers 5 nests them, earlier files keep them at the top."""
    nested, positions = values.get("rope_parameters") or {}, values["max_position_embeddings"]
    if "full_attention" in nested or "sliding_attention" in nested:
        full, local = nested.get("full_attention") or {}, nested.get("sliding_attention") or {}
    else:
        full = {"rope_theta": values.get("rope_theta")} | (values.get("rope_scaling") or {}) | nested
        local = {"rope_theta": values.get("rope_local_base_freq")} if gemma else full
    if gemma and not full.get("rope_theta"):
        full = full | {"rope_theta": 1_000_000.0}
    return rope_from_hf(full, positions, where), rope_from_hf(local, positions, where)


def _windows(values: Mapping[str, Any], family: str, where: str) -> tuple[int, tuple[bool, ...]]:
    """The window's length, 0 for none, and which layers have it."""
    layers = range(values["num_hidden_layers"])
    window = values.get("sliding_window", 4096 if family in ("mistral", "gemma3_text") else None) or 0
    used = {
        "llama": False,
        "qwen2": values.get("use_sliding_window", False),
        "qwen3": values.get("use_sliding_window", False),
    }
    if not window or not used.get(family, True):
        return 0, (False,) * len(layers)
    kinds = values.get("layer_types")
    if family == "mistral":  # every layer, whatever layer_types says: as in transformers
        windowed = [True for _ in layers]
    elif kinds is not None:
        unknown = sorted(set(kinds) - {"full_attention", "sliding_attention"})
        if unknown or len(kinds) != len(layers):
            raise UserError(
                f"{where}: layer_types must give full_attention or sliding_attention for each of {len(layers)}"
                f" layers, and gives {len(kinds)} with {unknown or 'the right names'}; correct the config"
            )
        windowed = [kind == "sliding_attention" for kind in kinds]
    elif family == "gemma3_text":
        every = values.get("sliding_window_pattern", 6)
        windowed = [(layer + 1) % every != 0 for layer in layers]
    else:
        windowed = [layer >= values.get("max_window_layers", 28) for layer in layers]
    return window, tuple(windowed)


def read_hf_config(folder: Path) -> tuple[DecoderConfig, dict[str, Any]]:
    """The decoder's description and the raw config of a folder that holds `config.json`.

    Raises:
      UserError: the file is missing or not JSON, or the architecture is not supported.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise UserError(f"{folder}: no config.json there; give a Hugging Face model folder or a GGUF file")
    values = read_json(path)
    return config_from_hf(values, str(path)), values


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file of a model folder.

    Raises:
      UserError: it is not JSON.
    """
    try:
        return json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: not valid JSON ({error.msg}); copy the model folder again") from error
