"""Stage `train_reward`: a scalar head on the policy's backbone, trained with the Bradley-Terry loss.

One epoch over the pairs of the train split; accuracy is measured on pairs of questions never trained on, before and
after (paper, section 3.2). Killed or interrupted, the same command continues at the last checkpoint. On several hosts
every one of them runs this; the first one writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import jax
import numpy as np
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P
from ml_collections import ConfigDict, config_dict
from tqdm import tqdm

from acecoder_jax.data.folders import OutputFolder, open_records, write_atomically
from acecoder_jax.data.pipelines import Batches, pair_batches
from acecoder_jax.data.records import PreferencePair
from acecoder_jax.errors import UserError, require_at_least
from acecoder_jax.models.folders import load_model, save_params, write_model_files
from acecoder_jax.models.lora import is_adapter, lora_config, merged, with_adapters, write_adapter
from acecoder_jax.rewards.model import RewardScorer
from acecoder_jax.training.checkpoints import Checkpoints, check_folder, checkpoint_config, remove_left
from acecoder_jax.training.interrupt import StopRequest, preemptible
from acecoder_jax.training.mesh import check_rows, make_mesh, param_shardings, rows_of_this_host
from acecoder_jax.training.metrics import MetricsWriter, read_metrics
from acecoder_jax.training.processes import is_first, open_output, wait
from acecoder_jax.training.profile import Profile
from acecoder_jax.training.reward_step import in_reward, loss_config, reward_from_policy, reward_loss
from acecoder_jax.training.throughput import Throughput, padding_share
from acecoder_jax.training.trainer import Pending, Trainer, make_optimizer, optimizer_config, split_params

_PAIRS_OF_STATISTICS = 2048  # the mean and spread of rewards need no more


def default_config() -> ConfigDict:
    """`model` and `pairs` are folders; the recipe is the paper's.

    `rows_per_microbatch` counts the packed rows of all devices together, so that microbatches, their padding and
    their rounding do not depend on the machine; it is a multiple of the mesh's `data` x `fsdp`.
    """
    return ConfigDict(
        {
            "model": "",
            "pairs": "",
            "batch_pairs": 128,
            "epochs": 1,
            "row_length": 2048,
            "rows_per_microbatch": 1,
            "share_prompts": True,  # False: each side of a pair with its own, for comparison
            "loss": loss_config(),
            "workers": 0,  # processes that prepare batches; 0 for threads of this one
            "eval_every": 200,
            "checkpoint_every": 100,
            "checkpoints": checkpoint_config(),
            "tensorboard": True,
            "wandb": config_dict.placeholder(str),  # a project of Weights & Biases that gets the metrics too
            "profile": False,  # an xprof trace of three steps, in the folder `profile`
            "seed": 0,
            "dtype": "float32",
            "remat": "full",
            "attention": "auto",
            "lora": lora_config(),
            "mesh": {"data": -1, "fsdp": 1, "tensor": 1},
            "optimizer": optimizer_config(),
        }
    )


@preemptible()
def run(config: ConfigDict, workdir: Path) -> dict:
    """Train into `workdir`, which becomes a model folder; returns the counts."""
    require_at_least(
        1, config, "batch_pairs", "epochs", "eval_every", "checkpoint_every", "checkpoints.keep_last"
    )
    output = open_output(workdir, "train_reward", config.to_dict(), [config.model, config.pairs])
    if output.finished:
        remove_left(workdir, config.to_dict())
        return output.counts
    check_folder(config.checkpoints.folder)
    pairs = open_records(config.pairs, PreferencePair)
    train, held_out = [], []  # the numbers of the one, the pairs of the other: the train split may be large
    for number, pair in enumerate(pairs):
        if pair.split == "train":
            train.append(number)
        else:
            held_out.append(pair)
    if not train:
        raise UserError(
            f"{config.pairs}: holds no pairs of the train split; sample more programs per question"
        )
    mesh = make_mesh(**config.mesh)
    check_rows(config.rows_per_microbatch, mesh)
    policy = load_model(config.model, "policy", partial(param_shardings, mesh=mesh))
    eos_id = policy.tokenizer.eos_token_id
    batches = pair_batches(
        pairs,
        train,
        eos_id=eos_id,
        batch_pairs=config.batch_pairs,
        epochs=config.epochs,
        row_length=config.row_length,
        rows=config.rows_per_microbatch,
        seed=config.seed,
        share_prompts=config.share_prompts,
        workers=config.workers,
        mine=rows_of_this_host(config.rows_per_microbatch, mesh),
    )
    graph, params = reward_from_policy(policy)
    decoder, trains = policy.config, in_reward
    if config.lora.rank:
        decoder, graph, params = with_adapters(decoder, params, config.lora, config.seed)
        trains = is_adapter
    optimizer = make_optimizer(config.optimizer, batches.steps)
    trainer = Trainer(graph, params, optimizer, reward_loss(config), mesh, output.path / "replay", trains)
    policy = replace(policy, params=None)  # from here on the trainer's are the only ones
    del params
    checkpoints = Checkpoints(workdir, trainer, config.to_dict(), **config.checkpoints)

    def score(texts: list[tuple]) -> np.ndarray:
        shape = {"row_length": config.row_length, "dtype": config.dtype}
        return np.array(RewardScorer(graph, trainer.params, eos_id, **shape, mesh=mesh).score_ids(texts))

    with checkpoints:
        speed = Throughput(decoder)
        _train(config, workdir, trainer, checkpoints, batches, speed, lambda: _accuracy(score, held_out))
    first = [pairs[number] for number in train[:_PAIRS_OF_STATISTICS]]
    scores = score(sorted({(p.prompt_ids, ids) for p in first for ids in (p.chosen_ids, p.rejected_ids)}))
    extra = {"reward_mean": float(scores.mean()), "reward_spread": float(max(scores.std(), 1e-6))}
    save_params(output.path, merged(decoder, trainer.params))
    if config.lora.rank:
        adapters = jax.device_put(split_params(trainer.params, trains)[0], NamedSharding(mesh, P()))
    if is_first():
        if config.lora.rank:
            write_adapter(output.path / "adapter", decoder, adapters, config.model)
        write_model_files(output.path, policy.hf_config, policy.tokenizer, kind="reward", extra=extra)
        _finish(output, extra | {"train_pairs": len(train), "held_out_pairs": len(held_out)})
    wait("finished")
    checkpoints.remove()
    return output.counts


def _train(
    config: ConfigDict,
    workdir: Path,
    trainer: Trainer,
    checkpoints: Checkpoints,
    batches: Batches[list[dict]],
    speed: Throughput,
    evaluate: Callable[[], dict[str, float]],
) -> None:
    """The main loop, from the last checkpoint to the last step."""
    checkpoints.restore(batches)
    metrics = MetricsWriter(
        workdir, trainer.step + 1 if trainer.step else 0, config.tensorboard, config.wandb
    )
    profile = Profile(workdir / "profile" if config.profile else None, "train_reward")
    if trainer.step == 0:
        metrics.write(0, evaluate())
    total, under_way = (
        batches.steps,
        None,
    )  # the step that the devices work on while its successor is prepared
    with (
        StopRequest() as stop,
        tqdm(
            total=total, initial=trainer.step, unit="step", desc="train_reward", disable=not is_first()
        ) as bar,
    ):

        def record(step: int, pending: Pending, microbatches: list[dict]) -> None:
            values = _step_metrics(pending.result(), microbatches) | speed.step(microbatches)
            values["pairs_per_s"] = int(microbatches[0]["denominator"]) / values["time/step_s"]
            metrics.write(step, values)
            bar.update()
            bar.set_postfix({key: f"{values[key]:.3f}" for key in ("loss", "accuracy", "padding_share")})

        speed.restart()
        while trainer.step < total:
            with profile.step(trainer.step + 1):
                microbatches = next(batches)
                started = trainer.start(microbatches)
                if under_way:
                    record(*under_way)
            under_way, step = (trainer.step, started, microbatches), trainer.step
            stopping = stop.after(step)
            evaluating = step % config.eval_every == 0 or step == total
            saving = step % config.checkpoint_every == 0 or step == total or stopping
            if evaluating or saving:
                record(*under_way)
                under_way = None
                if evaluating:
                    metrics.write(step, evaluate())
                if saving:
                    checkpoints.save(step, batches)
                speed.restart()
            if stopping:
                checkpoints.close()
                stop.stop()
    profile.close()
    batches.close()
    metrics.close()


def _loss(config: ConfigDict):
    """What `acecoder compile` lowers."""
    return reward_loss(config)


def _step_metrics(sums: dict[str, float], microbatches: list[dict]) -> dict[str, float]:
    count = int(microbatches[0]["denominator"])
    return {
        "loss": sums["loss"],
        "accuracy": sums["correct"] / count,
        "margin": sums["margin"] / count,
        "grad_norm": sums["grad_norm"],
        "padding_share": padding_share(microbatches),
    }


def _accuracy(score: Callable[[list[tuple]], np.ndarray], pairs: list[PreferencePair]) -> dict[str, float]:
    """Share of pairs in which the chosen side scores higher; a tie counts half."""
    if not pairs:
        return {"eval/pairs": 0}
    scores = score([(p.prompt_ids, ids) for p in pairs for ids in (p.chosen_ids, p.rejected_ids)])
    difference = scores[::2] - scores[1::2]
    return {
        "eval/accuracy": float(np.mean((difference > 0) + 0.5 * (difference == 0))),
        "eval/loss": float(np.mean(np.logaddexp(0, -difference))),
        "eval/pairs": len(pairs),
    }


def _finish(output: OutputFolder, results: dict) -> None:
    """Write the results and the manifest; what trained is written already."""
    lines = read_metrics(output.path)
    accuracies = [line["eval/accuracy"] for line in lines if "eval/accuracy" in line] or [None]
    results |= {
        "padding_share": float(np.mean([line["padding_share"] for line in lines if "padding_share" in line])),
        "accuracy_before": accuracies[0],
        "accuracy_after": accuracies[-1],
    }
    write_atomically(output.path / "results.json", json.dumps(results, indent=2))
    output.finish(**results)
    print(f"padding: {results['padding_share']:.1%} of the tokens computed")
    print(
        f"pair accuracy on {results['held_out_pairs']} pairs of unseen questions:"
        f" {accuracies[0]} -> {accuracies[-1]}"
    )
