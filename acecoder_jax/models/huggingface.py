"""Hugging Face folders in and out: tensor names, layouts, safetensors files.

One table says where each Hugging Face tensor lives in our stacked parameters; import and export both follow it.
Import reads no more of a file than the slices that this host's devices hold, straight into their buffers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import jax
import ml_dtypes  # noqa: F401 - gives numpy the bfloat16 that safetensors asks it for
import numpy as np
from flax import nnx
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from acecoder_jax.errors import UserError
from acecoder_jax.models.config import DecoderConfig
from acecoder_jax.models.decoder import Decoder, RewardModel

SHARD_BYTES = 5 * 10**9  # the largest file that hub users expect
_PIECE_BYTES = 16 * 2**20  # read at a time: what a host holds beside the parameters' own buffers

# our name: (Hugging Face name, transposed on disk)
_TOP = {
    "embedding": ("model.embed_tokens.weight", False),
    "final_norm": ("model.norm.weight", False),
    "lm_head": ("lm_head.weight", False),
}
_LAYER = {
    "input_norm": ("input_layernorm.weight", False),
    "query": ("self_attn.q_proj.weight", True),
    "key": ("self_attn.k_proj.weight", True),
    "value": ("self_attn.v_proj.weight", True),
    "output": ("self_attn.o_proj.weight", True),
    "query_bias": ("self_attn.q_proj.bias", False),
    "key_bias": ("self_attn.k_proj.bias", False),
    "value_bias": ("self_attn.v_proj.bias", False),
    "query_norm": ("self_attn.q_norm.weight", False),
    "key_norm": ("self_attn.k_norm.weight", False),
    "mlp_norm": ("post_attention_layernorm.weight", False),
    "gate": ("mlp.gate_proj.weight", True),
    "up": ("mlp.up_proj.weight", True),
    "down": ("mlp.down_proj.weight", True),
}
# Gemma has two norms more, and another meaning for a name that the others use.
_LAYER_WITH_POST_NORMS = _LAYER | {
    "attention_post_norm": ("post_attention_layernorm.weight", False),
    "mlp_norm": ("pre_feedforward_layernorm.weight", False),
    "mlp_post_norm": ("post_feedforward_layernorm.weight", False),
}
# The two released forms of a reward model: transformers' and OpenRLHF's, and AceCodeRM's.
CLASSIFICATION_HEAD, VALUE_HEAD = "score.weight", "v_head.summary.weight"
VALUE_HEAD_BIAS = "v_head.summary.bias"
_ROTARY_TABLE = ".rotary_emb.inv_freq"  # Llama 2's files keep it in every layer; the config says it all

FAMILY_CLASSES = {
    "llama": "Llama",
    "mistral": "Mistral",
    "qwen2": "Qwen2",
    "qwen3": "Qwen3",
    "gemma3_text": "Gemma3",
}


class Tensor(Protocol):
    """Something that gives its values slice by slice: a stored tensor, or a numpy array."""

    shape: tuple[int, ...]

    def __getitem__(self, index: tuple[slice, ...]) -> np.ndarray: ...


@dataclass(frozen=True)
class _Place:
    """Where one of our parameters stands in Hugging Face's files.

    Attributes:
      names: one name, or one for each layer of a stacked parameter.
      shape: of each of these tensors.
      layout: "same", "transposed", or "row" for a vector kept as a matrix of one row.
      stacked: whether ours has a leading axis of layers.
    """

    names: tuple[str, ...]
    shape: tuple[int, ...]
    layout: str = "same"
    stacked: bool = False

    def to_disk(self, array: np.ndarray) -> np.ndarray:
        """A view of our array (one layer's) in their layout."""
        return {"row": array[None], "transposed": array.T}.get(self.layout, array)


def _places(config: DecoderConfig, params: nnx.State, head: str) -> dict[tuple[str, ...], _Place]:
    layer_names = _LAYER_WITH_POST_NORMS if config.post_norms else _LAYER
    places = {}
    for path, leaf in nnx.to_flat_state(params):
        key, shape = path[-1], leaf.shape
        if key == "score":
            places[path] = _Place((head,), (1, *shape), "row")
        elif "blocks" in path:
            name, transposed = layer_names[key]
            names = tuple(f"model.layers.{layer}.{name}" for layer in range(config.num_layers))
            layout = "transposed" if transposed else "same"
            places[path] = _Place(names, shape[:0:-1] if transposed else shape[1:], layout, True)
        else:
            rows = (config.vocab_size, *shape[1:]) if key != "final_norm" else shape
            places[path] = _Place((_TOP[key][0],), rows)
    return places


def abstract_params(config: DecoderConfig, reward_model: bool = False) -> tuple[nnx.GraphDef, nnx.State]:
    """The model's graph and the shapes of its parameters, without making any array."""
    kind = RewardModel if reward_model else Decoder
    return nnx.split(nnx.eval_shape(lambda: kind(config, nnx.Rngs(0))))


def expected_shapes(config: DecoderConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor of a language model in Hugging Face's files."""
    places = _places(config, abstract_params(config)[1], "")
    return {name: place.shape for place in places.values() for name in place.names}


def reward_head(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of the reward head among these tensors; None for a language model."""
    return next((name for name in (CLASSIFICATION_HEAD, VALUE_HEAD) if name in tensors), None)


def import_tensors(
    config: DecoderConfig, tensors: Mapping[str, Tensor], where: str, shardings: nnx.State | None = None
) -> tuple[nnx.GraphDef, nnx.State]:
    """A decoder, or a reward model where the tensors hold a reward head, from Hugging Face tensors.

    Each process reads only what its own devices hold.

    Args:
      config: the decoder's shape.
      tensors: by Hugging Face name.
      where: the file or folder they come from, for the error message.
      shardings: one per parameter, as `training.mesh.param_shardings` gives them; default: the first device.

    Raises:
      UserError: tensors are missing, unknown or misshapen; all of them are listed.
    """
    head = reward_head(tensors)
    graph, params = abstract_params(config, reward_model=head is not None)
    places = _places(config, params, head or "")
    _require_fit(config, places, tensors, where)
    alone = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    shardings = dict(nnx.to_flat_state(shardings)) if shardings is not None else {}
    filled = []
    for path, leaf in nnx.to_flat_state(params):
        place, shape = places[path], leaf.shape

        def read(index, place=place, shape=shape):
            return _read([tensors[name] for name in place.names], place, shape, index)

        sharding = shardings[path].get_value() if path in shardings else alone
        array = jax.make_array_from_callback(shape, sharding, read, dtype=np.float32)
        filled.append((path, leaf.replace(array)))
    return graph, nnx.from_flat_state(filled)


def _require_fit(
    config: DecoderConfig, places: Mapping[Any, _Place], tensors: Mapping[str, Tensor], where: str
) -> None:
    expected = {name: place.shape for place in places.values() for name in place.names}
    ignored = {VALUE_HEAD_BIAS}  # a constant on every reward; the import stage keeps it beside the weights
    if config.tie_word_embeddings:
        ignored.add("lm_head.weight")  # some exporters repeat the tied embedding
    problems = [f"missing {name}" for name in expected if name not in tensors]
    problems += [
        f"unknown {name}"
        for name in tensors
        if name not in expected and name not in ignored and not name.endswith(_ROTARY_TABLE)
    ]
    problems += [
        f"{name} has shape {tuple(tensors[name].shape)} instead of {shape}"
        for name, shape in expected.items()
        if name in tensors and tuple(tensors[name].shape) != shape
    ]
    if problems:
        raise UserError(
            f"{where}: weights do not fit the config ({len(problems)} problems): {'; '.join(problems)};"
            " use the config.json that came with these weights"
        )


def _read(
    tensors: list[Tensor], place: _Place, shape: tuple[int, ...], index: tuple[slice, ...]
) -> np.ndarray:
    """One slice of a parameter, piece by piece into a buffer that the CPU backend can keep without a copy."""
    bounds = [slice(*part.indices(size)[:2]) for part, size in zip(index, shape)]
    out = _aligned(tuple(part.stop - part.start for part in bounds))
    layers = bounds.pop(0) if place.stacked else None
    targets = [(tensors[0], out)] if layers is None else list(zip(tensors[layers], out))
    if place.layout == "row":
        bounds.insert(0, slice(0, 1))
    if place.layout == "transposed":
        bounds.reverse()
    rows, *columns = bounds
    stop = min(rows.stop, place.shape[0])  # rows past it pad the vocabulary
    for tensor, target in targets:
        view = place.to_disk(target)
        view[max(stop - rows.start, 0) :] = 0
        step = max(1, _PIECE_BYTES // (4 * math.prod(c.stop - c.start for c in columns)))
        for start in range(rows.start, stop, step):
            end = min(start + step, stop)
            view[start - rows.start : end - rows.start] = tensor[(slice(start, end), *columns)]
    return out


def _aligned(shape: tuple[int, ...]) -> np.ndarray:
    """An empty float32 array at a multiple of 64 bytes; others are copied on their way to a CPU device."""
    size = 4 * math.prod(shape)
    raw = np.empty(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(np.float32).reshape(shape)


def export_tensors(
    config: DecoderConfig, params: nnx.State, head: str = CLASSIFICATION_HEAD
) -> Iterator[tuple[str, np.ndarray]]:
    """Parameters under Hugging Face names and layouts, one at a time; vocabulary padding is left out.

    Args:
      config: the decoder's shape.
      params: of a `Decoder` or a `RewardModel`.
      head: what to call a reward model's head.
    """
    places = _places(config, params, head)
    for path, leaf in nnx.to_flat_state(params):
        place, array = places[path], np.asarray(leaf[...])
        for name, value in zip(place.names, array if place.stacked else [array]):
            yield name, np.ascontiguousarray(place.to_disk(value)[: place.shape[0]])


class StoredTensor:
    """One tensor of a safetensors file; its slices are read when asked for, as float32."""

    def __init__(self, path: Path, name: str, shape: Iterable[int]):
        self.path, self.name, self.shape = path, name, tuple(shape)

    def __getitem__(self, index: Any) -> np.ndarray:
        # Opened anew each time: what stays mapped would count as this process's memory.
        with safe_open(self.path, "numpy") as file:
            return file.get_slice(self.name)[index].astype(np.float32, copy=False)


def read_safetensors(folder: Path) -> dict[str, StoredTensor]:
    """Every tensor of a folder's safetensors files, by name.

    Raises:
      UserError: there are no such files, one named in the index is missing, or one (or the index) is damaged.
    """
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
        except (json.JSONDecodeError, KeyError) as error:
            raise UserError(
                f"{index}: not a readable index of weights; copy the model folder again"
            ) from error
    else:
        names = ["model.safetensors"]
    tensors = {}
    for name in names:
        path = folder / name
        if not path.is_file():
            raise UserError(f"{path}: no such file; the model folder is incomplete, copy it again")
        try:
            with safe_open(path, "numpy") as file:
                for key in file.keys():  # noqa: SIM118 - a safetensors handle is not iterable
                    tensors[key] = StoredTensor(path, key, file.get_slice(key).get_shape())
        except SafetensorError as error:
            raise UserError(f"{path}: not a readable safetensors file ({error}); copy it again") from error
    return tensors


def write_safetensors(
    folder: Path, tensors: Iterable[tuple[str, np.ndarray]], dtype: np.dtype, shard_bytes: int = SHARD_BYTES
) -> int:
    """Write tensors as one file, or as numbered shards with an index; returns the bytes of all tensors.

    No more than one shard is held at a time.
    """
    written: list[list[str]] = []
    shard: dict[str, np.ndarray] = {}

    def write() -> None:
        save_file(shard, folder / f"model-{len(written) + 1:05d}.part", metadata={"format": "pt"})
        written.append(list(shard))
        shard.clear()

    size = total = 0
    for name, value in tensors:
        value = value.astype(dtype)
        if shard and size + value.nbytes > shard_bytes:
            write()
            size = 0
        shard[name] = value
        size += value.nbytes
        total += value.nbytes
    write()
    count = len(written)
    names = [f"model-{i + 1:05d}-of-{count:05d}.safetensors" for i in range(count)]
    names = names if count > 1 else ["model.safetensors"]
    for number, name in enumerate(names, start=1):  # the count is in their names, and known only now
        (folder / f"model-{number:05d}.part").rename(folder / name)
    if count > 1:
        weight_map = {key: name for name, keys in zip(names, written) for key in keys}
        index = {"metadata": {"total_size": total}, "weight_map": weight_map}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2))
    return total
