"""Stage `export`: a model folder becomes a Hugging Face folder that the Auto classes load.

A policy is written as `*ForCausalLM`; a reward model as `*ForSequenceClassification` with one label, whose
`score.weight` reads the last token that is not padding.
"""

from __future__ import annotations

import json
from pathlib import Path

import ml_dtypes
import numpy as np
from flax import nnx
from ml_collections import ConfigDict

from acecoder_jax.data.folders import OutputFolder, code_version, require_disk
from acecoder_jax.errors import UserError
from acecoder_jax.models.folders import LoadedModel, load_model
from acecoder_jax.models.huggingface import FAMILY_CLASSES, export_tensors, write_safetensors

DTYPES = {"float32": np.dtype(np.float32), "bfloat16": np.dtype(ml_dtypes.bfloat16)}


def default_config() -> ConfigDict:
    """`model` is a folder; `dtype` is that of the written weights."""
    return ConfigDict({"model": "", "dtype": "bfloat16"})


def run(config: ConfigDict, workdir: Path) -> dict:
    """Export into `workdir`; returns the counts."""
    if config.dtype not in DTYPES:
        raise UserError(f"config.dtype: {config.dtype!r} is unknown; use one of {', '.join(DTYPES)}")
    output = OutputFolder(workdir, "export", config.to_dict(), [config.model])
    if output.finished:
        return output.counts
    model = load_model(config.model)
    params = nnx.to_pure_dict(model.params)
    backbone = params["backbone"] if model.kind == "reward" else params
    tensors = list(export_tensors(backbone))
    if model.kind == "reward":
        tensors.append(("score.weight", np.asarray(params["score"])[None, :]))
    require_disk(
        workdir,
        sum(value.size for _, value in tensors) * DTYPES[config.dtype].itemsize,
        "the exported weights",
    )
    model.tokenizer.padding_side = "right"
    if model.kind == "reward":
        _pad_apart_from_the_end(model)
    model.tokenizer.save_pretrained(workdir)
    (workdir / "config.json").write_text(json.dumps(_hf_config(model, config.dtype), indent=2))
    if model.kind == "policy":
        generation = {
            key: model.hf_config.get(key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")
        }
        (workdir / "generation_config.json").write_text(json.dumps(generation, indent=2))
    (workdir / "README.md").write_text(_model_card(model, config))
    size = write_safetensors(workdir, tensors, DTYPES[config.dtype])
    output.finish(kind=model.kind, tensors=len(tensors), bytes=size)
    print(
        f"{model.kind} model in {workdir}: {len(tensors)} tensors, {size / 2**20:.0f} MiB of {config.dtype}"
    )
    return output.counts


def _hf_config(model: LoadedModel, dtype: str) -> dict:
    family = FAMILY_CLASSES[model.config.model_type]
    values = model.hf_config | {"dtype": dtype}
    if values.get("pad_token_id") is None or model.kind == "reward":
        values["pad_token_id"] = model.tokenizer.pad_token_id
    if model.kind == "policy":
        return values | {"architectures": [f"{family}ForCausalLM"]}
    return values | {
        "architectures": [f"{family}ForSequenceClassification"],
        "num_labels": 1,
        "id2label": {"0": "reward"},
        "label2id": {"reward": 0},
        **model.extra,  # reward_mean and reward_spread
    }


def _pad_apart_from_the_end(model: LoadedModel) -> None:
    """Give the tokenizer a padding token that no scored text ends with.

    transformers scores the last token that is not padding. Where padding is the end-of-sequence token, as in ChatML
    models, that would be the token before the one our reward model was trained to read.
    """
    tokenizer = model.tokenizer
    if tokenizer.pad_token_id not in (None, tokenizer.eos_token_id):
        return
    spare = (
        str(token)
        for index, token in sorted(tokenizer.added_tokens_decoder.items())
        if token.special
        and index not in (tokenizer.eos_token_id, tokenizer.bos_token_id)
        and str(token) not in tokenizer.chat_template
    )
    tokenizer.pad_token = next(
        spare, None
    )  # without one: single texts still score right, batches are refused


def _model_card(model: LoadedModel, config: ConfigDict) -> str:
    source = json.loads((Path(config.model) / "stage.json").read_text())
    use = (
        "Score a chat that ends with the answer and the end-of-sequence token; pad on the right."
        if model.kind == "reward"
        else "Ask with the chat template; programs come in a fenced code block."
    )
    return (
        f"# A {model.kind} model made with acecoder_jax\n\n{use}\n\n"
        f"- stage: `{source['stage']}`, code version {code_version()}\n"
        f"- inputs and their fingerprints: `{json.dumps(source['inputs'])}`\n\n"
        f"```json\n{json.dumps(source['config'], indent=2)}\n```\n"
    )
