"""Stage `train_reward`: a scalar head on the policy's backbone, trained with the Bradley-Terry loss.

One epoch over the pairs of the train split; accuracy is measured on pairs of questions never trained on, before and
after (paper, section 3.2). Killed or interrupted, the same command continues at the last checkpoint.
"""

from __future__ import annotations

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from flax import nnx
from ml_collections import ConfigDict
from tqdm import tqdm

from acecoder_jax.data.folders import OutputFolder, open_records, write_atomically
from acecoder_jax.data.pipelines import pair_batches
from acecoder_jax.data.records import PreferencePair
from acecoder_jax.data.shards import RecordSource
from acecoder_jax.errors import UserError
from acecoder_jax.models.decoder import RewardModel
from acecoder_jax.models.folders import LoadedModel, load_model, save_params, write_model_files
from acecoder_jax.models.huggingface import abstract_params
from acecoder_jax.models.packed import packed_hidden
from acecoder_jax.rewards.model import RewardScorer
from acecoder_jax.training.checkpoints import Checkpoints, checkpoint_config
from acecoder_jax.training.interrupt import StopRequest
from acecoder_jax.training.losses import bradley_terry
from acecoder_jax.training.mesh import check_rows, make_mesh
from acecoder_jax.training.metrics import MetricsWriter, read_metrics
from acecoder_jax.training.throughput import Throughput, padding_share
from acecoder_jax.training.trainer import Pending, Trainer, make_optimizer, optimizer_config

_PAIRS_OF_STATISTICS = 2048  # the mean and spread of rewards need no more


def default_config() -> ConfigDict:
    """`model` and `pairs` are folders; the recipe is the paper's."""
    return ConfigDict(
        {
            "model": "",
            "pairs": "",
            "batch_pairs": 128,
            "epochs": 1,
            "row_length": 2048,
            "rows_per_microbatch": 1,
            "workers": 0,  # processes that prepare batches; 0 for threads of this one
            "eval_every": 200,
            "checkpoint_every": 100,
            "checkpoints": checkpoint_config(),
            "tensorboard": True,
            "seed": 0,
            "dtype": "float32",
            "remat": "full",
            "mesh": {"data": -1, "fsdp": 1, "tensor": 1},
            "optimizer": optimizer_config(),
        }
    )


def run(config: ConfigDict, workdir: Path) -> dict:
    """Train into `workdir`, which becomes a model folder; returns the counts."""
    output = OutputFolder(workdir, "train_reward", config.to_dict(), [config.model, config.pairs])
    if output.finished:
        return output.counts
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
    policy = load_model(config.model, "policy")
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
        workers=config.workers,
    )
    total = batches.steps
    graph, params = _from_policy(policy)
    optimizer = make_optimizer(config.optimizer, total)
    trainer = Trainer(graph, params, optimizer, _loss(config), mesh, replay=output.path / "replay")
    speed = Throughput(policy.config)
    del policy, params
    checkpoints = Checkpoints(workdir, trainer, config.to_dict(), **config.checkpoints)
    checkpoints.restore(batches)
    metrics = MetricsWriter(workdir, trainer.step + 1 if trainer.step else 0, config.tensorboard)

    def evaluate() -> None:
        scorer = RewardScorer(graph, trainer.params, eos_id, row_length=config.row_length, dtype=config.dtype)
        metrics.write(trainer.step, _accuracy(scorer, held_out))

    if trainer.step == 0:
        evaluate()
    with (
        checkpoints,
        StopRequest() as stop,
        tqdm(total=total, initial=trainer.step, unit="step", desc="train_reward") as bar,
    ):

        def record(step: int, pending: Pending, microbatches: list[dict]) -> None:
            values = _step_metrics(pending.result(), microbatches) | speed.step(microbatches)
            values["pairs_per_s"] = int(microbatches[0]["denominator"]) / values["time/step_s"]
            metrics.write(step, values)
            bar.update()
            bar.set_postfix({key: f"{values[key]:.3f}" for key in ("loss", "accuracy", "padding_share")})

        speed.restart()
        under_way = None  # the step that the devices work on while its successor is prepared
        while trainer.step < total:
            microbatches = next(batches)
            started = trainer.start(microbatches)
            if under_way:
                record(*under_way)
            under_way = trainer.step, started, microbatches
            last, stopping = trainer.step == total, stop.after(trainer.step)
            evaluating = trainer.step % config.eval_every == 0 or last
            saving = trainer.step % config.checkpoint_every == 0 or stopping
            if evaluating or saving:
                record(*under_way)
                under_way = None
            if evaluating:
                evaluate()
            if saving:
                checkpoints.save(trainer.step, batches)
            if stopping:
                checkpoints.close()
                stop.stop()
            if evaluating or saving:
                speed.restart()
    batches.close()
    metrics.close()
    counts = _finish(config, output, trainer, graph, pairs, train, held_out, eos_id)
    checkpoints.remove()
    return counts


