"""The export stage: transformers' Auto classes load what it writes, and compute what ours computes."""

import json
import shutil

import jax
import numpy as np
import pytest
from flax import nnx
from safetensors import safe_open
from transformers import AutoTokenizer

from acecoder_jax import export, import_model
from acecoder_jax.data.folders import OutputFolder, read_manifest
from acecoder_jax.data.packing import Tree, pack
from acecoder_jax.models.config import config_from_hf
from acecoder_jax.models.decoder import RewardModel
from acecoder_jax.models.folders import load_model, save_params, write_model_files
from acecoder_jax.models.huggingface import read_safetensors, write_safetensors
from acecoder_jax.models.packed import packed_hidden
from acecoder_jax.rewards.model import RewardScorer
from tests.tiny_models import TINY_CONFIG, import_folder, random_params, tiny_tokenizer, write_hf_folder
from tests.user_errors import user_error

CHAT = [1, 60, 61, 90, 2, 1, 88, 120, 33, 2]


def run(model, workdir, **changes):
    config = export.default_config()
    config.model = str(model)
    config.update(changes)
    return export.run(config, workdir)


def make_reward_folder(folder, hf_config, extra):
    """A reward model whose head is not zero, with the statistics that training leaves beside it."""
    config = config_from_hf(hf_config, "here")
    _, backbone = random_params(config, seed=4)
    _, params = nnx.split(RewardModel(config, nnx.Rngs(0)))
    values = {"backbone": nnx.to_pure_dict(backbone), "score": jax.random.normal(jax.random.key(1), (32,))}
    nnx.replace_by_pure_dict(params, values)
    output = OutputFolder(folder, "train_reward", {"seed": 1})
    write_model_files(folder, hf_config, tiny_tokenizer(), "reward", extra)
    save_params(folder, params)
    output.finish()
    return folder


