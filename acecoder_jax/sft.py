"""Stage `sft`: next-token loss on the programs that passed (rejection sampling fine-tuning).

The baseline that every claim about reinforcement learning is held against, and a warm start for it: completions are
sampled, the sandbox grades them, and the policy is trained on its own right answers. Killed or interrupted, the same
command continues at the last checkpoint. On several hosts every one of them runs this; the first one writes.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from ml_collections import ConfigDict, config_dict
from tqdm import tqdm

from acecoder_jax.data.folders import OutputFolder, read_records, write_atomically
from acecoder_jax.data.pair_rows import with_end
from acecoder_jax.data.pipelines import completion_batches
from acecoder_jax.data.records import Completion, Question, Verdict
from acecoder_jax.errors import UserError, require_at_least
from acecoder_jax.models.decoder import Decoder
from acecoder_jax.models.folders import LoadedModel, load_model, save_params, write_model_files
from acecoder_jax.models.packed import packed_hidden, packed_log_probs
from acecoder_jax.training.checkpoints import Checkpoints, check_folder, checkpoint_config, remove_left
from acecoder_jax.training.interrupt import StopRequest, preemptible
from acecoder_jax.training.mesh import check_rows, make_mesh, param_shardings
from acecoder_jax.training.metrics import MetricsWriter, read_metrics
from acecoder_jax.training.policy_step import token_log_probs
from acecoder_jax.training.processes import is_first, open_output, wait
from acecoder_jax.training.profile import Profile
from acecoder_jax.training.throughput import Throughput, padding_share
from acecoder_jax.training.trainer import Trainer, make_optimizer, optimizer_config


def default_config() -> ConfigDict:
    """`model`, `questions`, `completions` and `verdicts` are folders, the last of `score`."""
    return ConfigDict(
        {
            "model": "",
            "questions": "",
            "completions": "",
            "verdicts": "",
            "least_pass_rate": 1.0,
            "most_per_question": 4,  # programs, so that easy questions do not drown the others; 0 for all
            "batch_completions": 128,
            "epochs": 2,
            "row_length": 4096,
            "rows_per_microbatch": 1,
            "eval_every": 50,
            "checkpoint_every": 50,
            "checkpoints": checkpoint_config(),
            "tensorboard": True,
            "wandb": config_dict.placeholder(str),  # a project of Weights & Biases that gets the metrics too
            "profile": False,  # an xprof trace of three steps, in the folder `profile`
            "seed": 0,
            "dtype": "float32",
            "remat": "full",
            "attention": "auto",
            "mesh": {"data": -1, "fsdp": 1, "tensor": 1},
            "sampling": {"temperature": 1.0},  # of the distribution that the loss is taken of
            "optimizer": optimizer_config(),
        }
    )


@preemptible()
def run(config: ConfigDict, workdir: Path) -> dict:
    """Train into `workdir`, which becomes a model folder; returns the counts."""
    require_at_least(
        1, config, "batch_completions", "epochs", "eval_every", "checkpoint_every", "checkpoints.keep_last"
    )
    inputs = [config.model, config.questions, config.completions, config.verdicts]
    output = open_output(workdir, "sft", config.to_dict(), inputs)
    if output.finished:
        remove_left(workdir, config.to_dict())
        return output.counts
    check_folder(config.checkpoints.folder)
    mesh = make_mesh(**config.mesh)
    check_rows(config.rows_per_microbatch, mesh)
    policy = load_model(config.model, "policy", partial(param_shardings, mesh=mesh))
    splits = {question.id: question.split for question in read_records(config.questions, Question)}
    rates = {verdict.completion_id: verdict.pass_rate for verdict in read_records(config.verdicts, Verdict)}
    sides: dict[str, list[Completion]] = {"train": [], "validation": []}
    for completion in read_records(config.completions, Completion):
        side = splits.get(completion.question_id)
        if side in sides:
            sides[side].append(completion)
    eos_id = policy.tokenizer.eos_token_id
    train, dropped = passed_programs(sides["train"], rates, config, eos_id)
    held_out, _ = passed_programs(sides["validation"], rates, config, eos_id)
    if not train:
        raise UserError(
            f"{config.verdicts}: no program of the train split passed ({dict(dropped)}); sample more of them, or lower"
            " config.least_pass_rate"
        )
    trainer, checkpoints = _train(config, workdir, policy, mesh, train, held_out)
    save_params(workdir, trainer.params)
    if is_first():
        counts = {"sampled_programs": len(sides["train"]), "train_programs": len(train)}
        counts["train_questions"] = len({completion.question_id for completion in train})
        counts |= {f"dropped_{why}": count for why, count in sorted(dropped.items())}
        write_model_files(workdir, policy.hf_config, policy.tokenizer, kind="policy", extra={})
        _finish(output, counts, len(held_out))
    wait("finished")
    checkpoints.remove()
    return output.counts


def _finish(output: OutputFolder, counts: dict, held_out: int) -> None:
    """Write the results and the manifest; what trained is written already."""
    losses = [line["eval/loss"] for line in read_metrics(output.path) if "eval/loss" in line]
    results = counts | {
        "eval_loss_before": losses[0] if losses else None,
        "eval_loss_after": losses[-1] if losses else None,
    }
    write_atomically(output.path / "results.json", json.dumps(results, indent=2))
    output.finish(**results)
    print(
        f"trained on {counts['train_programs']} of {counts['sampled_programs']} sampled programs; loss on {held_out}"
        f" unseen ones: {results['eval_loss_before']} -> {results['eval_loss_after']}"
    )


def _train(
    config: ConfigDict,
    workdir: Path,
    policy: LoadedModel,
    mesh: Mesh,
    train: Sequence[Completion],
    held_out: Sequence[Completion],
) -> tuple[Trainer, Checkpoints]:
    """The main loop, from the last checkpoint to the last step."""
    batches = completion_batches(
        train,
        batch_completions=config.batch_completions,
        epochs=config.epochs,
        row_length=config.row_length,
        rows=config.rows_per_microbatch,
        seed=config.seed,
    )
    optimizer = make_optimizer(config.optimizer, batches.steps)
    trainer = Trainer(policy.graph, policy.params, optimizer, _loss(config), mesh, workdir / "replay")
    checkpoints = Checkpoints(workdir, trainer, config.to_dict(), **config.checkpoints)
    checkpoints.restore(batches)
    metrics = MetricsWriter(
        workdir, trainer.step + 1 if trainer.step else 0, config.tensorboard, config.wandb
    )

    def evaluate() -> dict[str, float]:
        if not held_out:
            return {}
        found = token_log_probs(policy.graph, trainer.params, held_out, config)
        return {"eval/loss": -float(np.mean(np.concatenate(found))), "eval/programs": len(held_out)}

    profile = Profile(workdir / "profile" if config.profile else None, "sft")
    if trainer.step == 0:
        metrics.write(0, evaluate())
    speed = Throughput(policy.config)
    with (
        checkpoints,
        StopRequest() as stop,
        tqdm(
            total=batches.steps, initial=trainer.step, unit="step", desc="sft", disable=not is_first()
        ) as bar,
    ):
        while trainer.step < batches.steps:
            speed.restart()
            with profile.step(trainer.step + 1):
                microbatches = next(batches)
                values = trainer.update(microbatches)
            tokens = int(microbatches[0]["denominator"])
            values |= {"tokens": tokens, "padding_share": padding_share(microbatches)}
            values |= speed.step(microbatches, tokens)
            if trainer.step % config.eval_every == 0 or trainer.step == batches.steps:
                values |= evaluate()
            metrics.write(trainer.step, values)
            bar.update()
            bar.set_postfix(loss=values["loss"])
            stopping = stop.after(trainer.step)
            if trainer.step % config.checkpoint_every == 0 or trainer.step == batches.steps or stopping:
                checkpoints.save(trainer.step, batches)
            if stopping:
                checkpoints.close()
                stop.stop()
    profile.close()
    batches.close()
    metrics.close()
    return trainer, checkpoints


def passed_programs(
    completions: Sequence[Completion], rates: dict[str, float | None], config: ConfigDict, eos_id: int
) -> tuple[list[Completion], Counter[str]]:
    """The completions to train on, each with its end, and how many were dropped for which reason.

    Dropped are those that failed, that the sandbox had no word on, that were cut at the token limit (how they end is
    unknown), that say the same as an earlier one to the same question, or do not fit a row.
    """
    kept: dict[str, list[Completion]] = {}
    dropped: Counter[str] = Counter()
    seen = set()
    for completion in completions:
        rate = rates.get(completion.id)
        ids = with_end(completion.token_ids, eos_id)
        mine = kept.setdefault(completion.question_id, [])
        if rate is None:
            dropped["unscored"] += 1
        elif rate < config.least_pass_rate:
            dropped["failed"] += 1
        elif completion.finish_reason == "length":
            dropped["truncated"] += 1
        elif len(completion.prompt_ids) + len(ids) > config.row_length:
            dropped["too_long"] += 1
        elif (completion.question_id, ids) in seen:
            dropped["duplicate"] += 1
        elif config.most_per_question and len(mine) == config.most_per_question:
            dropped["surplus"] += 1
        else:
            seen.add((completion.question_id, ids))
            mine.append(dataclasses.replace(completion, token_ids=ids))
    return [completion for group in kept.values() for completion in group], dropped


def _loss(config: ConfigDict):
    def loss(model: Decoder, batch: dict):
        hidden = packed_hidden(model, batch, config.dtype, config.remat, config.attention)
        log_probs, _ = packed_log_probs(model, hidden, batch, config.sampling.temperature)
        return -jnp.sum(log_probs * batch["weights"]) / batch["denominator"], {}

    return loss
