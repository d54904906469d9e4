"""A model as a Hugging Face folder that the Auto classes load: config, tokenizer, weights; everything but the card.

A policy is written as `*ForCausalLM`. A reward model is written as `*ForSequenceClassification` with one label, whose
`score.weight` reads the last token that is not padding, or in the form in which AceCodeRM was released: a language
model's weights and `v_head.summary.*` beside them. Vocabulary padding stays behind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import ml_dtypes
import numpy as np

from acecoder_jax.models.folders import LoadedModel
from acecoder_jax.models.huggingface import (
    CLASSIFICATION_HEAD,
    FAMILY_CLASSES,
    VALUE_HEAD,
    VALUE_HEAD_BIAS,
    export_tensors,
    write_safetensors,
)

DTYPES = {"float32": np.dtype(np.float32), "bfloat16": np.dtype(ml_dtypes.bfloat16)}
REWARD_FORMS = {"classification": CLASSIFICATION_HEAD, "v_head": VALUE_HEAD}


def write_hf_folder(folder: Path, model: LoadedModel, dtype: str, form: str = "policy") -> int:
    """Write config, tokenizer and weights; returns the weights' bytes.

    Args:
      folder: is made if it is not there.
      dtype: of the written weights, a key of `DTYPES`.
      form: "policy", or for a reward model a key of `REWARD_FORMS`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if form != "policy":  # which generates, and keeps the side that it was imported with
        model.tokenizer.padding_side = "right"
    if form == "classification":
        _pad_apart_from_the_end(model)
    model.tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps(_hf_config(model, dtype, form), indent=2))
    if form == "policy":
        (folder / "generation_config.json").write_text(json.dumps(_generation_config(model), indent=2))
    return write_safetensors(folder, _tensors(model, form), DTYPES[dtype])


def _tensors(model: LoadedModel, form: str) -> Iterator[tuple[str, np.ndarray]]:
    head = REWARD_FORMS.get(form, CLASSIFICATION_HEAD)
    for name, value in export_tensors(model.config, model.params, head):
        if name != "lm_head.weight" or form != "classification":  # which has no place for an output layer
            yield name, value
    if form == "v_head":
        yield VALUE_HEAD_BIAS, np.array([model.extra.get("reward_bias", 0.0)], np.float32)


def _hf_config(model: LoadedModel, dtype: str, form: str) -> dict:
    family = FAMILY_CLASSES[model.config.model_type]
    # Two that are ours and mean nothing to anybody else, and the old name of `dtype`.
    left_out = ("vocab_multiple", "generation_config", "torch_dtype")
    values = {key: value for key, value in model.hf_config.items() if key not in left_out} | {"dtype": dtype}
    if values.get("pad_token_id") is None or form == "classification":
        values["pad_token_id"] = model.tokenizer.pad_token_id
    values |= model.extra  # reward_mean and reward_spread
    if form != "classification":
        return values | {"architectures": [f"{family}ForCausalLM"]}
    family = (
        "Gemma3Text" if family == "Gemma3" else family
    )  # the name without Text is of the model with images
    return values | {
        "architectures": [f"{family}ForSequenceClassification"],
        "num_labels": 1,
        "id2label": {"0": "reward"},
        "label2id": {"reward": 0},
    }


def _generation_config(model: LoadedModel) -> dict:
    """The one that was imported, or the special tokens' ids."""
    ids = {key: model.hf_config.get(key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    return model.hf_config.get("generation_config") or ids


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
