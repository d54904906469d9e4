"""Configs of every family read right, and everything that the decoder lacks refused by name."""

import json

import pytest

from acecoder_jax.models.config import config_from_hf, read_hf_config
from acecoder_jax.models.rope import Rope
from tests.tiny_models import TINY_CONFIG
from tests.user_errors import user_error


def test_sizes_and_switches_are_read():
    config = config_from_hf(TINY_CONFIG, "here")
    assert (config.num_layers, config.hidden_size, config.num_heads, config.num_kv_heads) == (2, 32, 4, 2)
    assert (config.head_dim, config.rope) == (8, Rope(10_000.0))
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
    assert (config.num_kv_heads, config.head_dim, config.rope) == (4, 8, Rope(10_000.0))


def test_rope_settings_of_old_and_new_files_mean_the_same():
    old = config_from_hf(TINY_CONFIG | {"rope_theta": 500_000.0, "rope_scaling": None}, "here")
    new = {k: v for k, v in TINY_CONFIG.items() if k != "rope_theta"}
    new["rope_parameters"] = {"rope_type": "default", "rope_theta": 500_000.0}
    assert old == config_from_hf(new, "here")
    assert old.rope == old.local_rope == Rope(500_000.0)


LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}


def test_rope_scaling_of_old_and_new_files_means_the_same():
    old = config_from_hf(TINY_CONFIG | {"rope_theta": 5e5, "rope_scaling": LLAMA3}, "here")
    new = config_from_hf(TINY_CONFIG | {"rope_parameters": LLAMA3 | {"rope_theta": 5e5}}, "here")
    assert old.rope == new.rope == Rope(5e5, "llama3", 8.0, 8192, 1.0, 4.0)


def test_qwens_yarn_with_its_old_key():
    scaling = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
    rope = config_from_hf(TINY_CONFIG | {"model_type": "qwen2", "rope_scaling": scaling}, "here").rope
    assert (rope.kind, rope.factor, rope.original_positions) == ("yarn", 4.0, 32768)
    assert rope.amplitude == pytest.approx(0.1 * 1.3862943611 + 1)


def test_windows_are_those_that_transformers_uses():
    def windows(**changes):
        config = config_from_hf(
            TINY_CONFIG | {"num_hidden_layers": 4, "sliding_window": 64} | changes, "here"
        )
        return config.sliding_window, config.windowed_layers

    nowhere, everywhere = (0, (False,) * 4), (64, (True,) * 4)
    assert windows() == nowhere  # llama has none, whatever its file says
    assert windows(model_type="qwen2") == windows(model_type="qwen2", use_sliding_window=False) == nowhere
    assert windows(model_type="mistral") == everywhere
    assert windows(model_type="mistral", sliding_window=None) == nowhere
    used = {"model_type": "qwen2", "use_sliding_window": True}
    assert windows(**used, max_window_layers=3) == (64, (False, False, False, True))
    kinds = ["sliding_attention", "full_attention", "full_attention", "sliding_attention"]
    assert windows(**used, layer_types=kinds) == (64, (True, False, False, True))
    gemma = {"model_type": "gemma3_text", "hidden_act": None}
    assert windows(**gemma, sliding_window_pattern=2) == (64, (True, False, True, False))
    assert windows(**gemma) == everywhere  # every sixth layer sees everything


def test_gemma_files_of_both_ages():
    old = {"model_type": "gemma3_text", "rope_theta": 1e6, "rope_local_base_freq": 1e4, "head_dim": 256}
    old["rope_scaling"] = {"rope_type": "linear", "factor": 8.0}
    config = config_from_hf(
        {k: v for k, v in TINY_CONFIG.items() if k != "tie_word_embeddings"} | old, "here"
    )
    assert (config.rope, config.local_rope) == (Rope(1e6, "linear", 8.0), Rope(1e4))
    assert config.tie_word_embeddings and config.qk_norm and config.post_norms and config.norm_offset == 1
    assert (config.embedding_scale, config.query_scale) == (32**0.5, 1.0)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model_type": "gpt2"}, "'gpt2'"),
        ({"model_type": None}, "model_type"),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "lacks low_freq_factor, high_freq_factor"),
        ({"rope_scaling": {"type": "linear"}}, "lacks factor"),
        ({"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}}, "'dynamic'"),
        ({"rope_scaling": {"rope_type": "longrope", "factor": 2.0}}, "'longrope'"),
        ({"rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 0.5}}, "partial_rotary_factor"),
        ({"model_type": "gemma3"}, "text_config"),
        ({"model_type": "gemma3_text", "final_logit_softcapping": 30.0}, "final_logit_softcapping"),
        ({"model_type": "gemma3_text", "hidden_activation": "silu"}, "hidden_activation"),
        ({"hidden_act": "gelu"}, "hidden_act"),
        ({"mlp_bias": True}, "mlp_bias"),
        ({"attention_bias": True}, "attention_bias"),
        (
            {
                "model_type": "qwen3",
                "sliding_window": 9,
                "use_sliding_window": True,
                "layer_types": ["linear"],
            },
            "layer_types",
        ),
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


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"vocab_size": "300"}, "vocab_size is '300'"),
        ({"hidden_size": None}, "hidden_size is None"),
        ({"num_hidden_layers": 0}, "num_hidden_layers is 0"),
        ({"head_dim": 8.5}, "head_dim is 8.5"),
        ({"num_key_value_heads": 3}, "4 num_attention_heads do not divide over 3 num_key_value_heads"),
    ],
    ids=str,
)
def test_sizes_that_are_none_are_named(changes, said):
    user_error(
        lambda: config_from_hf(TINY_CONFIG | changes, "folder/config.json"), "folder/config.json", said
    )


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