def _from_policy(policy: LoadedModel) -> tuple[nnx.GraphDef, nnx.State]:
    """A reward model whose backbone is the policy and whose head is zero."""
    graph, params = abstract_params(policy.config, reward_model=True)
    head = jnp.zeros(policy.config.hidden_size, jnp.float32)
    nnx.replace_by_pure_dict(params, {"backbone": nnx.to_pure_dict(policy.params), "score": head})
    return graph, params


def _loss(config: ConfigDict):
    def loss(model: RewardModel, batch: dict):
        hidden = packed_hidden(model.backbone, batch, config.dtype, config.remat)

        def rewards(columns):
            states = jnp.take_along_axis(hidden, columns[:, :, None], axis=1)
            return model.rewards(states.reshape(-1, states.shape[-1])).reshape(columns.shape)

        chosen, rejected, weight = rewards(batch["chosen"]), rewards(batch["rejected"]), batch["weight"]
        value = bradley_terry(chosen, rejected, weight, batch["denominator"])
        # A tie counts half, as in `_accuracy`: the head starts at zero, where all pairs tie.
        correct = jnp.sum((jnp.sign(chosen - rejected) + 1) / 2 * weight)
        return value, {"correct": correct, "margin": jnp.sum((chosen - rejected) * weight)}

    return loss


def _step_metrics(sums: dict[str, float], microbatches: list[dict]) -> dict[str, float]:
    count = int(microbatches[0]["denominator"])
    return {
        "loss": sums["loss"],
        "accuracy": sums["correct"] / count,
        "margin": sums["margin"] / count,
        "grad_norm": sums["grad_norm"],
        "padding_share": padding_share(microbatches),
    }


def _accuracy(scorer: RewardScorer, pairs: list[PreferencePair]) -> dict[str, float]:
    """Share of pairs in which the chosen side scores higher; a tie counts half."""
    if not pairs:
        return {"eval/pairs": 0}
    sides = [(p.prompt_ids, ids) for p in pairs for ids in (p.chosen_ids, p.rejected_ids)]
    scores = np.array(scorer.score_ids(sides)).reshape(-1, 2)
    difference = scores[:, 0] - scores[:, 1]
    return {
        "eval/accuracy": float(np.mean((difference > 0) + 0.5 * (difference == 0))),
        "eval/loss": float(np.mean(np.logaddexp(0, -difference))),
        "eval/pairs": len(pairs),
    }


def _finish(
    config: ConfigDict,
    output: OutputFolder,
    trainer: Trainer,
    graph,
    pairs: RecordSource[PreferencePair],
    train: list[int],
    held_out: list[PreferencePair],
    eos_id: int,
) -> dict:
    """Write the model folder, with the mean and spread of rewards over the (first) training pairs."""
    scorer = RewardScorer(graph, trainer.params, eos_id, row_length=config.row_length, dtype=config.dtype)
    first = [pairs[number] for number in train[:_PAIRS_OF_STATISTICS]]
    sides = {(p.prompt_ids, ids) for p in first for ids in (p.chosen_ids, p.rejected_ids)}
    scores = np.array(scorer.score_ids(sorted(sides)))
    extra = {"reward_mean": float(scores.mean()), "reward_spread": float(max(scores.std(), 1e-6))}
    source = load_model(config.model, "policy")
    write_model_files(output.path, source.hf_config, source.tokenizer, kind="reward", extra=extra)
    save_params(output.path, trainer.params)
    lines = read_metrics(output.path)
    accuracies = [line for line in lines if "eval/accuracy" in line]
    results = extra | {
        "train_pairs": len(train),
        "held_out_pairs": len(held_out),
        "padding_share": float(np.mean([line["padding_share"] for line in lines if "padding_share" in line])),
        "accuracy_before": accuracies[0]["eval/accuracy"] if accuracies else None,
        "accuracy_after": accuracies[-1]["eval/accuracy"] if accuracies else None,
    }
    write_atomically(output.path / "results.json", json.dumps(results, indent=2))
    output.finish(**results)
    before, after = results["accuracy_before"], results["accuracy_after"]
    print(f"padding: {results['padding_share']:.1%} of the tokens computed")
    print(f"pair accuracy on {len(held_out)} pairs of unseen questions: {before} -> {after}")
    return output.counts
