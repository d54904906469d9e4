"""Low-rank adapters (LoRA, Hu et al., 2021): small matrices that are trained in place of the large ones beside them.

A matrix W reads as W + scale x A B. Training makes a model with adapters from one without; what it writes is the
model with the adapters added in, which everything reads, and beside it the adapters alone in PEFT's form.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import nnx
from ml_collections import ConfigDict
from safetensors.numpy import save_file

from acecoder_jax.errors import UserError
from acecoder_jax.models.config import DecoderConfig
from acecoder_jax.models.decoder import Decoder, RewardModel

# Our matrix -> the module's name in Hugging Face's models.
MODULES = {
    "query": "self_attn.q_proj",
    "key": "self_attn.k_proj",
    "value": "self_attn.v_proj",
    "output": "self_attn.o_proj",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
}


def lora_config() -> ConfigDict:
    """`rank` is the adapters' inner width, 0 for none; their product is multiplied by `alpha` / `rank`."""
    return ConfigDict({"rank": 0, "alpha": 16.0, "targets": tuple(MODULES)})


def is_adapter(path: tuple[Any, ...]) -> bool:
    """Whether a parameter is trained in a model with adapters: theirs and the reward head."""
    return path[-1] == "score" or "_lora_" in str(path[-1])


def with_adapters(
    config: DecoderConfig, params: nnx.State, lora: ConfigDict, seed: int
) -> tuple[DecoderConfig, nnx.GraphDef, nnx.State]:
    """The same model with fresh adapters, which change nothing yet: A is random and B is zero.

    Args:
      params: of a `Decoder` or a `RewardModel`.
      lora: see `lora_config`; `targets` are keys of `MODULES`.

    Raises:
      UserError: an unknown target, or a rank below 1.
    """
    unknown = [name for name in lora.targets if name not in MODULES]
    if unknown:
        raise UserError(f"config.lora.targets: {unknown[0]!r} is unknown; use some of {', '.join(MODULES)}")
    if lora.rank < 1:
        raise UserError(f"config.lora.rank: {lora.rank} is no width; use 1 or more, or 0 for no adapters")
    scale = lora.alpha / lora.rank
    config = dataclasses.replace(
        config, lora_targets=tuple(lora.targets), lora_rank=lora.rank, lora_scale=scale
    )
    kind = RewardModel if "score" in params else Decoder
    graph, shapes = nnx.split(nnx.eval_shape(lambda: kind(config, nnx.Rngs(0))))
    held, draw = dict(nnx.to_flat_state(params)), np.random.default_rng(seed)

    def value(path, leaf):
        if path in held:
            return leaf.replace(held[path].get_value())
        if str(path[-1]).endswith("_lora_b"):
            return leaf.replace(np.zeros(leaf.shape, np.float32))
        # As in PEFT: uniform, with the variance of 1 / (3 inputs).
        return leaf.replace(draw.uniform(-1, 1, leaf.shape).astype(np.float32) * leaf.shape[1] ** -0.5)

    flat = [(path, value(path, leaf)) for path, leaf in nnx.to_flat_state(shapes)]
    return config, graph, nnx.from_flat_state(flat)


def merged(config: DecoderConfig, params: nnx.State) -> nnx.State:
    """The parameters of the model without adapters that computes the same; themselves where there are none."""
    if not config.lora_targets:
        return params
    flat = dict(nnx.to_flat_state(params))

    @jax.jit
    def add(weight, first, second):
        return weight + config.lora_scale * (first @ second)

    def value(path, leaf):
        if path[-1] not in config.lora_targets:
            return leaf
        pair = (flat[(*path[:-1], f"{path[-1]}_lora_{side}")].get_value() for side in "ab")
        return leaf.replace(add(leaf.get_value(), *pair))

    plain = [(path, value(path, leaf)) for path, leaf in flat.items() if "_lora_" not in str(path[-1])]
    return nnx.from_flat_state(plain)


def write_adapter(folder: Path, config: DecoderConfig, params: nnx.State, base: str) -> None:
    """Write the adapters, and the reward head if there is one, as PEFT reads them.

    Args:
      folder: is made if it is not there.
      base: the model folder that they belong to. What PEFT is told is the Hugging Face folder that it was imported
        from; where there is none (a GGUF file, a model trained here), `base` itself, which transformers cannot read:
        export it, and load that export with the adapter.
    """
    tensors, head = {}, None
    for path, leaf in nnx.to_flat_state(params):
        if path[-1] == "score":
            head = np.asarray(leaf[...])
        name, _, side = str(path[-1]).partition("_lora_")
        if not side:
            continue
        for layer, matrix in enumerate(np.asarray(leaf[...])):
            key = f"base_model.model.model.layers.{layer}.{MODULES[name]}.lora_{side.upper()}.weight"
            tensors[key] = np.ascontiguousarray(matrix.T)
    if head is not None:
        tensors["base_model.model.score.weight"] = head[None]
    about = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM" if head is None else "SEQ_CLS",
        "base_model_name_or_path": _imported_from(Path(base)) or base,
        "r": config.lora_rank,
        "lora_alpha": config.lora_scale * config.lora_rank,
        "lora_dropout": 0.0,
        "target_modules": [MODULES[name].partition(".")[2] for name in config.lora_targets],
        "modules_to_save": None if head is None else ["score"],
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps(about, indent=2))
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})


def _imported_from(base: Path) -> str | None:
    """The Hugging Face folder whose import made this model folder, if one did and it is still there."""
    about = base / "stage.json"
    made = json.loads(about.read_text()) if about.is_file() else {}
    source = made["config"]["source"] if made.get("stage") == "import" else ""
    return source if source and Path(source).is_dir() else None
