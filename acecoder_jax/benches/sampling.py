"""`acecoder bench sampling`: the engine's useful tokens a second, beside the samplers that people would use instead.

The same weights, prompts, samples and stop ids for all, one after the other in one run. Compilation is left out of
every rate and stated. The machine's own limits are measured in the same run, and say how much of it a decode step uses.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ml_collections import ConfigDict, config_dict

from acecoder_jax.benches.limits import measure_limits
from acecoder_jax.benches.peers import Measured, transformers_generate, tunix_sampler
from acecoder_jax.data.folders import read_records
from acecoder_jax.data.prompts import render_prompt
from acecoder_jax.data.records import Question, Seed
from acecoder_jax.errors import UserError
from acecoder_jax.models.folders import LoadedModel, load_model
from acecoder_jax.sampling.engine import Engine
from acecoder_jax.sampling.layout import decode_mesh
from acecoder_jax.sampling.plan import ITEMSIZE
from acecoder_jax.sampling.requests import Request
from acecoder_jax.sampling.speculate import AUTO, AUTO_GUESSES
from acecoder_jax.sampling.warp import SamplingParams
from acecoder_jax.synthesis.decontaminate import EvaluationSets
from acecoder_jax.synthesis.duplicates import Duplicates
from acecoder_jax.synthesis.prompts import question_prompt, read_task
from acecoder_jax.synthesis.seed_files import LONGEST_PROGRAM
from acecoder_jax.synthesis.seed_sources import find_sources, select

PEERS = {"transformers": transformers_generate, "tunix": tunix_sampler}


def sampling_bench_config() -> ConfigDict:
    """`model` is a policy's folder."""
    return ConfigDict(
        {
            "model": config_dict.placeholder(str),
            "prompts": 32,
            "samples": 8,
            "max_new_tokens": 256,
            "slots": 128,
            "chunk": 4,
            "dtype": "float32",
            "cache_dtype": "float32",
            "weights_dtype": config_dict.placeholder(str),
            "speculate": AUTO,
            "attention": "auto",
            "tensor": 1,
            "guesses": AUTO_GUESSES,  # in the comparison of few slots with and without guessing
            "guessing_slots": 4,
            "guessing_prompts": 2,
            "peers": tuple(PEERS),
            "peer_batch": 64,
            "limit_side": 2048,  # of the square matrices
            "limit_megabytes": 512,  # of the array that is summed
        }
    )


def bench_sampling(config: ConfigDict, questions: str | None) -> dict[str, Any]:
    """Every number of the run, by name.

    Args:
      config: see `sampling_bench_config`.
      questions: a folder whose prompts are taken; None for the built-in seeds' own wordings.

    Raises:
      UserError: no model, an unknown peer, or settings that do not fit the memory.
    """
    if config.model is None:
        raise UserError("config.sampling.model: required; give a policy's folder, made by `acecoder import`")
    unknown = sorted(set(config.peers) - set(PEERS))
    if unknown:
        raise UserError(
            f"config.sampling.peers: {', '.join(unknown)} unknown; use some of {', '.join(PEERS)}"
        )
    model = load_model(config.model, "policy")
    prompts = _prompts(config, questions, model)
    eos = model.hf_config.get("eos_token_id")
    ends = sorted({*(eos if isinstance(eos, list) else [eos]), model.tokenizer.eos_token_id} - {None})
    results: dict[str, Any] = {"prompts": len(prompts), "samples": config.samples}
    results["prompt_tokens_most"] = max(map(len, prompts))
    ours = _ours(config, model, prompts, ends, results)
    results |= _guessing(config, model, prompts[: config.guessing_prompts], ends)
    each = [prompt for prompt in prompts for _ in range(config.samples)]
    for name in config.peers:
        theirs = PEERS[name](model, each, config.peer_batch, config.max_new_tokens, ends)
        if theirs is None:
            print(f"{name}: not installed here, or not for this model")
            continue
        results |= _rates(name, theirs)
        results[f"times_{name}"] = _rate(ours) / _rate(theirs)
    return results


