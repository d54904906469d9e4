"""Stage `train_policy`: REINFORCE++ with the sandbox's verdict or a reward model as the reward (paper, section 3.3).

One step: prompts in, completions sampled by the engine and graded while others still decode, rewards, advantages
whitened over every token of the rollout batch, one or more clipped updates. Rollout and update share one set of
weights. Left out on purpose: critics and per-group baselines, asynchrony. Stopped or killed, the same command
continues at the last checkpoint.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from flax import nnx
from ml_collections import ConfigDict, config_dict
from tqdm import tqdm

from acecoder_jax.data.folders import OutputFolder, read_records, write_atomically
from acecoder_jax.data.pipelines import prompt_batches
from acecoder_jax.data.policy_rows import fill, microbatches, pack_completions
from acecoder_jax.data.records import Completion, Question, Verdict
from acecoder_jax.data.splits import choose
from acecoder_jax.errors import UserError
from acecoder_jax.models.folders import load_model, save_params, write_model_files
from acecoder_jax.models.packed import packed_hidden, packed_log_probs
from acecoder_jax.rewards.model import RewardScorer
from acecoder_jax.rewards.rule import RULES, rule_reward
from acecoder_jax.rewards.verdicts import Grader, sandbox_config
from acecoder_jax.sampling.complete import Sampler, request_seed, require_questions, sampling_config
from acecoder_jax.training.advantages import ScoredRollouts
from acecoder_jax.training.algorithms import reinforce_pp
from acecoder_jax.training.checkpoints import Checkpoints, checkpoint_config
from acecoder_jax.training.interrupt import StopRequest
from acecoder_jax.training.kl import kl_penalties
from acecoder_jax.training.losses import clipped_surrogate
from acecoder_jax.training.mesh import check_rows, make_mesh
from acecoder_jax.training.metrics import MetricsWriter, read_metrics
from acecoder_jax.training.reference import ReferencePolicy
from acecoder_jax.training.rollouts import Rollout, RolloutLog, collect, pass_metrics
from acecoder_jax.training.trainer import Trainer, make_optimizer, optimizer_config


def default_config() -> ConfigDict:
    """`model` and `questions` are folders; the recipe is the paper's.

    `reward` is "rule" (see `rule`) or "model" (then `reward_model` is a folder).
    """
    config = ConfigDict(
        {
            "model": "",
            "questions": "",
            "reward": "rule",
            "rule": "binary",
            "reward_model": config_dict.placeholder(str),
            "reward_clip": 5.0,
            "steps": 80,
            "prompts_per_step": 256,
            "samples": 8,
            "prompts_per_update": 16,  # the paper's train batch of 128 completions
            "kl_coef": 0.01,
            "clip_low": 0.2,
            "clip_high": 0.2,
            "row_length": 4096,
            "rows_per_microbatch": 1,
            "eval_split": "validation",
            "eval_every": 10,
            "eval_samples": 4,
            "eval_questions": 0,  # 0 for all of the split
            "checkpoint_every": 10,
            "checkpoints": checkpoint_config(),
            "tensorboard": True,
            "rollouts_logged": 8,  # per step
            "seed": 0,
            "dtype": "float32",
            "remat": "full",
            "mesh": {"data": -1, "fsdp": 1, "tensor": 1},
            "sampling": sampling_config(),
            "sandbox": sandbox_config(),
            "optimizer": optimizer_config(),
        }
    )
    config.optimizer.update(learning_rate=5e-7, schedule="constant", warmup_share=0.0)
    return config


def run(config: ConfigDict, workdir: Path) -> dict:
    """Train into `workdir`, which becomes a model folder; returns the counts."""
    if config.reward == "model" and config.reward_model is None:
        raise UserError(
            "config.reward_model: required where config.reward is 'model'; give a folder of train_reward"
        )
    inputs = [config.model, config.questions] + ([config.reward_model] if config.reward == "model" else [])
    output = OutputFolder(workdir, "train_policy", config.to_dict(), inputs)
    if output.finished:
        return output.counts
    questions = read_records(config.questions, Question)
    train = choose(questions, "train")
    evaluation = choose(questions, config.eval_split, config.eval_questions)
    require_questions(train, config.questions)
    mesh = make_mesh(**config.mesh)
    check_rows(config.rows_per_microbatch, mesh)
    longest = config.sampling.max_prompt_tokens + config.sampling.max_new_tokens
    if config.row_length < longest:
        raise UserError(
            f"config.row_length: {config.row_length} tokens cannot hold sampling.max_prompt_tokens + max_new_tokens ="
            f" {longest}; raise row_length or lower those"
        )
    policy = load_model(config.model, "policy")
    reward = _reward_function(config)
    updates = config.steps * -(-config.prompts_per_step // config.prompts_per_update)
    optimizer = make_optimizer(config.optimizer, updates)
    trainer = Trainer(policy.graph, policy.params, optimizer, _loss(config), mesh, output.path / "replay")
    reference = ReferencePolicy(policy, config) if config.kl_coef else None
    prompts = prompt_batches(
        train, prompts_per_step=config.prompts_per_step, steps=config.steps, seed=config.seed
    )
    checkpoints = Checkpoints(workdir, trainer, config.to_dict(), **config.checkpoints)
    facts = checkpoints.restore(prompts) or {"step": 0}
    metrics = MetricsWriter(workdir, facts["step"] + 1 if facts["step"] else 0, config.tensorboard)
    rollouts = RolloutLog(workdir, facts["step"] + 1)
    sampler = Sampler(policy, config.sampling)
    with (
        checkpoints,
        Grader(config.sandbox) as grader,
        StopRequest() as stop,
        tqdm(total=config.steps, initial=facts["step"], unit="step", desc="train_policy") as bar,
    ):
        if facts["step"] == 0 and evaluation:
            metrics.write(0, _evaluate(config, sampler, grader, evaluation))
        for step in range(facts["step"] + 1, config.steps + 1):
            batch = next(prompts)
            sampler.load(trainer.params, f"step {step}")
            rollout = collect(
                sampler, grader, batch, config.samples, request_seed(config.seed, "rollout", step)
            )
            values = _update(config, trainer, reference, rollout, reward)
            trainer.step = step  # for messages: the updates of a step may be several, or none
            rollouts.write(step, rollout, config.rollouts_logged)
            if evaluation and (step % config.eval_every == 0 or step == config.steps):
                sampler.load(trainer.params)
                values |= _evaluate(config, sampler, grader, evaluation)
            metrics.write(step, values)
            bar.update()
            bar.set_postfix(
                {"reward": f"{values['reward/mean']:.3f}", "pass": f"{values['rollout/pass@1']:.3f}"}
            )
            stopping = stop.after(step)
            if step % config.checkpoint_every == 0 or stopping:
                checkpoints.save(step, prompts)
            if stopping:
                checkpoints.close()
                stop.stop()
    prompts.close()
    metrics.close()
    counts = _finish(output, trainer, policy)
    checkpoints.remove()
    return counts


def _reward_function(config: ConfigDict) -> Callable[[list[Completion], list[Verdict]], list[float | None]]:
    """What completions are worth; None leaves one out of the batch."""
    if config.reward == "rule":
        if config.rule not in RULES:
            raise UserError(f"config.rule: {config.rule!r} is unknown; use one of {', '.join(RULES)}")
        return lambda completions, verdicts: [rule_reward(verdict, config.rule) for verdict in verdicts]
    if config.reward != "model":
        raise UserError(f"config.reward: {config.reward!r} is unknown; use 'rule' or 'model'")
    scorer = RewardScorer.from_model(
        load_model(config.reward_model, "reward"), config.row_length, config.reward_clip, config.dtype
    )
    return lambda completions, verdicts: scorer.score(completions)


def _update(config: ConfigDict, trainer: Trainer, reference, rollout: Rollout, reward) -> dict[str, float]:
    """Rewards, advantages and the updates of one rollout batch; returns the step's metrics."""
    started = time.perf_counter()
    rewards = reward(rollout.completions, rollout.verdicts)
    kept = [i for i, value in enumerate(rewards) if value is not None]
    if not kept:
        raise UserError(
            f"step {trainer.step + 1}: the sandbox failed on all {len(rewards)} completions; see that this"
            " host has memory and processes to spare, then run the same command again"
        )
    completions = [rollout.completions[i] for i in kept]
    rollout.rewards = rewards
    terminal = [rewards[i] for i in kept]
    rewarded = time.perf_counter()
    log_probs = [np.asarray(c.log_probs, np.float32) for c in completions]
    reference_log_probs = reference.log_probs(completions) if reference else None
    penalties = kl_penalties(log_probs, reference_log_probs, config.kl_coef)
    advantages = reinforce_pp.advantages(
        ScoredRollouts(terminal, [c.question_id for c in completions], penalties)
    )
    if min(terminal) == max(terminal):
        # Nothing tells these completions apart. At first the KL term is only rounding, which whitening would blow up.
        advantages = [np.zeros_like(sequence) for sequence in advantages]
    values = {
        "reward/mean": float(np.mean(terminal)),
        "reward/std": float(np.std(terminal)),
        "reward/left_out": len(rewards) - len(kept),
        **pass_metrics(rollout.verdicts, "rollout"),
        "rollout/mean_tokens": float(np.mean([len(c.token_ids) for c in completions])),
        "rollout/truncated_share": float(np.mean([c.finish_reason == "length" for c in completions])),
        "rollout/no_program_share": float(np.mean([c.program is None for c in completions])),
        "rollout/tokens_per_s": sum(len(c.token_ids) for c in completions) / rollout.decode_s,
        "advantage/mean": float(np.mean(np.concatenate(advantages))),
        "advantage/std": float(np.std(np.concatenate(advantages))),
    }
    if reference:
        drift = np.concatenate(log_probs) - np.concatenate(reference_log_probs)
        values["policy/reference_kl"] = float(np.mean(drift))
    sums: dict[str, float] = {}
    tokens = updates = 0
    for chosen in _minibatches(completions, config.prompts_per_update):
        chunk = [completions[i] for i in chosen]
        packed = pack_completions(chunk, config.row_length, config.rows_per_microbatch)
        arrays = {
            "advantages": fill(packed, [advantages[i] for i in chosen]),
            "old_log_probs": fill(packed, [log_probs[i] for i in chosen]),
            "mask": (packed.item >= 0).astype(np.float32),
        }
        if not arrays["advantages"].any():
            continue  # there is nothing to learn, and no update is made
        denominator = arrays["mask"].sum()
        tokens += int(denominator)
        result = trainer.update(
            microbatches(packed, config.rows_per_microbatch, arrays, denominator=denominator)
        )
        sums = {key: sums.get(key, 0.0) + value for key, value in result.items()}
        updates += 1
    values["policy/updates"] = updates
    for key in ("loss", "grad_norm"):
        values[f"policy/{key}"] = sums.pop(key, 0.0) / max(updates, 1)
    values |= {f"policy/{key}": value / max(tokens, 1) for key, value in sums.items()}
    done = time.perf_counter()
    return values | {
        "time/decode_s": rollout.decode_s,
        "time/exposed_reward_s": rollout.waited_s + rewarded - started,
        "time/update_s": done - rewarded,
    }


