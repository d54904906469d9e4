"""The import stage: both kinds of source, finished and broken-off folders, bad sources refused."""

import json
import shutil
from functools import partial

import jax
import numpy as np
import pytest
from flax import nnx
from jax.sharding import PartitionSpec
from ml_collections import ConfigDict

from acecoder_jax import import_model
from acecoder_jax.data.folders import read_manifest
from acecoder_jax.models.folders import load_model
from acecoder_jax.models.huggingface import read_safetensors, write_safetensors
from acecoder_jax.training.mesh import make_mesh, param_shardings
from tests.models.test_gguf import write_gguf
from tests.tiny_models import TINY_CONFIG, import_folder
from tests.user_errors import user_error


@pytest.fixture
def source(tiny_model, tmp_path):
    """A copy of the tiny model's Hugging Face folder that may be damaged."""
    return shutil.copytree(tiny_model.hf_folder, tmp_path / "source")


def tensors_of(folder):
    return {name: value[...] for name, value in read_safetensors(folder).items()}


def test_the_manifest_counts_every_parameter_and_hashes_every_file(tiny_model):
    manifest = read_manifest(tiny_model.folder)
    layer = 2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64 + 2 * 32
    assert manifest["counts"] == {"kind": "policy", "parameters": 2 * layer + 300 * 32 + 32}
    assert {"config.json", "model.json", "tokenizer.json"} <= set(manifest["files"])
    assert any(name.startswith("params/") for name in manifest["files"])


def test_a_gguf_and_the_folder_it_was_made_from_give_the_same_model(tiny_model, tmp_path):
    path = write_gguf(tmp_path / "m.gguf", tensors_of(tiny_model.hf_folder))
    ours, other = load_model(import_folder(path, tmp_path / "model")), tiny_model.loaded
    for left, right in zip(*(nnx.to_flat_state(m.params) for m in (ours, other)), strict=True):
        np.testing.assert_array_equal(left[1][...], right[1][...], err_msg=str(left[0]))
    messages = [{"role": "user", "content": "Write a function add(a, b)."}]
    ids = [
        m.tokenizer.apply_chat_template(messages, add_generation_prompt=True)["input_ids"]
        for m in (ours, other)
    ]
    assert ids[0] == ids[1]


def test_an_import_over_a_mesh_is_the_same_and_is_loaded_onto_any(source, tiny_model, tmp_path):
    config = import_model.default_config()
    config.source, config.mesh = str(source), ConfigDict({"data": 2, "fsdp": 2, "tensor": 2})
    import_model.run(config, tmp_path / "model")
    place = partial(param_shardings, mesh=make_mesh(data=1, fsdp=8))
    alone, spread = load_model(tmp_path / "model"), load_model(tmp_path / "model", place=place)
    assert alone.params["embedding"][...].sharding.device_set == {jax.local_devices()[0]}
    assert spread.params["embedding"][...].sharding.spec == PartitionSpec("tensor", "fsdp")
    for ours in (alone, spread):
        for left, right in zip(*(jax.tree.leaves(m.params) for m in (ours, tiny_model.loaded)), strict=True):
            np.testing.assert_array_equal(left, right)


def test_a_mesh_that_does_not_fit_is_refused(source, tmp_path):
    config = import_model.default_config()
    config.source, config.mesh.fsdp = str(source), 3
    user_error(lambda: import_model.run(config, tmp_path / "a"), "config.mesh", "8 devices")
    assert not (tmp_path / "a").exists()
    config.mesh = ConfigDict({"data": 1, "fsdp": 1, "tensor": 8})  # 300 ids on eight devices
    user_error(lambda: import_model.run(config, tmp_path / "b"), "config.mesh", "300", "tensor=8")
    config.vocab_multiple = 0
    user_error(lambda: import_model.run(config, tmp_path / "c"), "config.vocab_multiple")


def test_a_reward_model_without_an_output_layer_may_have_a_language_models_config(source, tmp_path):
    """OpenRLHF writes `score.weight` beside a config that names a causal language model."""
    values = json.loads((source / "config.json").read_text()) | {"tie_word_embeddings": False}
    (source / "config.json").write_text(json.dumps(values))
    tensors = tensors_of(source) | {"score.weight": np.ones((1, 32), np.float32)}
    write_safetensors(source, tensors.items(), np.dtype(np.float32))
    model = load_model(import_folder(source, tmp_path / "model"), kind="reward")
    assert np.asarray(model.params["score"][...]).tolist() == [1.0] * 32
    assert model.extra == {"reward_bias": 0.0}


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("score.weight", (2, 32), "score.weight has shape (2, 32) instead of (1, 32)"),
        ("v_head.summary.weight", (32, 1), "v_head.summary.weight has shape (32, 1) instead of (1, 32)"),
    ],
)
def test_a_misshapen_reward_head_is_named(source, tmp_path, name, shape, said):
    tensors = tensors_of(source) | {name: np.ones(shape, np.float32)}
    write_safetensors(source, tensors.items(), np.dtype(np.float32))
    user_error(lambda: import_folder(source, tmp_path / "model"), source, said)


