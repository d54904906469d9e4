"""The samplers that ours is measured against, on the same weights and prompts: transformers and google-tunix.

Both decode fixed batches until the last of a batch has ended. Neither is needed by anything else; whichever is not
installed is left out.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from acecoder_jax.models.folders import LoadedModel
from acecoder_jax.models.huggingface import export_tensors, write_safetensors


@dataclass(frozen=True)
class Measured:
    """Useful tokens are those up to and with the id that ends a completion."""

    useful_tokens: int
    decoded_tokens: int
    seconds: float
    compile_s: float


def transformers_generate(
    model: LoadedModel, prompts: Sequence[tuple[int, ...]], batch: int, new: int, ends: Sequence[int]
) -> Measured | None:
    """`generate` of transformers in float32 on torch, batch by batch; None without torch."""
    if importlib.util.find_spec("torch") is None:
        return None
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        _write_hf(model, Path(folder))
        theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def run(group: Sequence[tuple[int, ...]], most: int) -> np.ndarray:
        width = max(map(len, group))
        ids = torch.tensor([(0,) * (width - len(prompt)) + prompt for prompt in group])
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in group])
        with torch.inference_mode():
            out = theirs.generate(
                ids,
                attention_mask=mask,
                do_sample=True,
                temperature=1.0,
                top_k=0,
                top_p=1.0,
                max_new_tokens=most,
                eos_token_id=list(ends),
                pad_token_id=ends[0],
            )
        return out[:, width:].numpy()

    run(prompts[:batch], 2)  # the first call is slower
    return _measure(run, prompts, batch, new, ends, 0.0)


def tunix_sampler(
    model: LoadedModel, prompts: Sequence[tuple[int, ...]], batch: int, new: int, ends: Sequence[int]
) -> Measured | None:
    """google-tunix's own sampler in float32, batch by batch; None without the package or for another architecture."""
    if importlib.util.find_spec("tunix") is None or model.config.model_type != "llama":
        return None
    import jax.numpy as jnp
    from tunix.generate.sampler import CacheConfig, Sampler
    from tunix.models.llama3 import model as llama3
    from tunix.models.llama3.params import create_model_from_safe_tensors

    c = model.config
    settings = llama3.ModelConfig(
        num_layers=c.num_layers,
        vocab_size=c.vocab_size,
        embed_dim=c.hidden_size,
        hidden_dim=c.intermediate_size,
        num_heads=c.num_heads,
        head_dim=c.head_dim,
        num_kv_heads=c.num_kv_heads,
        rope_theta=int(c.rope.theta),
        norm_eps=c.rms_norm_eps,
        weight_tying=c.tie_word_embeddings,
    )
    with tempfile.TemporaryDirectory() as folder:
        _write_hf(model, Path(folder))
        theirs = create_model_from_safe_tensors(folder, settings, dtype=jnp.float32)
    longest = max(map(len, prompts))
    cache = CacheConfig(longest + new, c.num_layers, c.num_kv_heads, c.head_dim)
    sampler = Sampler(theirs, _IdTokenizer(ends[0]), cache)

    def run(group: Sequence[tuple[int, ...]], most: int) -> np.ndarray:
        out = sampler(
            list(group),
            most,
            max_prompt_length=longest,
            eos_tokens=list(ends),
            temperature=1.0,
            top_p=1.0,
            pad_output=True,
            seed=0,
        )
        return np.asarray(out.tokens)

    full = [
        prompts[i % len(prompts)] for i in range(-(-len(prompts) // batch) * batch)
    ]  # its shapes are fixed
    started = time.perf_counter()
    run(full[:batch], new)
    first = time.perf_counter() - started
    measured = _measure(run, full, batch, new, ends, first)
    steady = measured.seconds / (len(full) // batch)
    return Measured(measured.useful_tokens, measured.decoded_tokens, measured.seconds, first - steady)


class _IdTokenizer:
    """Token ids in, token ids out; the padding is an id that no chat prompt holds."""

    def __init__(self, end: int):
        self._end = end

    def encode(self, ids: Sequence[int]) -> list[int]:
        return list(ids)

    def decode(self, ids: Sequence[int]) -> str:
        return ""

    def bos_id(self) -> int:
        return 0

    def eos_id(self) -> int:
        return self._end

    def pad_id(self) -> int:
        return 0


def _measure(run, prompts, batch: int, new: int, ends: Sequence[int], compile_s: float) -> Measured:
    useful = decoded = 0
    started = time.perf_counter()
    for first in range(0, len(prompts), batch):
        tokens = run(prompts[first : first + batch], new)
        decoded += tokens.size
        for row in tokens:
            stops = np.flatnonzero(np.isin(row, ends))
            useful += int(stops[0]) + 1 if len(stops) else len(row)
    return Measured(useful, decoded, time.perf_counter() - started, compile_s)


def _write_hf(model: LoadedModel, folder: Path) -> None:
    import json

    (folder / "config.json").write_text(json.dumps(model.hf_config))
    write_safetensors(folder, export_tensors(model.config, model.params), np.dtype(np.float32))
