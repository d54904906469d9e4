"""Every family against transformers in float32: logits, greedy text, gradients of a Bradley-Terry loss.

Each case is a small random model that transformers itself made and saved, read by our import stage.
"""

import jax
import numpy as np
import pytest
from flax import nnx

from acecoder_jax.data.packing import Tree, pack
from acecoder_jax.models.folders import load_model
from acecoder_jax.models.huggingface import export_tensors, read_safetensors
from acecoder_jax.models.packed import packed_hidden
from acecoder_jax.sampling.engine import Engine
from acecoder_jax.sampling.requests import Request
from acecoder_jax.sampling.warp import SamplingParams
from tests.models.gradients import both_gradients
from tests.tiny_models import import_folder, tiny_tokenizer

torch = pytest.importorskip("torch", reason="parity tests need torch: pip install -e .[test]")
transformers = pytest.importorskip("transformers")

WINDOW = 12
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,  # so that all three of its bands are met within 8 dimensions
}
YARN = {
    "rope_type": "yarn",
    "rope_theta": 1e6,
    "factor": 4.0,
    "original_max_position_embeddings": 64,
}
LINEAR = {"rope_type": "linear", "rope_theta": 25_000.0, "factor": 4.0}
MIXED = ["sliding_attention", "full_attention", "sliding_attention"]
# name: (family, what is special about its config)
CASES = {
    "llama-tied": ("Llama", {"tie_word_embeddings": True}),
    "llama3": ("Llama", {"rope_parameters": LLAMA3}),
    "llama-linear": ("Llama", {"rope_parameters": LINEAR}),
    "mistral": ("Mistral", {"head_dim": 16, "sliding_window": None}),
    "mistral-window": ("Mistral", {"head_dim": 16, "sliding_window": WINDOW}),
    "qwen2-tied": ("Qwen2", {"tie_word_embeddings": True}),
    "qwen2-yarn": ("Qwen2", {"rope_parameters": YARN}),
    "qwen2-unused-window": ("Qwen2", {"sliding_window": WINDOW, "use_sliding_window": False}),
    "qwen2-window": (
        "Qwen2",
        {"sliding_window": WINDOW, "use_sliding_window": True, "max_window_layers": 1},
    ),
    "qwen3-tied": ("Qwen3", {"head_dim": 16, "tie_word_embeddings": True}),
    "qwen3": ("Qwen3", {"head_dim": 16}),
    "gemma3": (
        "Gemma3Text",
        {
            "head_dim": 16,
            "sliding_window": WINDOW,
            "layer_types": MIXED,
            "query_pre_attn_scalar": 24,
            "rope_parameters": {
                "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
                "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
            },
        },
    ),
}
PROMPT = (1, 84, 17, 256, 90, 33, 270, 11, 45, 7, 121, 3, 88, 290, 14, 61, 5)  # longer than the window


@pytest.fixture(scope="module", params=CASES)
def case(request, tmp_path_factory):
    """(transformers' model, ours loaded from the import of its folder, that folder)."""
    family, special = CASES[request.param]
    root = tmp_path_factory.mktemp("family")
    options = {
        "vocab_size": 300,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "tie_word_embeddings": False,
        "initializer_range": 0.2,
        "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_type": "default", "rope_theta": 25_000.0},
    }
    config = getattr(transformers, f"{family}Config")(**options | special, attn_implementation="eager")
    torch.manual_seed(0)
    theirs = getattr(transformers, f"{family.removesuffix('Text')}ForCausalLM")(config).float().eval()
    with torch.no_grad():  # what starts at exactly 0 or 1 would hide a swapped or forgotten tensor
        for name, weight in theirs.named_parameters():
            if name.endswith("bias") or "norm" in name:
                weight += 0.3 * torch.randn_like(weight)
    theirs.save_pretrained(root / "hf")
    tiny_tokenizer().save_pretrained(root / "hf")
    return theirs, load_model(import_folder(root / "hf", root / "model")), root / "hf"


def test_logits_agree(case):
    theirs, ours, _ = case
    tokens = np.random.default_rng(1).integers(0, 300, (2, 40))
    with torch.no_grad():
        expected = theirs(torch.tensor(tokens)).logits.numpy()
    rows = pack([Tree((int(row[0]),), (tuple(row[1:]),), (i,)) for i, row in enumerate(tokens.tolist())], 40)
    model = nnx.merge(ours.graph, ours.params)
    logits = np.asarray(jax.jit(lambda rows: model.logits(packed_hidden(model, rows)))(rows.model_inputs))
    np.testing.assert_allclose(logits, expected, atol=1e-4, rtol=0)
    assert np.ptp(expected) > 1, "a flat model would prove nothing"


def test_greedy_text_is_the_same(case):
    theirs, ours, _ = case
    with torch.no_grad():
        expected = theirs.generate(
            torch.tensor([PROMPT]), do_sample=False, max_new_tokens=24, eos_token_id=None, pad_token_id=0
        )[0, len(PROMPT) :]
    engine = Engine(
        ours.config,
        ours.graph,
        SamplingParams(temperature=0),
        max_prompt_tokens=32,
        max_new_tokens=24,
        eos_ids=[],
    )
    engine.load(ours.params)
    (sampled,) = engine.generate([Request("a", PROMPT, 0)])
    assert list(sampled.token_ids) == expected.tolist()
    assert len(set(sampled.token_ids)) > 3, "one token over and over would prove nothing"


def test_bradley_terry_gradients_agree(case):
    theirs, ours, _ = case
    chosen, rejected = (5, 80, 120, 7, 3, 4), (9, 200, 31, 45, 66, 201, 14)
    score = np.random.default_rng(2).normal(size=32).astype(np.float32)
    grads, expected = both_gradients(ours, theirs, PROMPT, (chosen, rejected), score)
    for name, grad in expected.items():
        scale = float(np.abs(grad).max())
        np.testing.assert_allclose(grads[name], grad, atol=1e-4 * scale, rtol=0, err_msg=name)


def test_import_keeps_every_bit(case):
    _, ours, folder = case
    exported = dict(export_tensors(ours.config, ours.params))
    for name, value in read_safetensors(folder).items():
        np.testing.assert_array_equal(exported.pop(name), value[...], err_msg=name)
    assert not exported