def test_damaged_reward_models_are_refused(source, tmp_path):
    classifier = TINY_CONFIG | {"architectures": ["LlamaForSequenceClassification"]}
    (source / "config.json").write_text(json.dumps(classifier))
    user_error(lambda: import_folder(source, tmp_path / "a"), source, "score.weight")
    head = {"v_head.summary.weight": np.ones((1, 32), np.float32)}
    head["v_head.summary.bias"] = np.ones(2, np.float32)
    write_safetensors(source, (tensors_of(source) | head).items(), np.dtype(np.float32))
    user_error(lambda: import_folder(source, tmp_path / "b"), source, "v_head.summary.bias")


def test_a_finished_import_does_nothing(source, tmp_path, capsys):
    folder = import_folder(source, tmp_path / "model")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    capsys.readouterr()
    import_folder(source, folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert "importing" not in capsys.readouterr().out


def test_a_broken_off_import_is_done_again(source, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(import_model, "save_params", killed)
        with pytest.raises(KeyboardInterrupt):
            import_folder(source, tmp_path / "model")
    assert not (tmp_path / "model" / "manifest.json").exists()
    load_model(import_folder(source, tmp_path / "model"))


def test_an_import_from_another_source_is_refused(source, tiny_model, tmp_path):
    folder = import_folder(source, tmp_path / "model")
    user_error(lambda: import_folder(tiny_model.hf_folder, folder), folder, "source")


def test_a_packages_file_is_found_without_importing_the_package(source, tmp_path, monkeypatch):
    package = tmp_path / "site" / "some_model_package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('needs what is not installed')")
    shutil.copytree(source, package / "weights")
    monkeypatch.syspath_prepend(package.parent)
    import_folder("package:some_model_package/weights", tmp_path / "model")
    user_error(lambda: import_folder("package:some_model_package/other", tmp_path / "b"), package / "other")
    user_error(
        lambda: import_folder("package:no_such_package_here/x", tmp_path / "c"), "no_such_package_here"
    )


def test_bad_sources_are_refused(source, tmp_path):
    target = tmp_path / "model"
    user_error(lambda: import_folder(tmp_path / "none", target), "config.source", tmp_path / "none")
    (tmp_path / "notes.txt").write_text("not a model")
    user_error(lambda: import_folder(tmp_path / "notes.txt", tmp_path / "a"), tmp_path / "notes.txt")
    (tmp_path / "empty").mkdir()
    user_error(lambda: import_folder(tmp_path / "empty", tmp_path / "b"), tmp_path / "empty", "config.json")
    (source / "config.json").write_text(json.dumps(TINY_CONFIG | {"model_type": "mamba"}))
    user_error(lambda: import_folder(source, tmp_path / "c"), source / "config.json", "'mamba'")


def test_a_gguf_of_another_architecture_is_refused(tiny_model, tmp_path):
    tensors = tensors_of(tiny_model.hf_folder)
    path = write_gguf(tmp_path / "m.gguf", tensors, architecture="falcon")
    user_error(lambda: import_folder(path, tmp_path / "model"), path, "'falcon'")


def test_a_folder_without_weights_tokenizer_or_template(source, tmp_path):
    weights = (source / "model.safetensors").read_bytes()
    (source / "model.safetensors").unlink()
    user_error(lambda: import_folder(source, tmp_path / "a"), source / "model.safetensors")
    (source / "model.safetensors").write_bytes(weights)
    (source / "chat_template.jinja").unlink()
    user_error(lambda: import_folder(source, tmp_path / "b"), source, "chat template")
    (source / "tokenizer.json").unlink()
    user_error(lambda: import_folder(source, tmp_path / "c"), source, "tokenizer")


def test_a_full_disk_is_seen_before_anything_is_written(source, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10_000))
    user_error(lambda: import_folder(source, tmp_path / "model"), tmp_path / "model", "not enough disk")
    assert not (tmp_path / "model" / "params").exists()
