"""The project's own checkpoint of a model: a folder with parameters, config, tokenizer and chat template.

`config.json` is Hugging Face's, so the folder says what it is in terms everybody reads; `params/` is an Orbax
checkpoint of float32 weights; `manifest.json` records what made it. Every stage that takes a model takes this.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from flax import nnx
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from acecoder_jax.data.folders import fingerprint
from acecoder_jax.errors import UserError
from acecoder_jax.models.config import DecoderConfig, read_hf_config
from acecoder_jax.models.huggingface import abstract_params


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to run: `nnx.merge(graph, params)` is the module.

    Attributes:
      config: the decoder's shape.
      hf_config: the raw `config.json`.
      graph, params: the split module; a `RewardModel` when `kind` is "reward", else a `Decoder`.
      tokenizer: with its chat template.
      kind: "policy" or "reward".
      extra: what training stored beside the weights, such as the reward's mean and spread.
      fingerprint: short hash of the folder's manifest.
    """

    config: DecoderConfig
    hf_config: dict[str, Any]
    graph: nnx.GraphDef
    params: nnx.State
    tokenizer: PreTrainedTokenizerBase
    kind: str
    extra: dict[str, Any] = field(default_factory=dict)
    fingerprint: str = ""


def save_params(folder: Path, params: nnx.State) -> None:
    """Write parameters as an Orbax checkpoint under `folder/params`; the name appears only when it is whole."""
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save((folder / "params").resolve(), nnx.to_pure_dict(params), force=True)


def load_params(folder: Path, like: nnx.State) -> nnx.State:
    """Parameters that `save_params` wrote, of the shapes and in the places of `like`.

    Raises:
      UserError: they are missing or damaged.
    """
    wanted = jax.tree.map(ocp.utils.to_shape_dtype_struct, nnx.to_pure_dict(like))
    values = _restore(folder, wanted, "start in another --workdir")
    params = jax.tree.map(lambda leaf: leaf, like)  # a copy of the tree
    nnx.replace_by_pure_dict(params, values)
    return params


def write_model_files(
    folder: Path,
    hf_config: dict[str, Any],
    tokenizer: PreTrainedTokenizerBase,
    kind: str,
    extra: dict[str, Any],
) -> None:
    """Everything of a model folder but the parameters and the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps(hf_config, indent=2))
    (folder / "model.json").write_text(json.dumps({"kind": kind, "extra": extra}, indent=2))


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model folder.

    Raises:
      UserError: its files are missing or damaged.
    """
    try:
        return AutoTokenizer.from_pretrained(folder)
    except Exception as error:  # what transformers raises depends on which file is wrong, and how
        first = str(error).strip().splitlines()[0]
        raise UserError(
            f"{folder}: its tokenizer cannot be read ({first}); copy tokenizer.json there again"
        ) from error


def load_model(
    folder: str | Path, kind: str | None = None, place: Callable[[nnx.State], nnx.State] | None = None
) -> LoadedModel:
    """Read a model folder.

    Args:
      folder: made by `acecoder import`, or by a training stage.
      kind: refuse a folder that holds another kind of model.
      place: gives each parameter its sharding, such as `training.mesh.param_shardings` for a mesh; every process
        then reads only what its own devices hold. Default: all on this process's first device.

    Raises:
      UserError: the folder is missing, unfinished, damaged, or holds another kind of model.
    """
    folder = Path(folder)
    mark = fingerprint(folder)
    about_path = folder / "model.json"
    if not about_path.is_file():
        raise UserError(
            f"{folder}: holds no model; give a folder made by `acecoder import` or a training stage"
        )
    about = json.loads(about_path.read_text())
    if kind is not None and about["kind"] != kind:
        raise UserError(
            f"{folder}: holds a {about['kind']} model where a {kind} model is needed; correct the path"
        )
    config, hf_config = read_hf_config(folder)
    graph, params = abstract_params(config, reward_model=about["kind"] == "reward")
    shapes = nnx.to_pure_dict(params)
    first = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    shardings = nnx.to_pure_dict(place(params)) if place else jax.tree.map(lambda _: first, shapes)
    wanted = jax.tree.map(
        lambda leaf, sharding: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding),
        shapes,
        shardings,
    )
    values = _restore(folder, wanted, "make the model folder again")
    nnx.replace_by_pure_dict(params, values)
    return LoadedModel(
        config, hf_config, graph, params, load_tokenizer(folder), about["kind"], about["extra"], mark
    )


def _restore(folder: Path, wanted: Any, fix: str) -> Any:
    """The folder's weights as `wanted` describes them; raises UserError with the fix where they cannot be read."""
    try:
        with ocp.StandardCheckpointer() as checkpointer:
            return checkpointer.restore((folder / "params").resolve(), wanted)
    except (ValueError, FileNotFoundError, KeyError) as error:
        first = str(error).splitlines()[0]
        raise UserError(f"{folder / 'params'}: cannot be read ({first}); {fix}") from error
