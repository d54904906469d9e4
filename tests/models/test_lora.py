"""Adapters: they change nothing at first, add in to plain weights, and are read by PEFT as they are meant."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import load_file

from acecoder_jax.models.config import config_from_hf
from acecoder_jax.models.decoder import attention
from acecoder_jax.models.huggingface import abstract_params, export_tensors, write_safetensors
from acecoder_jax.models.lora import is_adapter, lora_config, merged, with_adapters, write_adapter
from acecoder_jax.training.trainer import Trainer, make_optimizer, optimizer_config
from tests.tiny_models import TINY_CONFIG, random_params
from tests.training.test_trainer import batch_of, policy_loss
from tests.user_errors import user_error

PLAIN = config_from_hf(TINY_CONFIG, "here")
TOKENS = jnp.array([[1, 50, 60, 70, 80, 90]], jnp.int32)


def lora(**changes):
    config = lora_config()
    config.update({"rank": 4, "alpha": 8.0, "targets": ("query", "value", "down")} | changes)
    return config


def logits(graph, params):
    model = nnx.merge(graph, params)
    positions = jnp.arange(TOKENS.shape[1])[None]
    mask = jnp.tril(jnp.ones((TOKENS.shape[1],) * 2, bool))[None]
    hidden, _ = model.hidden(TOKENS, positions, lambda q, k, v: (attention(q, k, v, mask), None))
    return np.asarray(model.logits(hidden))


def trained(params):
    """The adapters as they might be after training."""
    draw = np.random.default_rng(1)
    flat = [
        (
            path,
            leaf.replace(jnp.asarray(draw.normal(0, 0.3, leaf.shape), jnp.float32))
            if is_adapter(path)
            else leaf,
        )
        for path, leaf in nnx.to_flat_state(params)
    ]
    return nnx.from_flat_state(flat)


@pytest.fixture(scope="module")
def adapted():
    plain_graph, params = random_params(PLAIN)
    config, graph, fresh = with_adapters(PLAIN, params, lora(), seed=0)
    return plain_graph, params, config, graph, fresh


def test_fresh_adapters_change_nothing_and_trained_ones_add_in(adapted):
    plain_graph, params, config, graph, fresh = adapted
    before = logits(plain_graph, params)
    np.testing.assert_array_equal(logits(graph, fresh), before)
    after = logits(graph, trained(fresh))
    assert np.abs(after - before).max() > 0.1
    np.testing.assert_allclose(logits(plain_graph, merged(config, trained(fresh))), after, atol=1e-4)
    assert merged(PLAIN, params) is params


def test_only_adapters_are_trained_and_only_they_have_moments(adapted, one_device):
    _, _, _, graph, fresh = adapted
    optimizer = make_optimizer(optimizer_config(), 10)
    trainer = Trainer(
        graph, jax.tree.map(jnp.copy, fresh), optimizer, policy_loss, one_device, trains=is_adapter
    )
    trainer.update([batch_of(0)])
    assert trainer.update([batch_of(1)])["grad_norm"] > 0
    adapters = 0
    for (path, old), (_, new) in zip(*map(nnx.to_flat_state, (fresh, trainer.params)), strict=True):
        same = np.array_equal(old[...], new[...])
        assert same != is_adapter(path), path
        adapters += new[...].size * is_adapter(path)
    assert sum(leaf.size for leaf in jax.tree.leaves(trainer.state["opt_state"])) < 2 * adapters + 10


def test_the_adapter_folder_is_what_peft_says(adapted, tmp_path):
    _, _, config, _, fresh = adapted
    params = trained(fresh)
    write_adapter(tmp_path, config, params, "some/base")
    about = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (about["peft_type"], about["task_type"], about["r"], about["lora_alpha"]) == (
        "LORA",
        "CAUSAL_LM",
        4,
        8,
    )
    assert about["target_modules"] == ["q_proj", "v_proj", "down_proj"]
    tensors = load_file(tmp_path / "adapter_model.safetensors")
    assert len(tensors) == 2 * 3 * 2
    name = "base_model.model.model.layers.1.mlp.down_proj.lora_{}.weight"
    assert tensors[name.format("A")].shape == (4, 64) and tensors[name.format("B")].shape == (32, 4)
    flat = dict(nnx.to_flat_state(merged(config, params)))
    plain = dict(nnx.to_flat_state(params))
    change = np.asarray(flat[("blocks", "down")][...] - plain[("blocks", "down")][...])[1]
    np.testing.assert_allclose(
        2.0 * tensors[name.format("B")] @ tensors[name.format("A")], change.T, atol=1e-5
    )


def test_peft_reads_it_and_computes_the_same(adapted, tmp_path):
    peft = pytest.importorskip("peft")
    import torch
    from transformers import AutoModelForCausalLM

    _, params, config, graph, fresh = adapted
    base = tmp_path / "base"
    base.mkdir()
    (base / "config.json").write_text(json.dumps(TINY_CONFIG))
    write_safetensors(base, export_tensors(PLAIN, params), np.dtype(np.float32))
    write_adapter(tmp_path / "adapter", config, trained(fresh), str(base))
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model = peft.PeftModel.from_pretrained(model, tmp_path / "adapter").eval()
    with torch.no_grad():
        theirs = model(torch.tensor(np.asarray(TOKENS), dtype=torch.long)).logits.numpy()
    np.testing.assert_allclose(logits(graph, trained(fresh)), theirs, atol=1e-4)


def test_peft_finds_the_base_that_a_model_folder_was_imported_from(adapted, tiny_model, tmp_path):
    peft = pytest.importorskip("peft")
    _, _, config, graph, fresh = adapted
    write_adapter(tmp_path / "policy", config, trained(fresh), str(tiny_model.folder))
    model = peft.AutoPeftModelForCausalLM.from_pretrained(tmp_path / "policy")
    assert model.peft_config["default"].base_model_name_or_path == str(tiny_model.hf_folder)

    values = {
        "backbone": nnx.to_pure_dict(tiny_model.loaded.params),
        "score": np.arange(32, dtype=np.float32),
    }
    _, reward = abstract_params(PLAIN, reward_model=True)
    nnx.replace_by_pure_dict(reward, values)
    config, _, reward = with_adapters(PLAIN, reward, lora(), seed=0)
    write_adapter(tmp_path / "reward", config, reward, str(tiny_model.folder))
    model = peft.AutoPeftModelForSequenceClassification.from_pretrained(tmp_path / "reward", num_labels=1)
    head = next(weight for name, weight in model.named_parameters() if "modules_to_save" in name)
    np.testing.assert_array_equal(head.detach().numpy(), np.arange(32, dtype=np.float32)[None])


def test_a_base_that_was_trained_here_is_named_itself(adapted, tmp_path):
    _, _, config, _, fresh = adapted
    write_adapter(tmp_path, config, fresh, "runs/sft")
    assert json.loads((tmp_path / "adapter_config.json").read_text())["base_model_name_or_path"] == "runs/sft"


def test_bad_settings_are_refused():
    _, params = random_params(PLAIN)
    user_error(lambda: with_adapters(PLAIN, params, lora(targets=("q_proj",)), 0), "'q_proj'", "query")
    user_error(lambda: with_adapters(PLAIN, params, lora(rank=-1), 0), "config.lora.rank", "-1")
