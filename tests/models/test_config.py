"""Configs of every family read right, and everything that the decoder lacks refused by name."""

import json

import pytest

from acecoder_jax.models.config import config_from_hf, read_hf_config
from tests.tiny_models import TINY_CONFIG
from tests.user_errors import user_error


def test_sizes_and_switches_are_read():
    config = config_from_hf(TINY_CONFIG, "here")
    assert (config.num_layers, config.hidden_size, config.num_heads, config.num_kv_heads) == (2, 32, 4, 2)
    assert (config.head_dim, config.rope_theta) == (8, 10_000.0)
    assert config.tie_word_embeddings and not config.qkv_bias and not config.qk_norm


def test_families_differ_in_bias_and_head_norm():
    flags = {}
    for family in ("llama", "qwen2", "qwen3", "mistral"):
        config = config_from_hf(TINY_CONFIG | {"model_type": family}, "here")
        flags[family] = (config.qkv_bias, config.qk_norm)
    assert flags == {
        "llama": (False, False),
        "qwen2": (True, False),
        "qwen3": (False, True),
        "mistral": (False, False),
    }


def test_absent_keys_take_hugging_faces_defaults():
    values = {
        k: v for k, v in TINY_CONFIG.items() if k not in ("num_key_value_heads", "head_dim", "rope_theta")
    }
    config = config_from_hf(values, "here")
    assert (config.num_kv_heads, config.head_dim, config.rope_theta) == (4, 8, 10_000.0)


def test_rope_settings_of_old_and_new_files_mean_the_same():
    old = config_from_hf(TINY_CONFIG | {"rope_theta": 500_000.0, "rope_scaling": None}, "here")
    new = {k: v for k, v in TINY_CONFIG.items() if k != "rope_theta"}
    new["rope_parameters"] = {"rope_type": "default", "rope_theta": 500_000.0}
    assert old == config_from_hf(new, "here")
    assert old.rope_theta == 500_000.0


def test_a_qwen2_that_leaves_its_window_unused_is_taken():
    values = TINY_CONFIG | {"model_type": "qwen2", "sliding_window": 4096, "use_sliding_window": False}
    assert config_from_hf(values, "here").qkv_bias


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model_type": "gpt2"}, "'gpt2'"),
        ({"model_type": None}, "model_type"),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "rope scaling"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope scaling"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "rope scaling"),
        ({"hidden_act": "gelu"}, "hidden_act"),
        ({"mlp_bias": True}, "mlp_bias"),
        ({"attention_bias": True}, "attention_bias"),
        ({"model_type": "mistral", "sliding_window": 4096}, "sliding window"),
        ({"model_type": "qwen2", "sliding_window": 4096, "use_sliding_window": True}, "sliding window"),
    ],
)
def test_what_the_decoder_lacks_is_refused_by_name(changes, named):
    user_error(
        lambda: config_from_hf(TINY_CONFIG | changes, "folder/config.json"), "folder/config.json", named
    )


def test_several_unsupported_features_are_all_named():
    changes = {"hidden_act": "gelu", "mlp_bias": True}
    user_error(lambda: config_from_hf(TINY_CONFIG | changes, "here"), "hidden_act", "mlp_bias")


@pytest.mark.parametrize("key", ["vocab_size", "hidden_size", "num_hidden_layers", "max_position_embeddings"])
def test_a_missing_key_is_named(key):
    values = {k: v for k, v in TINY_CONFIG.items() if k != key}
    user_error(lambda: config_from_hf(values, "folder/config.json"), "folder/config.json", repr(key))


def test_a_folder_without_a_config_and_a_damaged_one(tmp_path):
    user_error(lambda: read_hf_config(tmp_path), tmp_path, "config.json")
    (tmp_path / "config.json").write_text('{"model_type": "llama"')
    user_error(lambda: read_hf_config(tmp_path), tmp_path / "config.json", "JSON")


def test_the_raw_config_comes_back_unchanged(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(TINY_CONFIG | {"anything": [1, 2]}))
    config, raw = read_hf_config(tmp_path)
    assert raw == TINY_CONFIG | {"anything": [1, 2]}
    assert config == config_from_hf(TINY_CONFIG, "here")


def test_flops_count_two_a_weight_and_the_attention_products():
    config = config_from_hf(TINY_CONFIG, "here")
    # Per layer: query and output 32x32, key and value 32x16, three 32x64 of the gated MLP.
    weights = 2 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64)
    assert config.matmul_parameters == weights
    # Scores and mixed values: 2 products x 2 flops x 4 heads x 8 x context, in 2 layers.
    attention = 2 * 2 * 2 * 4 * 8 * 10
    assert (
        config.forward_flops(tokens=7, targets=3, context=10)
        == 7 * (2 * weights + attention) + 3 * 2 * 32 * 300
    )