@pytest.fixture(scope="module")
def reward_folder(tmp_path_factory):
    extra = {"reward_mean": 0.5, "reward_spread": 2.0}
    return make_reward_folder(tmp_path_factory.mktemp("reward") / "model", TINY_CONFIG, extra)


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
    first = read_safetensors(tiny_model.hf_folder)
    second = read_safetensors(tmp_path / "out")
    assert set(first) == set(second)
    for name, value in first.items():
        np.testing.assert_array_equal(value[...], second[name][...], err_msg=name)
    again = load_model(import_folder(tmp_path / "out", tmp_path / "again"))
    for left, right in zip(*(jax.tree.leaves(m.params) for m in (tiny_model.loaded, again)), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("form", ["classification", "v_head"])
@pytest.mark.parametrize("family", ["llama", "qwen2"])  # tied, and with an output layer of its own
def test_both_forms_of_a_reward_model_come_back_as_they_were(family, form, tmp_path):
    hf_config = TINY_CONFIG | {"model_type": family, "tie_word_embeddings": family == "llama"}
    folder = make_reward_folder(tmp_path / "rm", hf_config, {"reward_mean": 0.5, "reward_spread": 2.0})
    run(folder, tmp_path / "out", dtype="float32", reward_form=form)
    first = load_model(folder)
    again = load_model(import_folder(tmp_path / "out", tmp_path / "again"), kind="reward")
    left, right = (dict(nnx.to_flat_state(m.params)) for m in (first, again))
    dropped = {("backbone", "lm_head")} if (family, form) == ("qwen2", "classification") else set()
    assert set(left) - set(right) == dropped
    for path, value in right.items():
        np.testing.assert_array_equal(value[...], left[path][...], err_msg=str(path))
    assert again.extra == {"reward_mean": 0.5, "reward_spread": 2.0, "reward_bias": 0.0}
    # And once more: the same files, byte for byte.
    run(tmp_path / "again", tmp_path / "out2", dtype="float32", reward_form=form)
    files = [tmp_path / name / "model.safetensors" for name in ("out", "out2")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_acecoderms_form_is_read_with_its_bias_and_written_again(tmp_path):
    """A language model's state dict with `v_head.summary.*`, scored on the last token, as released."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    config = TINY_CONFIG | {"model_type": "qwen2", "tie_word_embeddings": False}
    config["architectures"] = ["Qwen2ForCausalLM"]
    _, params = random_params(config_from_hf(config, "here"), seed=6)
    source = write_hf_folder(tmp_path / "hf", config, params)
    weight = np.random.default_rng(0).normal(size=(1, 32)).astype(np.float32)
    tensors = {name: value[...] for name, value in read_safetensors(source).items()}
    tensors |= {"v_head.summary.weight": weight, "v_head.summary.bias": np.array([-3.5], np.float32)}
    write_safetensors(source, tensors.items(), np.dtype(np.float32))

    theirs = transformers.AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    with torch.no_grad():
        state = theirs.model(torch.tensor([CHAT])).last_hidden_state[0, -1].numpy()
    expected = float(state @ weight[0] - 3.5)
    folder = import_folder(source, tmp_path / "model")
    scorer = RewardScorer.from_model(load_model(folder, kind="reward"), 32, float("inf"))
    assert scorer.score_ids([(tuple(CHAT[:4]), tuple(CHAT[4:]))]) == [pytest.approx(expected, abs=1e-4)]

    run(folder, tmp_path / "out", dtype="float32", reward_form="v_head")
    again = read_safetensors(tmp_path / "out")
    assert set(again) == set(tensors)
    for name, value in tensors.items():
        np.testing.assert_array_equal(again[name][...], value, err_msg=name)
    written = json.loads((tmp_path / "out" / "config.json").read_text())
    assert written["architectures"] == ["Qwen2ForCausalLM"]


def test_an_imported_classifier_has_no_output_layer_for_the_other_form(tmp_path):
    config = TINY_CONFIG | {"model_type": "qwen2", "tie_word_embeddings": False}
    folder = make_reward_folder(tmp_path / "rm", config, {})
    run(folder, tmp_path / "out", dtype="float32")
    again = import_folder(tmp_path / "out", tmp_path / "again")
    user_error(lambda: run(again, tmp_path / "b", reward_form="v_head"), again, "reward_form=classification")


def test_vocabulary_padding_stays_behind(tiny_model, tmp_path):
    config = import_model.default_config()
    config.source, config.vocab_multiple = str(tiny_model.hf_folder), 64
    import_model.run(config, tmp_path / "padded")
    padded = load_model(tmp_path / "padded")
    assert nnx.to_pure_dict(padded.params)["embedding"].shape == (320, 32)
    run(tmp_path / "padded", tmp_path / "out", dtype="float32")
    first, second = read_safetensors(tiny_model.hf_folder), read_safetensors(tmp_path / "out")
    assert {name: t.shape for name, t in first.items()} == {name: t.shape for name, t in second.items()}
    written = json.loads((tmp_path / "out" / "config.json").read_text())
    assert written["vocab_size"] == 300 and "vocab_multiple" not in written


def test_a_generation_config_travels(tiny_model, tmp_path):
    source = shutil.copytree(tiny_model.hf_folder, tmp_path / "source")
    values = {"eos_token_id": [2, 0], "temperature": 0.7, "do_sample": True}
    (source / "generation_config.json").write_text(json.dumps(values))
    run(import_folder(source, tmp_path / "model"), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "generation_config.json").read_text()) == values
    assert "generation_config" not in json.loads((tmp_path / "out" / "config.json").read_text())


def test_bfloat16_is_the_default_and_is_written_as_such(tiny_model, tmp_path):
    counts = run(tiny_model.folder, tmp_path / "out")
    with safe_open(tmp_path / "out" / "model.safetensors", "flax") as file:
        assert {str(file.get_tensor(name).dtype) for name in file.keys()} == {"bfloat16"}  # noqa: SIM118
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dtype"] == "bfloat16"
    assert counts["bytes"] == 2 * read_manifest(tiny_model.folder)["counts"]["parameters"]


def test_the_old_name_of_the_dtype_is_not_left_beside_the_new_one(tiny_model, tmp_path):
    source = shutil.copytree(tiny_model.hf_folder, tmp_path / "source")
    (source / "config.json").write_text(json.dumps(TINY_CONFIG | {"torch_dtype": "float16"}))
    run(import_folder(source, tmp_path / "model"), tmp_path / "out")
    written = json.loads((tmp_path / "out" / "config.json").read_text())
    assert written["dtype"] == "bfloat16" and "torch_dtype" not in written


def test_a_policy_keeps_its_padding_side_and_a_reward_model_pads_on_the_right(
    tiny_model, reward_folder, tmp_path
):
    sides = {}
    for name, folder, form in (
        ("policy", tiny_model.folder, "classification"),
        ("classification", reward_folder, "classification"),
        ("v_head", reward_folder, "v_head"),
    ):
        model = shutil.copytree(folder, tmp_path / f"{name}-model")
        about = json.loads((model / "tokenizer_config.json").read_text()) | {"padding_side": "left"}
        (model / "tokenizer_config.json").write_text(json.dumps(about))
        run(model, tmp_path / name, reward_form=form)
        sides[name] = AutoTokenizer.from_pretrained(tmp_path / name).padding_side
    assert sides == {"policy": "left", "classification": "right", "v_head": "right"}


def test_the_model_card_says_where_it_comes_from(tiny_model, tmp_path):
    run(tiny_model.folder, tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "policy model" in card and "stage: `import`" in card and str(tiny_model.hf_folder) in card
    assert tiny_model.loaded.fingerprint in card and "## Evaluation" not in card


def test_the_card_of_a_trained_model_names_its_data_and_shows_its_evaluation(
    tiny_model, reward_folder, tmp_path
):
    trained = shutil.copytree(tiny_model.folder, tmp_path / "trained")
    about = json.loads((trained / "stage.json").read_text())
    (trained / "stage.json").write_text(json.dumps(about | {"inputs": {"pairs": "0123456789abcdef"}}))
    evaluation = OutputFolder(tmp_path / "evaluation", "evaluate", {})
    sets = {"held_out": {"questions": 20, "greedy_pass@1": 0.25, "pass@k": {"1": 0.3, "8": 0.75}}}
    sets["mbpp"] = {"questions": 7, "greedy_pass@1": 0.5, "pass@k": {"1": 0.125}}
    (tmp_path / "evaluation" / "results.json").write_text(json.dumps({"sets": sets}))
    evaluation.finish()
    run(trained, tmp_path / "out", evaluation=str(tmp_path / "evaluation"))
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| `pairs` | `0123456789abcdef` |" in card
    assert "| set | questions | greedy pass@1 | pass@1 | pass@8 |" in card
    assert "| held_out | 20 | 0.250 | 0.300 | 0.750 |" in card and "| mbpp | 7 | 0.500 | 0.125 |  |" in card

    scored = shutil.copytree(
        reward_folder, tmp_path / "scored"
    )  # training leaves its own results beside a model
    (scored / "results.json").write_text(json.dumps({"accuracy_after": 0.8125, "accuracy_before": None}))
    run(scored, tmp_path / "reward")
    assert "| accuracy_after | 0.8125 |" in (tmp_path / "reward" / "README.md").read_text()


def test_a_finished_export_does_nothing_and_other_settings_are_refused(tiny_model, tmp_path):
    counts = run(tiny_model.folder, tmp_path / "out")
    before = (tmp_path / "out" / "model.safetensors").stat().st_mtime_ns
    assert run(tiny_model.folder, tmp_path / "out") == counts
    assert (tmp_path / "out" / "model.safetensors").stat().st_mtime_ns == before
    user_error(lambda: run(tiny_model.folder, tmp_path / "out", dtype="float32"), tmp_path / "out", "dtype")


def test_bad_settings_are_refused(tiny_model, tmp_path):
    user_error(lambda: run(tiny_model.folder, tmp_path / "a", dtype="int4"), "config.dtype", "'int4'")
    user_error(
        lambda: run(tiny_model.folder, tmp_path / "e", reward_form="x"), "config.reward_form", "v_head"
    )
    user_error(lambda: run(tmp_path / "none", tmp_path / "b"), tmp_path / "none")
    user_error(lambda: run(tiny_model.hf_folder, tmp_path / "c"), tiny_model.hf_folder)
    OutputFolder(tmp_path / "questions", "synthesize", {}).finish()
    user_error(lambda: run(tmp_path / "questions", tmp_path / "d"), tmp_path / "questions", "holds no model")
