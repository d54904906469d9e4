"""Safetensors in and out: bit-identical round trips, shards with an index, and every misfit listed."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from safetensors.flax import save_file as save_jax_file

from acecoder_jax.models import huggingface
from acecoder_jax.models.config import config_from_hf
from acecoder_jax.models.huggingface import (
    abstract_params,
    export_tensors,
    import_tensors,
    read_safetensors,
    write_safetensors,
)
from acecoder_jax.sampling.view import decode_view
from acecoder_jax.training.mesh import make_mesh, param_shardings
from tests.tiny_models import TINY_CONFIG, random_params
from tests.user_errors import user_error

FREE = TINY_CONFIG | {"model_type": "qwen3", "tie_word_embeddings": False}


@pytest.fixture(scope="module")
def model():
    config = config_from_hf(FREE, "here")
    _, params = random_params(config, seed=3)
    return config, dict(export_tensors(config, params))


def assert_same(left, right):
    assert set(left) == set(right)
    for name in left:
        assert left[name].dtype == right[name].dtype == np.float32
        np.testing.assert_array_equal(left[name], right[name], err_msg=name)


def test_layers_are_unstacked_and_transposed(model):
    config, tensors = model
    _, params = random_params(config, seed=3)
    blocks = nnx.to_pure_dict(params)["blocks"]
    np.testing.assert_array_equal(tensors["model.layers.1.mlp.up_proj.weight"], np.asarray(blocks["up"][1]).T)
    np.testing.assert_array_equal(tensors["model.layers.0.self_attn.k_norm.weight"], blocks["key_norm"][0])
    assert tensors["model.layers.0.self_attn.k_proj.weight"].shape == (16, 32)


def test_round_trip_is_bit_identical(model, tmp_path):
    config, tensors = model
    written = write_safetensors(tmp_path, tensors.items(), np.dtype(np.float32))
    assert written == sum(value.nbytes for value in tensors.values())
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
    _, params = import_tensors(config, read_safetensors(tmp_path), str(tmp_path))
    assert_same(dict(export_tensors(config, params)), tensors)


def test_shards_stay_under_their_limit_and_are_indexed(model, tmp_path):
    config, tensors = model
    limit = 60_000
    total = write_safetensors(tmp_path, tensors.items(), np.dtype(np.float32), shard_bytes=limit)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == total
    assert set(index["weight_map"]) == set(tensors)
    files = sorted(set(index["weight_map"].values()))
    assert len(files) > 2 and files[0] == f"model-00001-of-{len(files):05d}.safetensors"
    for name in files:
        held = sum(tensors[key].nbytes for key, file in index["weight_map"].items() if file == name)
        assert held <= limit
    _, params = import_tensors(config, read_safetensors(tmp_path), str(tmp_path))
    assert_same(dict(export_tensors(config, params)), tensors)


def test_a_tensor_larger_than_a_shard_gets_one_of_its_own(tmp_path):
    tensors = {"a": np.zeros(10, np.float32), "b": np.zeros(1000, np.float32), "c": np.zeros(10, np.float32)}
    write_safetensors(tmp_path, tensors.items(), np.dtype(np.float32), shard_bytes=100)
    assert_same({name: t[...] for name, t in read_safetensors(tmp_path).items()}, tensors)


def test_bfloat16_files_are_read_and_written(tmp_path):
    values = jnp.linspace(-3, 3, 64, dtype=jnp.float32).astype(jnp.bfloat16)
    save_jax_file({"w": values}, tmp_path / "model.safetensors")
    read = read_safetensors(tmp_path)["w"][...]
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, np.asarray(values.astype(jnp.float32)))
    other = tmp_path / "again"
    other.mkdir()
    write_safetensors(other, [("w", read)], jnp.dtype(jnp.bfloat16))
    assert (other / "model.safetensors").read_bytes()[-128:] == (tmp_path / "model.safetensors").read_bytes()[
        -128:
    ]


def test_missing_unknown_and_misshapen_tensors_are_all_listed(model):
    config, tensors = model
    bad = dict(tensors)
    del bad["model.norm.weight"], bad["model.layers.1.mlp.down_proj.weight"]
    bad["model.layers.2.mlp.down_proj.weight"] = np.zeros((32, 64), np.float32)
    bad["model.layers.0.self_attn.q_proj.weight"] = np.zeros((32, 16), np.float32)
    user_error(
        lambda: import_tensors(config, bad, "folder"),
        "folder",
        "4 problems",
        "missing model.norm.weight",
        "missing model.layers.1.mlp.down_proj.weight",
        "unknown model.layers.2.mlp.down_proj.weight",
        "model.layers.0.self_attn.q_proj.weight has shape (32, 16) instead of (32, 32)",
    )


def test_a_repeated_tied_embedding_is_ignored():
    config = config_from_hf(TINY_CONFIG, "here")
    _, params = random_params(config)
    tensors = dict(export_tensors(config, params))
    assert "lm_head.weight" not in tensors
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    _, again = import_tensors(config, tensors, "here")
    np.testing.assert_array_equal(nnx.to_pure_dict(again)["embedding"], tensors["model.embed_tokens.weight"])


def test_the_rotary_tables_of_llama_2s_files_are_ignored(model):
    config, tensors = model
    table = {"model.layers.1.self_attn.rotary_emb.inv_freq": np.ones(4, np.float32)}
    _, params = import_tensors(config, tensors | table, "here")
    assert_same(dict(export_tensors(config, params)), tensors)


def test_tensors_are_put_together_from_small_pieces(model, monkeypatch):
    config, tensors = model
    monkeypatch.setattr(huggingface, "_PIECE_BYTES", 5 * 4 * 32)  # five rows of the embedding
    _, params = import_tensors(config, tensors, "here")
    assert_same(dict(export_tensors(config, params)), tensors)


def test_slices_of_every_device_make_the_same_parameters(model, tmp_path):
    config, tensors = model
    write_safetensors(tmp_path, tensors.items(), np.dtype(np.float32), shard_bytes=60_000)
    _, shapes = abstract_params(config)
    shardings = param_shardings(shapes, make_mesh(data=2, fsdp=2, tensor=2))
    _, params = import_tensors(config, read_safetensors(tmp_path), "here", shardings)
    for (_, array), (_, wanted) in zip(nnx.to_flat_state(params), nnx.to_flat_state(shardings)):
        assert array[...].sharding == wanted.get_value()
    assert_same(dict(export_tensors(config, params)), tensors)


def test_every_value_is_read_once_by_the_devices_that_share_it(model):
    config, tensors = model
    read = dict.fromkeys(tensors, 0)

    class Counted:
        def __init__(self, name):
            self.name, self.shape = name, tensors[name].shape

        def __getitem__(self, index):
            value = tensors[self.name][index]
            read[self.name] += value.size
            return value

    _, shapes = abstract_params(config)
    shardings = param_shardings(shapes, make_mesh(data=1, fsdp=4, tensor=2))
    import_tensors(config, {name: Counted(name) for name in tensors}, "here", shardings)
    assert read == {name: value.size for name, value in tensors.items()}


def test_padding_of_the_vocabulary_is_zero_silent_and_never_exported(model):
    config, tensors = model
    padded = dataclasses.replace(config, vocab_multiple=64)
    graph, params = import_tensors(padded, tensors, "here")
    assert (
        nnx.to_pure_dict(params)["embedding"].shape == nnx.to_pure_dict(params)["lm_head"].shape == (320, 32)
    )
    assert not np.any(nnx.to_pure_dict(params)["lm_head"][300:])
    assert_same(dict(export_tensors(padded, params)), tensors)
    hidden = np.random.default_rng(0).normal(size=(1, 3, 32)).astype(np.float32)
    logits = nnx.merge(graph, params).logits(hidden)
    plain = nnx.merge(*import_tensors(config, tensors, "here")).logits(hidden)
    np.testing.assert_allclose(logits[..., :300], plain, rtol=1e-6)
    np.testing.assert_allclose(jax.nn.log_softmax(logits)[..., :300], jax.nn.log_softmax(plain), rtol=1e-6)
    assert decode_view(graph, params, "float32").head.shape == (32, 300)


def test_a_free_output_layer_must_be_there(model):
    config, tensors = model
    without = {name: value for name, value in tensors.items() if name != "lm_head.weight"}
    user_error(lambda: import_tensors(config, without, "here"), "missing lm_head.weight")


def test_a_folder_without_weights_a_lost_shard_and_a_damaged_file(model, tmp_path):
    _, tensors = model
    user_error(lambda: read_safetensors(tmp_path), tmp_path / "model.safetensors")
    write_safetensors(tmp_path, tensors.items(), np.dtype(np.float32), shard_bytes=60_000)
    lost = sorted(tmp_path.glob("model-*.safetensors"))[1]
    content = lost.read_bytes()
    lost.unlink()
    user_error(lambda: read_safetensors(tmp_path), lost)
    lost.write_bytes(content[: len(content) // 2])
    user_error(lambda: read_safetensors(tmp_path), lost)


def test_a_damaged_index_is_the_users_to_fix(model, tmp_path):
    (tmp_path / "model.safetensors.index.json").write_text('{"weight_map": {"a": ')
    user_error(lambda: read_safetensors(tmp_path), "model.safetensors.index.json")


def test_shapes_are_known_without_making_arrays():
    config = config_from_hf(
        TINY_CONFIG | {"num_hidden_layers": 200, "hidden_size": 8192, "vocab_size": 200_000}, "here"
    )
    _, params = abstract_params(config, reward_model=True)
    shapes = nnx.to_pure_dict(params)
    assert shapes["backbone"]["embedding"].shape == (200_000, 8192)
    assert shapes["score"].shape == (8192,)
