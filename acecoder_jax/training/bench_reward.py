"""`acecoder bench train_reward`: our reward-model step and TRL's `RewardTrainer`, side by side on the same pairs.

Every row of the table is measured in a process of its own, one after the other, so that its peak memory is its own.
All rows take the same batches in the same order. Ours goes through them twice and the second pass counts: the first
one compiles a program for each length of rows, and is reported. TRL's first step is left out.

`pairs_per_s` counts pairs; `real_tokens_per_s` counts both sides of a pair with their prompts, whether computed once
or twice, so that rows compare; `padding_share` is the share of the computed tokens that is none of these.
"""

from __future__ import annotations

import importlib.util
import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict, config_dict

from acecoder_jax.data.folders import open_records
from acecoder_jax.data.pair_rows import pair_microbatches, with_end
from acecoder_jax.data.records import PreferencePair
from acecoder_jax.errors import UserError
from acecoder_jax.models.folders import load_model
from acecoder_jax.models.huggingface import export_tensors, write_safetensors

# Name of a row -> library, compute dtype, whether prompts are shared.
ROWS = {
    "trl": ("trl", "float32", False),
    "packed": ("ours", "float32", False),
    "shared prompts": ("ours", "float32", True),
    "trl bf16 autocast": ("trl", "bfloat16", False),
    "shared prompts bf16": ("ours", "bfloat16", True),
}


def bench_reward_config() -> ConfigDict:
    """`model` is a folder; of the pairs those count whose sides have at most `longest` tokens, prompt included."""
    return ConfigDict(
        {
            "model": config_dict.placeholder(str),
            "batch_pairs": 8,
            "steps": 4,
            "longest": 512,
            "row_length": 1280,  # twice `longest` and some more: half the padding of rows that just hold a pair
            "rows_per_microbatch": 1,
            "remat": "dots",
            "rows": tuple(ROWS),
        }
    )


def compare(config: ConfigDict, pairs: str | None, seed: int, workdir: Path) -> dict[str, Any]:
    """Every row of the table; prints it.

    Raises:
      UserError: no model or pairs are given, they do not belong together, there are too few, rows would cut them, or
        TRL is not installed.
    """
    spec = config.to_dict() | {"pairs": pairs, "seed": seed, "hf_folder": str(workdir / "hf")}
    unknown = [name for name in config.rows if name not in ROWS]
    if unknown:
        raise UserError(f"config.train_reward.rows: {unknown[0]!r} is unknown; use some of {', '.join(ROWS)}")
    if config.model is None or pairs is None:
        raise UserError(
            "config.train_reward.model, config.pairs: both folders are required by this benchmark"
        )
    if config.row_length < 2 * config.longest:
        raise UserError(
            f"config.train_reward.row_length: both sides of a pair stand in one row, so {config.row_length} would cut"
            f" sides of up to {config.longest} tokens; give {2 * config.longest} or more, or lower `longest`"
        )
    if any(ROWS[name][0] == "trl" for name in config.rows):
        if importlib.util.find_spec("trl") is None:
            raise UserError(
                "trl: not installed; pip install '.[test]', or leave it out of config.train_reward.rows"
            )
        _write_hf_folder(config.model, Path(spec["hf_folder"]))
    batches(spec)  # refuses before any row is run
    results = {}
    for name in config.rows:
        command = [sys.executable, "-m", "acecoder_jax.training.bench_reward", name, json.dumps(spec)]
        ended = subprocess.run(command, capture_output=True, text=True)
        if ended.returncode:
            last = (ended.stderr.strip().splitlines() or [f"status {ended.returncode}"])[-1]
            raise UserError(f"bench train_reward: the row {name!r} failed: {last}")
        results[name] = json.loads(ended.stdout.splitlines()[-1])
        print(_line(name, results[name]), flush=True)
    return results | _ratios(results)