def _ours(
    config: ConfigDict,
    model: LoadedModel,
    prompts: Sequence[tuple[int, ...]],
    ends: Sequence[int],
    results: dict,
) -> Measured:
    limits = measure_limits(config.dtype, config.limit_side, config.limit_megabytes)
    engine, measured, compiled = _run(config, model, prompts, ends, config.slots, config.speculate)
    stats = engine.stats
    results |= _rates("ours", measured)
    step_s = stats.full_s / max(stats.full_steps, 1)
    context = stats.full_context / max(stats.full_steps, 1)
    limit_s = limits.decode_step_s(model.config, engine.slots, context, ITEMSIZE[config.dtype])
    results |= {
        "slots": engine.slots,
        # Where all have a slot at once, nobody ever waited for one.
        "occupancy_until_last_admission": stats.admitting_busy / stats.admitting_slots
        if stats.admitting_slots
        else 1.0,
        "step_s": step_s,
        "step_limit_s": limit_s,
        "step_times_limit": step_s / limit_s,
        "prefill_tokens_per_s": stats.prefilled_tokens / stats.prefill_s,
        "memory_gb_per_s": limits.bytes_per_s / 1e9,
        "products_gflop_per_s": limits.flops_per_s / 1e9,
        "resharding_s": engine.load_s,
        "wide_steps": stats.wide_steps,
        "right_guesses": stats.right_guesses,
    }
    lengths = range(1, results["prompt_tokens_most"] + 1)
    each = [Request(f"{n}#{j}", (1,) * n, n + j, None, 1) for n in lengths for j in range(config.samples)]
    list(engine.generate(each))
    results["compilations_after_warm_up"] = engine.compilations() - compiled
    return measured


def _guessing(
    config: ConfigDict, model: LoadedModel, prompts: Sequence[tuple[int, ...]], ends: Sequence[int]
) -> dict[str, Any]:
    """The same requests in few slots, without guessing and with it: what a wide step yields, and what it costs."""
    rows = {}
    for name, guesses in (("plain", 0), ("guessing", config.guesses)):
        engine, measured, _ = _run(config, model, prompts, ends, config.guessing_slots, guesses)
        stats = engine.stats
        steps = stats.wide_steps or stats.decoded_tokens / engine.slots
        rows[name] = _rate(measured), (measured.seconds - stats.prefill_s) / steps, stats
    stats = rows["guessing"][2]
    return {
        "plain_in_few_slots_tokens_per_s": rows["plain"][0],
        "guessing_in_few_slots_tokens_per_s": rows["guessing"][0],
        # One draw in each busy slot, and one more for each right guess.
        "guessing_tokens_per_step": 1 + config.guesses * stats.right_guesses / stats.guessed_tokens,
        "guessing_step_times_plain_step": rows["guessing"][1] / rows["plain"][1],
        "times_guessing": rows["guessing"][0] / rows["plain"][0],
    }


def _run(
    config: ConfigDict,
    model: LoadedModel,
    prompts: Sequence[tuple[int, ...]],
    ends: Sequence[int],
    slots: int,
    speculate: int,
) -> tuple[Engine, Measured, int]:
    """An engine, warmed up, that has sampled every prompt, and what was compiled until it was warm."""
    engine = Engine(
        model.config,
        model.graph,
        SamplingParams(),
        max_prompt_tokens=max(map(len, prompts)),
        max_new_tokens=config.max_new_tokens,
        eos_ids=ends,
        slots=slots,
        chunk=config.chunk,
        dtype=config.dtype,
        cache_dtype=config.cache_dtype,
        weights_dtype=config.weights_dtype,
        speculate=speculate,
        attention=config.attention,
        mesh=decode_mesh(config.tensor),
    )
    print(f"sampling: {engine.plan}; {engine.attention}")
    engine.load(model.params)
    started = time.perf_counter()
    engine.warm_up(config.samples)
    warm_up_s, compiled = time.perf_counter() - started, engine.compilations()
    requests = [
        Request(f"{i}#{j}", prompt, 1000 * i + j)
        for i, prompt in enumerate(prompts)
        for j in range(config.samples)
    ]
    started = time.perf_counter()
    for _ in engine.generate(requests):
        pass
    stats, seconds = engine.stats, time.perf_counter() - started
    return engine, Measured(stats.useful_tokens, stats.decoded_tokens, seconds, warm_up_s), compiled


def _rates(name: str, measured: Measured) -> dict[str, Any]:
    return {
        f"{name}_useful_tokens_per_s": _rate(measured),
        f"{name}_useful_tokens": measured.useful_tokens,
        f"{name}_useful_share": measured.useful_tokens / measured.decoded_tokens,
        f"{name}_s": measured.seconds,
        f"{name}_compile_s": measured.compile_s,
    }


def _rate(measured: Measured) -> float:
    return measured.useful_tokens / measured.seconds


def _prompts(config: ConfigDict, questions: str | None, model: LoadedModel) -> list[tuple[int, ...]]:
    if questions is not None:
        texts = [question.prompt for question in read_records(questions, Question)]
    else:
        chosen = select(find_sources("builtin"), LONGEST_PROGRAM, Duplicates(1), EvaluationSets(8, 0.5))
        texts = [question_prompt(read_task(seed)) for seed in chosen if isinstance(seed, Seed)]
        texts = [text for text in texts if text is not None]
    if len(texts) < config.prompts:
        raise UserError(
            f"config.sampling.prompts: {config.prompts} asked for, and there are {len(texts)}; ask for fewer"
        )
    step = len(texts) // config.prompts  # from all over the set
    return [render_prompt(model.tokenizer, text) for text in texts[::step][: config.prompts]]
