"""Model folders: what is saved is loaded bit for bit; damaged or wrong folders are refused in one line."""

import json
import shutil

import jax
import numpy as np
import pytest
from flax import nnx

from acecoder_jax.data.folders import OutputFolder, fingerprint
from acecoder_jax.models.config import config_from_hf
from acecoder_jax.models.decoder import RewardModel
from acecoder_jax.models.folders import load_model, save_params, write_model_files
from tests.tiny_models import CHATML, TINY_CONFIG, random_params, tiny_tokenizer
from tests.user_errors import user_error


@pytest.fixture
def copy(tiny_model, tmp_path):
    """A copy of the tiny model's folder that may be damaged."""
    return shutil.copytree(tiny_model.folder, tmp_path / "copy")


def test_a_loaded_policy_is_the_one_that_was_saved(tiny_model):
    _, params = random_params(config_from_hf(TINY_CONFIG, "here"))
    loaded = load_model(tiny_model.folder, kind="policy")
    for left, right in zip(jax.tree.leaves(loaded.params), jax.tree.leaves(params), strict=True):
        assert left.dtype == np.float32
        np.testing.assert_array_equal(left, right)
    assert loaded.kind == "policy" and loaded.extra == {}
    assert loaded.fingerprint == fingerprint(tiny_model.folder)
    assert loaded.tokenizer.chat_template == CHATML
    assert loaded.tokenizer("def f(x):")["input_ids"] == tiny_tokenizer()("def f(x):")["input_ids"]


def test_a_reward_model_keeps_its_head_and_extras(tmp_path):
    config = config_from_hf(TINY_CONFIG, "here")
    model = RewardModel(config, nnx.Rngs(1))
    model.score[...] = np.arange(32, dtype=np.float32)
    output = OutputFolder(tmp_path / "rm", "train_reward", {})
    write_model_files(tmp_path / "rm", TINY_CONFIG, tiny_tokenizer(), "reward", {"mean": 0.25, "std": 2.0})
    save_params(tmp_path / "rm", nnx.split(model)[1])
    output.finish()
    loaded = load_model(tmp_path / "rm", kind="reward")
    again = nnx.merge(loaded.graph, loaded.params)
    assert isinstance(again, RewardModel)
    np.testing.assert_array_equal(again.score[...], np.arange(32))
    np.testing.assert_array_equal(again.backbone.embedding[...], model.backbone.embedding[...])
    assert loaded.extra == {"mean": 0.25, "std": 2.0}


def test_another_kind_of_model_is_refused(tiny_model):
    user_error(lambda: load_model(tiny_model.folder, kind="reward"), tiny_model.folder, "policy", "reward")


def test_a_missing_and_an_unfinished_folder(tmp_path, copy):
    user_error(lambda: load_model(tmp_path / "none"), tmp_path / "none")
    (copy / "manifest.json").unlink()
    user_error(lambda: load_model(copy), copy, "not finished")


def test_a_folder_of_another_stage(tmp_path):
    OutputFolder(tmp_path / "out", "sample", {}).finish()
    user_error(lambda: load_model(tmp_path / "out"), tmp_path / "out", "holds no model")


def test_lost_parameters(copy):
    shutil.rmtree(copy / "params")
    user_error(lambda: load_model(copy), copy / "params")


def test_parameters_that_lost_their_data(copy):
    files = [path for path in (copy / "params").rglob("*") if path.is_file() and "/d/" in str(path)]
    assert files
    for path in files:
        path.unlink()
    user_error(lambda: load_model(copy), copy / "params")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Orbax drops its other reads
@pytest.mark.parametrize(
    "changes",
    [
        {"intermediate_size": 48},
        {"num_hidden_layers": 3},
        {"model_type": "qwen3"},
        {"tie_word_embeddings": False},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_parameters_that_do_not_fit_the_config(copy, changes):
    (copy / "config.json").write_text(json.dumps(TINY_CONFIG | changes))
    user_error(lambda: load_model(copy), copy / "params")


def test_a_lost_tokenizer(copy):
    (copy / "tokenizer.json").unlink()
    user_error(lambda: load_model(copy), copy)