def batches(spec: Mapping[str, Any]) -> list[list[PreferencePair]]:
    """The same `steps` + 1 batches for every row; the first one is for warming up.

    Raises:
      UserError: there are too few pairs that are short enough, or they hold ids that the model does not have.
    """
    records = open_records(spec["pairs"], PreferencePair)
    order = np.random.default_rng(spec["seed"]).permutation(len(records))
    needed, chosen = (spec["steps"] + 1) * spec["batch_pairs"], []
    for number in order:
        pair = records[int(number)]
        if max(len(pair.chosen_ids), len(pair.rejected_ids)) + len(pair.prompt_ids) < spec["longest"]:
            chosen.append(pair)
        if len(chosen) == needed:
            break
    if len(chosen) < needed:
        raise UserError(
            f"{spec['pairs']}: {len(chosen)} pairs are short enough, and {needed} are needed; lower"
            " config.train_reward.steps or batch_pairs"
        )
    vocabulary = json.loads((Path(spec["model"]) / "config.json").read_text())["vocab_size"]
    if max(max(p.prompt_ids + p.chosen_ids + p.rejected_ids) for p in chosen) >= vocabulary:
        raise UserError(
            f"{spec['pairs']}: holds token ids that {spec['model']} does not have; make the pairs with its tokenizer"
        )
    size = spec["batch_pairs"]
    return [chosen[start : start + size] for start in range(0, needed, size)]


def _real_tokens(pairs: Sequence[PreferencePair], eos_id: int) -> int:
    """Tokens of both sides, each with its prompt."""
    ends = [len(with_end(ids, eos_id)) for p in pairs for ids in (p.chosen_ids, p.rejected_ids)]
    return sum(ends) + 2 * sum(len(p.prompt_ids) for p in pairs)


def _ours(spec: Mapping[str, Any], dtype: str, share: bool) -> dict[str, Any]:
    """Two passes over the batches with our trainer on one device; the second one counts."""
    import jax

    from acecoder_jax.training.mesh import make_mesh
    from acecoder_jax.training.reward_step import in_reward, loss_config, reward_from_policy, reward_loss
    from acecoder_jax.training.trainer import Trainer, make_optimizer, optimizer_config

    policy = load_model(spec["model"], "policy")
    eos_id = policy.tokenizer.eos_token_id
    settings = ConfigDict(
        {"dtype": dtype, "remat": spec["remat"], "attention": "auto", "loss": loss_config()}
    )
    graph, params = reward_from_policy(policy)
    optimizer = make_optimizer(optimizer_config(), 1000)
    mesh = make_mesh(devices=jax.devices()[:1])
    trainer = Trainer(graph, params, optimizer, reward_loss(settings), mesh, trains=in_reward)
    del policy, params
    shape = spec["row_length"], spec["rows_per_microbatch"]
    steps = [list(pair_microbatches(pairs, eos_id, *shape, share)) for pairs in batches(spec)]
    passes = []
    for _ in range(2):
        started, busy = time.perf_counter(), time.process_time()
        losses = [trainer.update(microbatches)["loss"] for microbatches in steps[1:]]
        passes.append((time.perf_counter() - started, time.process_time() - busy))
    computed = sum(m["tree"].size for step in steps[1:] for m in step)
    filled = sum(int((m["tree"] > 0).sum()) for step in steps[1:] for m in step)
    real = sum(_real_tokens(pairs, eos_id) for pairs in batches(spec)[1:])
    about = {"first_pass_s": passes[0][0], "last_loss": losses[-1]}
    return _rates(spec, passes[1], real, computed, 1 - filled / computed) | about


