"""The export stage: transformers' Auto classes load what it writes, and compute what ours computes."""

import json

import jax
import numpy as np
import pytest
from flax import nnx
from safetensors import safe_open

from acecoder_jax import export
from acecoder_jax.data.folders import OutputFolder, read_manifest
from acecoder_jax.data.packing import Tree, pack
from acecoder_jax.models.config import config_from_hf
from acecoder_jax.models.decoder import RewardModel
from acecoder_jax.models.folders import load_model, save_params, write_model_files
from acecoder_jax.models.huggingface import read_safetensors
from acecoder_jax.models.packed import packed_hidden
from tests.tiny_models import TINY_CONFIG, import_folder, random_params, tiny_tokenizer
from tests.user_errors import user_error

CHAT = [1, 60, 61, 90, 2, 1, 88, 120, 33, 2]


def run(model, workdir, **changes):
    config = export.default_config()
    config.model = str(model)
    config.update(changes)
    return export.run(config, workdir)


@pytest.fixture(scope="module")
def reward_folder(tmp_path_factory):
    """A reward model whose head is not zero, with the statistics that training leaves beside it."""
    folder = tmp_path_factory.mktemp("reward") / "model"
    config = config_from_hf(TINY_CONFIG, "here")
    _, backbone = random_params(config, seed=4)
    _, params = nnx.split(RewardModel(config, nnx.Rngs(0)))
    values = {"backbone": nnx.to_pure_dict(backbone), "score": jax.random.normal(jax.random.key(1), (32,))}
    nnx.replace_by_pure_dict(params, values)
    output = OutputFolder(folder, "train_reward", {"seed": 1})
    write_model_files(
        folder, TINY_CONFIG, tiny_tokenizer(), "reward", {"reward_mean": 0.5, "reward_spread": 2.0}
    )
    save_params(folder, params)
    output.finish()
    return folder


def test_an_exported_policy_is_the_same_model_in_transformers(tiny_model, tmp_path):
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    run(tiny_model.folder, tmp_path / "out", dtype="float32")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32)
    assert type(theirs).__name__ == "LlamaForCausalLM"
    with torch.no_grad():
        expected = theirs(torch.tensor([CHAT])).logits[0].numpy()
    model = nnx.merge(tiny_model.loaded.graph, tiny_model.loaded.params)
    rows = pack([Tree((CHAT[0],), (tuple(CHAT[1:]),), (0,))], len(CHAT)).model_inputs
    np.testing.assert_allclose(np.asarray(model.logits(packed_hidden(model, rows)))[0], expected, atol=1e-4)
    assert theirs.generation_config.eos_token_id == 2
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    messages = [{"role": "user", "content": "Write add(a, b)."}]
    ids = [t.apply_chat_template(messages)["input_ids"] for t in (tokenizer, tiny_tokenizer())]
    assert ids[0] == ids[1]


def test_an_exported_reward_model_gives_the_same_rewards_in_transformers(reward_folder, tmp_path):
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    run(reward_folder, tmp_path / "out", dtype="float32")
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(
        tmp_path / "out", dtype=torch.float32
    )
    assert type(theirs).__name__ == "LlamaForSequenceClassification" and theirs.config.num_labels == 1
    texts = [CHAT[:-1] + [7], CHAT[:6] + [5]]
    with torch.no_grad():
        expected = [float(theirs(torch.tensor([ids])).logits[0, 0]) for ids in texts]
    loaded = load_model(reward_folder, kind="reward")
    model = nnx.merge(loaded.graph, loaded.params)
    trees = [Tree((ids[0],), (tuple(ids[1:]),), (i,)) for i, ids in enumerate(texts)]
    rows = pack(trees, 32)
    hidden = packed_hidden(model.backbone, rows.model_inputs)
    ours = [
        float(model.rewards(hidden[row, column][None])[0]) for row, column in (rows.last[0], rows.last[1])
    ]
    assert ours == pytest.approx(expected, abs=1e-4)
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert (config["reward_mean"], config["reward_spread"]) == (0.5, 2.0)


def test_the_end_of_sequence_of_a_scored_text_is_what_is_scored(reward_folder, tmp_path):
    """ChatML models pad with their end-of-sequence id; the one that ends a scored text must count."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    run(reward_folder, tmp_path / "out", dtype="float32")
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(
        tmp_path / "out", dtype=torch.float32
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    assert tokenizer.pad_token_id == theirs.config.pad_token_id == 0 and tokenizer.eos_token_id == 2
    batch = tokenizer.pad({"input_ids": [CHAT, [*CHAT, 50, 51, 2]]}, return_tensors="pt")
    with torch.no_grad():
        scored = float(theirs(**batch).logits[0, 0])
    loaded = load_model(reward_folder, kind="reward")
    model = nnx.merge(loaded.graph, loaded.params)
    rows = pack([Tree((CHAT[0],), (tuple(CHAT[1:]),), (0,))], len(CHAT))
    hidden = packed_hidden(model.backbone, rows.model_inputs)
    assert float(model.rewards(hidden[0, -1][None])[0]) == pytest.approx(scored, abs=1e-4)


def test_import_export_import_keeps_every_bit(tiny_model, tmp_path):
    run(tiny_model.folder, tmp_path / "out", dtype="float32")
    first = dict(read_safetensors(tiny_model.hf_folder))
    second = dict(read_safetensors(tmp_path / "out"))
    assert set(first) == set(second)
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
    again = load_model(import_folder(tmp_path / "out", tmp_path / "again"))
    for left, right in zip(*(jax.tree.leaves(m.params) for m in (tiny_model.loaded, again)), strict=True):
        np.testing.assert_array_equal(left, right)


def test_bfloat16_is_the_default_and_is_written_as_such(tiny_model, tmp_path):
    counts = run(tiny_model.folder, tmp_path / "out")
    with safe_open(tmp_path / "out" / "model.safetensors", "flax") as file:
        assert {str(file.get_tensor(name).dtype) for name in file.keys()} == {"bfloat16"}  # noqa: SIM118
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dtype"] == "bfloat16"
    assert counts["bytes"] == 2 * read_manifest(tiny_model.folder)["counts"]["parameters"]


def test_the_model_card_says_where_it_comes_from(tiny_model, tmp_path):
    run(tiny_model.folder, tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "policy model" in card and "stage: `import`" in card and str(tiny_model.hf_folder) in card


def test_a_finished_export_does_nothing_and_other_settings_are_refused(tiny_model, tmp_path):
    counts = run(tiny_model.folder, tmp_path / "out")
    before = (tmp_path / "out" / "model.safetensors").stat().st_mtime_ns
    assert run(tiny_model.folder, tmp_path / "out") == counts
    assert (tmp_path / "out" / "model.safetensors").stat().st_mtime_ns == before
    user_error(lambda: run(tiny_model.folder, tmp_path / "out", dtype="float32"), tmp_path / "out", "dtype")


def test_bad_settings_are_refused(tiny_model, tmp_path):
    user_error(lambda: run(tiny_model.folder, tmp_path / "a", dtype="int4"), "config.dtype", "'int4'")
    user_error(lambda: run(tmp_path / "none", tmp_path / "b"), tmp_path / "none")
    user_error(lambda: run(tiny_model.hf_folder, tmp_path / "c"), tiny_model.hf_folder)
    OutputFolder(tmp_path / "questions", "synthesize", {}).finish()
    user_error(lambda: run(tmp_path / "questions", tmp_path / "d"), tmp_path / "questions", "holds no model")
