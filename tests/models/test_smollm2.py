"""The real model: SmolLM2-135M-Instruct out of its GGUF against transformers and against llama.cpp."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from acecoder_jax.data.packing import Tree, pack
from acecoder_jax.data.prompts import render_prompt
from acecoder_jax.models.config import config_from_hf
from acecoder_jax.models.huggingface import (
    export_tensors,
    import_tensors,
    read_safetensors,
    write_safetensors,
)
from acecoder_jax.models.packed import packed_hidden, packed_log_probs
from acecoder_jax.sampling.engine import Engine
from acecoder_jax.sampling.requests import Request
from acecoder_jax.sampling.warp import SamplingParams
from tests.models.gradients import both_gradients

# Ids and the greedy continuation were written down from llama.cpp (xllamacpp 2026.10) on the same GGUF file.
KNOWN_IDS = {
    "def count_vowels(text):\n    return sum(c in 'aeiou' for c in text.lower())\n": [
        *(
            1604,
            985,
            79,
            102,
            323,
            1025,
            24,
            2692,
            727,
            472,
            1003,
            2028,
            24,
            83,
            281,
            637,
            2296,
            41129,
            23,
            327,
        ),
        *(265, 281, 1694, 30, 8266, 5107, 198),
    ],
    "Hello, world! It's 2024-05-17; you'll owe $1,234.56.": [
        *(
            19556,
            28,
            905,
            17,
            657,
            506,
            216,
            34,
            32,
            34,
            36,
            29,
            32,
            37,
            29,
            33,
            39,
            43,
            346,
            3060,
            26202,
            1885,
        ),
        *(33, 28, 34, 35, 36, 30, 37, 38, 30),
    ],
    "naïve café — 東京 🙂\t\ttabs  and   spaces": [
        *(
            3546,
            46494,
            37366,
            1841,
            17097,
            247,
            126,
            16736,
            122,
            47526,
            197,
            197,
            100,
            7366,
            216,
            284,
            256,
            5600,
        ),
    ],
    "<|im_start|>user\nWrite a Python function add(a, b).<|im_end|>\n<|im_start|>assistant\n": [
        *(1, 4093, 198, 19161, 253, 5905, 1517, 803, 24, 81, 28, 278, 595, 2, 198, 1, 520, 9531, 198),
    ],
    "```python\nfor i in range(10):\n\n\n    x[i] += 3\n```": [
        *(
            3725,
            5367,
            198,
            1710,
            2056,
            281,
            1845,
            24,
            33,
            32,
            727,
            13272,
            1792,
            75,
            89,
            77,
            4519,
            216,
            35,
            198,
            3725,
        ),
    ],
}
ADD = "<|im_start|>user\nWrite a Python function add(a, b).<|im_end|>\n<|im_start|>assistant\n"
CONTINUATION = "```python\ndef add(a, b):\n    return a + b\n```\n\nThis function takes two arguments"


def engine_of(model, temperature, **options):
    settings = {"max_prompt_tokens": 64, "max_new_tokens": 24, "eos_ids": [], "slots": 4} | options
    engine = Engine(model.config, model.graph, SamplingParams(temperature=temperature), **settings)
    engine.load(model.params)
    return engine


def test_its_shape(smollm2):
    config = smollm2.loaded.config
    assert (config.num_layers, config.hidden_size, config.intermediate_size) == (30, 576, 1536)
    assert (config.num_heads, config.num_kv_heads, config.head_dim) == (9, 3, 64)
    assert (config.vocab_size, config.rope.theta, config.tie_word_embeddings) == (49_152, 100_000.0, True)
    assert sum(leaf.size for leaf in jax.tree.leaves(smollm2.loaded.params)) == 134_515_008


@pytest.mark.parametrize("text", KNOWN_IDS, ids=["code", "digits", "unicode", "chat", "fence"])
def test_tokens_are_llama_cpps(smollm2, text):
    tokenizer = smollm2.loaded.tokenizer
    assert tokenizer(text)["input_ids"] == KNOWN_IDS[text]
    assert tokenizer.decode(KNOWN_IDS[text]) == text


def test_special_tokens_and_the_templates_default_system_message(smollm2):
    tokenizer = smollm2.loaded.tokenizer
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (1, 2, 2)
    text = tokenizer.decode(render_prompt(tokenizer, "Hi"))
    assert text.startswith("<|im_start|>system\nYou are a helpful AI assistant named SmolLM")
    assert text.endswith("<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")
    own = tokenizer.decode(render_prompt(tokenizer, "Hi", system="Be brief."))
    assert own.startswith("<|im_start|>system\nBe brief.<|im_end|>")


def test_greedy_text_is_llama_cpps(smollm2):
    (sampled,) = engine_of(smollm2.loaded, 0).generate([Request("a", tuple(KNOWN_IDS[ADD]), 0)])
    assert smollm2.loaded.tokenizer.decode(sampled.token_ids) == CONTINUATION


def test_sampled_log_probs_are_those_that_training_computes(smollm2):
    model = smollm2.loaded
    prompts = [
        render_prompt(model.tokenizer, text) for text in ("Write add(a, b).", "Write is_even(n) in Python.")
    ]
    requests = [Request(f"{i}#{j}", prompt, 10 * i + j) for i, prompt in enumerate(prompts) for j in range(2)]
    sampled = {s.id: s for s in engine_of(model, 0.8).generate(requests)}
    trees = [
        Tree(prompt, tuple(sampled[f"{i}#{j}"].token_ids for j in range(2)), (2 * i, 2 * i + 1))
        for i, prompt in enumerate(prompts)
    ]
    rows = pack(trees, 128)
    decoder = nnx.merge(model.graph, model.params)
    values, _ = packed_log_probs(decoder, packed_hidden(decoder, rows.model_inputs), rows.model_inputs, 0.8)
    for item in range(4):
        row, end = rows.last[item]
        expected = sampled[f"{item // 2}#{item % 2}"].log_probs
        np.testing.assert_allclose(
            np.asarray(values)[row, end + 1 - len(expected) : end + 1], expected, atol=1e-3
        )


@pytest.fixture(scope="module")
def exported(smollm2, tmp_path_factory):
    """(folder of its export in shards, transformers' model of that folder)."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("exported")
    (folder / "config.json").write_text((smollm2.folder / "config.json").read_text())
    tensors = export_tensors(smollm2.loaded.config, smollm2.loaded.params)
    write_safetensors(folder, tensors, np.dtype(np.float32), shard_bytes=2 * 10**8)
    return folder, transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def test_the_export_is_the_same_model_in_transformers(smollm2, exported):
    import torch

    model, (folder, theirs) = smollm2.loaded, exported
    ids = render_prompt(model.tokenizer, "Write a Python function that returns the larger of two numbers.")
    with torch.no_grad():
        expected = theirs(torch.tensor([ids])).logits[0].numpy()
        text = theirs.generate(torch.tensor([ids]), do_sample=False, max_new_tokens=24)[
            0, len(ids) :
        ].tolist()
    rows = pack([Tree(ids[:1], (ids[1:],), (0,))], len(ids)).model_inputs
    decoder = nnx.merge(model.graph, model.params)
    ours = np.asarray(decoder.logits(packed_hidden(decoder, rows)))[0]
    # The largest logit is near 38: in float32 one unit in its last place is 4e-6, 3e-6 of it is what was measured.
    assert np.abs(ours - expected).max() <= 1e-5 * np.abs(expected).max()
    (sampled,) = engine_of(model, 0, eos_ids=[2]).generate([Request("a", ids, 0)])
    assert list(sampled.token_ids) == text

    # Import, export, import: every bit is kept, through shards.
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    config = config_from_hf(model.hf_config, "here")
    _, again = import_tensors(config, read_safetensors(folder), str(folder))
    same = jax.tree.map(lambda a, b: bool(jnp.all(a == b)), model.params, again)
    assert all(jax.tree.leaves(same))


# What was measured, of the largest entry of each tensor and of the norm of them all: 6.4e-5 and 8.4e-6 for the first
# pair. The two rewards of the second hardly differ, so that most of the gradient cancels: torch in float32 is 2.4e-4
# and 1.9e-5 from torch in float64 there, we are 2.6e-4 and 3.7e-5.
@pytest.mark.parametrize(
    ("rejected", "of_a_tensor"),
    [
        pytest.param(
            "I cannot help with that, but here is a loop:\n```python\nfor i in range(10):\n    print(i)\n```",
            1e-4,
            id="another program",
        ),
        pytest.param(
            "```python\ndef add(a, b):\n    return a - b\n```",
            None,
            id="one character",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_bradley_terry_gradients_are_transformers(smollm2, exported, rejected, of_a_tensor):
    model, (_, theirs) = smollm2.loaded, exported
    task = "Write a Python function add(a, b) that returns the sum of two numbers."
    prompt = tuple(render_prompt(model.tokenizer, task))
    texts = ("```python\ndef add(a, b):\n    return a + b\n```", rejected)
    branches = tuple(tuple(model.tokenizer(text)["input_ids"]) for text in texts)
    score = 0.02 * np.random.default_rng(2).normal(size=model.config.hidden_size).astype(np.float32)
    found, expected = both_gradients(model, theirs, prompt, branches, score)
    # The end of a turn here: torch gives its row no gradient, wherever it stands.
    pad = theirs.config.pad_token_id
    found["model.embed_tokens.weight"] = np.array(found["model.embed_tokens.weight"])
    found["model.embed_tokens.weight"][pad] = expected["model.embed_tokens.weight"][pad] = 0
    apart = {name: found[name] - gradient for name, gradient in expected.items()}
    norm = np.sqrt(sum(np.sum(np.square(gradient, dtype=np.float64)) for gradient in expected.values()))
    assert np.sqrt(sum(np.sum(np.square(gap, dtype=np.float64)) for gap in apart.values())) <= 1e-4 * norm
    for name, gradient in expected.items():
        assert gradient.any(), name
        if of_a_tensor is not None:
            assert np.abs(apart[name]).max() <= of_a_tensor * np.abs(gradient).max(), name