def _minibatches(completions: list[Completion], prompts: int) -> list[list[int]]:
    """Completions by groups of whole prompts, in order."""
    by_question: dict[str, list[int]] = {}
    for i, completion in enumerate(completions):
        by_question.setdefault(completion.question_id, []).append(i)
    groups = list(by_question.values())
    return [sum(groups[start : start + prompts], []) for start in range(0, len(groups), prompts)]


def _loss(config: ConfigDict):
    def loss(model: nnx.Module, batch: dict):
        hidden = packed_hidden(model, batch, config.dtype, config.remat)
        log_probs, entropy = packed_log_probs(model, hidden, batch, config.sampling.temperature)
        value, sums = clipped_surrogate(
            log_probs,
            batch["old_log_probs"],
            batch["advantages"],
            batch["mask"],
            batch["denominator"],
            config.clip_low,
            config.clip_high,
        )
        return value, sums | {"entropy": (entropy * batch["mask"]).sum()}

    return loss


def _evaluate(
    config: ConfigDict, sampler: Sampler, grader: Grader, questions: list[Question]
) -> dict[str, float]:
    """Sampled pass rate on questions that are not trained on; the same draws every time."""
    rollout = collect(sampler, grader, questions, config.eval_samples, request_seed(config.seed, "eval", 0))
    return pass_metrics(rollout.verdicts, "eval") | {
        "eval/questions": len(questions),
        "eval/samples": config.eval_samples,
    }


def _finish(output: OutputFolder, trainer: Trainer, policy) -> dict:
    write_model_files(output.path, policy.hf_config, policy.tokenizer, kind="policy", extra={})
    save_params(output.path, trainer.params)
    evaluations = [line["eval/pass@1"] for line in read_metrics(output.path) if "eval/pass@1" in line]
    results = {"eval_pass@1_before": None, "eval_pass@1_after": None}
    if evaluations:
        results = {"eval_pass@1_before": evaluations[0], "eval_pass@1_after": evaluations[-1]}
    write_atomically(output.path / "results.json", json.dumps(results, indent=2))
    output.finish(**results)
    print(
        "sampled pass@1 on the evaluation split: {eval_pass@1_before} -> {eval_pass@1_after}".format(
            **results
        )
    )
    return output.counts