def _trl(spec: Mapping[str, Any], dtype: str) -> dict[str, Any]:
    """TRL's trainer on the same batches, without the checkpointing of activations, which is slower."""
    import torch
    from datasets import Dataset
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, TrainerCallback
    from trl import RewardConfig, RewardTrainer

    tokenizer = AutoTokenizer.from_pretrained(spec["hf_folder"])
    model = AutoModelForSequenceClassification.from_pretrained(
        spec["hf_folder"], num_labels=1, dtype=torch.float32
    )
    model.config.pad_token_id = tokenizer.pad_token_id
    eos_id, pairs = tokenizer.eos_token_id, sum(batches(spec), [])
    sides = {
        f"{side}_ids": [list(p.prompt_ids + with_end(getattr(p, f"{side}_ids"), eos_id)) for p in pairs]
        for side in ("chosen", "rejected")
    }
    arguments = RewardConfig(
        output_dir=str(Path(spec["hf_folder"]).parent / "trl"),
        per_device_train_batch_size=spec["batch_pairs"],
        max_steps=spec["steps"] + 1,
        learning_rate=1e-5,
        bf16=dtype == "bfloat16",
        gradient_checkpointing=False,
        use_cpu=not torch.cuda.is_available(),
        max_length=None,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    times, sizes = [], []

    class Clock(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            times.append((time.perf_counter(), time.process_time()))

    trainer = RewardTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict(sides),
        processing_class=tokenizer,
        callbacks=[Clock()],
    )
    trainer._get_train_sampler = lambda dataset=None: torch.utils.data.SequentialSampler(
        dataset if dataset is not None else trainer.train_dataset
    )
    collate = trainer.data_collator

    def counted(examples: list[Any]) -> Any:
        batch = collate(examples)
        sizes.append((batch["attention_mask"].numel(), int(batch["attention_mask"].sum())))
        return batch

    trainer.data_collator = counted
    trainer.train()
    computed, real = (sum(column) for column in zip(*sizes[1 : spec["steps"] + 1]))
    spent = tuple(end - start for start, end in zip(times[0], times[-1]))
    return _rates(spec, spent, real, computed, 1 - real / computed)


def _rates(
    spec: Mapping[str, Any], spent: tuple[float, float], real: int, computed: int, padding: float
) -> dict[str, Any]:
    """A row's numbers from its seconds and processor seconds; the latter also compare on a machine that is busy."""
    pairs, (seconds, busy) = spec["steps"] * spec["batch_pairs"], spent
    return {
        "pairs_per_s": pairs / seconds,
        "real_tokens_per_s": real / seconds,
        "computed_tokens_per_s": computed / seconds,
        "padding_share": padding,
        "peak_memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "seconds": seconds,
        "cpu_s_per_pair": busy / pairs,
    }


def _ratios(results: Mapping[str, Any]) -> dict[str, float]:
    """Our rows against TRL's in the same dtype."""
    against = {"packed": "trl", "shared prompts": "trl", "shared prompts bf16": "trl bf16 autocast"}
    found = {}
    for ours, theirs in against.items():
        if ours in results and theirs in results:
            found[f"{ours}: times {theirs}'s pairs_per_s"] = (
                results[ours]["pairs_per_s"] / results[theirs]["pairs_per_s"]
            )
            found[f"{ours}: share of {theirs}'s memory"] = (
                results[ours]["peak_memory_gib"] / results[theirs]["peak_memory_gib"]
            )
    return found


def _line(name: str, row: Mapping[str, float]) -> str:
    return (
        f"{name:20} {row['pairs_per_s']:8.3f} pairs/s {row['real_tokens_per_s']:8.1f} real tokens/s"
        f" {row['padding_share']:6.1%} padding {row['peak_memory_gib']:6.2f} GiB"
    )


def _write_hf_folder(model: str, folder: Path) -> None:
    """The policy as transformers reads it, in float32."""
    policy = load_model(model, "policy")
    policy.tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps(policy.hf_config))
    write_safetensors(folder, export_tensors(policy.config, policy.params), np.dtype(np.float32))


def _main(name: str, spec: dict[str, Any]) -> None:
    library, dtype, share = ROWS[name]
    print(json.dumps(_trl(spec, dtype) if library == "trl" else _ours(spec, dtype, share)))


if __name__ == "__main__":
    _main(sys.argv[1], json.loads(sys.argv[2]))
