"""Stage `train_policy`: reinforcement learning on the sandbox's verdicts or a reward model (paper, section 3.3).

One step: prompts in, completions sampled by the engine and graded while others still decode, rewards, advantages
over the whole rollout batch, one or more clipped updates. REINFORCE++ as in the paper unless `algorithm` says
otherwise; rollout and update share one set of weights. Stopped or killed, the same command continues at the last
checkpoint. On several hosts every one of them runs this: each decodes and grades a share of the prompts, all update
together, and the first one writes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from ml_collections import ConfigDict, config_dict
from tqdm import tqdm

from acecoder_jax.data.folders import OutputFolder, read_records, write_atomically
from acecoder_jax.data.records import Question
from acecoder_jax.data.splits import choose
from acecoder_jax.errors import UserError
from acecoder_jax.models.folders import LoadedModel, load_model, save_params, write_model_files
from acecoder_jax.models.lora import lora_config
from acecoder_jax.rewards.combine import needs_model, reward_settings
from acecoder_jax.rewards.verdicts import Grader, sandbox_config
from acecoder_jax.sampling.complete import (
    Sampler,
    request_seed,
    require_questions,
    require_tests,
    sampling_config,
)
from acecoder_jax.training.algorithms import algorithm_config, choose_algorithm
from acecoder_jax.training.checkpoints import Checkpoints, check_folder, checkpoint_config, remove_left
from acecoder_jax.training.interrupt import StopRequest, preemptible
from acecoder_jax.training.kept_policies import KeptPolicies
from acecoder_jax.training.mesh import param_shardings
from acecoder_jax.training.metrics import MetricsWriter, read_metrics
from acecoder_jax.training.policy_parts import PolicyParts, check_policy_config, policy_parts
from acecoder_jax.training.policy_step import policy_step_loss
from acecoder_jax.training.processes import is_first, open_output, wait
from acecoder_jax.training.profile import Profile
from acecoder_jax.training.reference import remove_references
from acecoder_jax.training.rollouts import RolloutLog, collect, pass_metrics, require_graded
from acecoder_jax.training.stop_rules import refuse_to_go_on, stop_config
from acecoder_jax.training.trained_policy import TrainedPolicy
from acecoder_jax.training.trainer import optimizer_config


def default_config() -> ConfigDict:
    """`model` and `questions` are folders; the recipe is the paper's, the guards are on."""
    config = ConfigDict(
        {
            "model": "",
            "questions": "",
            "algorithm": algorithm_config(),
            **reward_settings(),
            "mode": "synchronous",  # or "one_step_ahead"
            "steps": 80,
            "prompts_per_step": 256,
            "samples": 8,
            "prompts_per_update": 16,  # the paper's train batch of 128 completions
            "drop_equal_groups": False,  # questions whose samples all got one reward, others in their place
            "most_refills": 3,  # rounds of sampling other questions for those dropped
            "mismatch": config_dict.placeholder(
                str
            ),  # `mismatch.CORRECTIONS`; None: only where rollouts are older
            "mismatch_low": 0.0,
            "mismatch_high": 2.0,
            "stop": stop_config(),
            "row_length": 4096,
            "rows_per_microbatch": 1,
            "eval_split": "validation",
            "eval_every": 10,
            "eval_samples": 4,
            "eval_questions": 0,  # 0 for all of the split
            "checkpoint_every": 10,
            "checkpoints": checkpoint_config(),
            "tensorboard": True,
            "wandb": config_dict.placeholder(str),  # a project of Weights & Biases that gets the metrics too
            "profile": False,  # an xprof trace of three steps, in the folder `profile`
            "export_every": 0,  # steps between Hugging Face folders of the policy; 0 for none
            "export_dtype": "bfloat16",
            "rollouts_logged": 8,  # per step
            "seed": 0,
            "dtype": "float32",
            "remat": "full",
            "attention": "auto",
            "lora": lora_config(),
            "mesh": {"data": -1, "fsdp": 1, "tensor": 1},
            "sampling": sampling_config(),
            "sandbox": sandbox_config(),
            "optimizer": optimizer_config(),
        }
    )
    # Taking wide steps by the clock would change the last bits of a run that is killed and resumed.
    config.sampling.speculate = 0
    config.optimizer.update(learning_rate=5e-7, schedule="constant", warmup_share=0.0)
    return config


@preemptible()
def run(config: ConfigDict, workdir: Path) -> dict:
    """Train into `workdir`, which becomes a model folder; returns the counts."""
    inputs = [config.model, config.questions] + ([config.reward_model] if needs_model(config) else [])
    output = open_output(workdir, "train_policy", config.to_dict(), inputs)
    if output.finished:
        remove_left(workdir, config.to_dict())
        remove_references(workdir)
        return output.counts
    check_folder(config.checkpoints.folder)
    questions = read_records(config.questions, Question)
    train = choose(questions, "train")
    evaluation = choose(questions, config.eval_split, config.eval_questions)
    require_questions(train, config.questions)
    require_tests(evaluation, config.questions)
    mesh = check_policy_config(config)
    policy = load_model(config.model, "policy", partial(param_shardings, mesh=mesh))
    sampler = Sampler(policy, config.sampling)
    with Grader(config.sandbox) as grader:
        parts = policy_parts(config, mesh, policy, train, sampler, grader, workdir)
        policy = replace(policy, params=None)  # from here on the trainer's are the ones

        def evaluate(step: int) -> dict[str, float]:
            if not evaluation or not _evaluates(config, step):
                return {}
            sampler.load(parts.policy.plain)
            return _evaluate(config, sampler, grader, evaluation, step)

        checkpoints = _train(config, workdir, parts, KeptPolicies(workdir, policy), evaluate)
    save_params(output.path, parts.policy.plain)
    parts.policy.write_adapters(output.path / "adapter", config.model)
    if is_first():
        _finish(output, parts, policy)
    wait("finished")
    checkpoints.remove()
    return output.counts


def _train(
    config: ConfigDict,
    workdir: Path,
    parts: PolicyParts,
    kept: KeptPolicies,
    evaluate: Callable[[int], dict[str, float]],
) -> Checkpoints:
    """The main loop, from the last checkpoint to the last step; returns the run's checkpoints.

    Args:
      evaluate: what there is to say of the policy after a step; nothing after most of them.
    """
    update, batches, reference = parts.update, parts.batches, parts.reference
    checkpoints = Checkpoints(workdir, parts.policy.trainer, config.to_dict(), **config.checkpoints)
    saved = (checkpoints.restore(batches) or {"step": 0})["step"]
    if reference and saved < config.steps:
        reference.resume(saved)
    # Every host has its own: what the first one writes reaches the others too late.
    history = [line for line in read_metrics(workdir) if 0 < line["step"] <= saved]
    # The evaluation of a step may have failed after its updates: its line is written again.
    again = history.pop() if history and _evaluates(config, saved) and not _evaluated(history[-1]) else None
    metrics = MetricsWriter(
        workdir, saved + (again is None) if saved else 0, config.tensorboard, config.wandb
    )
    log = RolloutLog(workdir, saved + 1)
    profile = Profile(workdir / "profile" if config.profile else None, "train_policy")

    def save(step: int) -> None:
        nonlocal saved
        if step > saved:
            checkpoints.save(step, batches)
            if reference:
                reference.forget(saved)  # that one is written; this one is still on its way
            saved = step

    def finish(step: int, values: dict) -> None:
        try:
            values |= evaluate(step)
            _keep(config, kept, history, step, values, parts.policy)
        finally:
            metrics.write(step, values)
            history.append(values)

    with (
        checkpoints,
        StopRequest() as stop,
        tqdm(
            total=config.steps, initial=saved, unit="step", desc="train_policy", disable=not is_first()
        ) as bar,
    ):
        if saved == 0:
            metrics.write(0, evaluate(0))
        if again is not None:
            finish(saved, again)
        for step in range(saved + 1, config.steps + 1):
            done, started = step - 1, time.perf_counter()
            try:
                with profile.step(step):
                    batch = batches.next(step)
                    done = step  # from here on the parameters change
                    values = batch.metrics | update(step, batch.completions, batch.kept_rewards)
                values["time/step_s"] = time.perf_counter() - started
                log.write(step, batch.rollout, batch.rewards, parts.rewards.hidden, config.rollouts_logged)
                if reference:
                    reference.renew(step)
                finish(step, values)
                refuse_to_go_on(config.stop, step, history)
            except UserError:
                save(done)
                raise
            bar.update()
            bar.set_postfix({"reward": values["reward/mean"], "pass": values["rollout/pass@1"]})
            stopping = stop.after(step)
            if step % config.checkpoint_every == 0 or step == config.steps or stopping:
                save(step)
            if stopping:
                checkpoints.close()
                stop.stop()
    profile.close()
    metrics.close()
    return checkpoints


def _loss(config: ConfigDict):
    """What `acecoder compile` lowers."""
    return policy_step_loss(config, choose_algorithm(config.algorithm))


def _evaluates(config: ConfigDict, step: int) -> bool:
    """Whether the policy is measured after a step; 0 is before the first one."""
    return step % config.eval_every == 0 or step == config.steps


def _evaluated(line: dict) -> bool:
    return "eval/pass@1" in line


def _evaluate(
    config: ConfigDict, sampler: Sampler, grader: Grader, questions: list[Question], step: int
) -> dict[str, float]:
    """Sampled pass rate on questions that are not trained on; the same draws every time.

    Raises:
      UserError: there is nothing to measure; see `require_graded`.
    """
    rollout = collect(sampler, grader, questions, config.eval_samples, request_seed(config.seed, "eval", 0))
    require_graded(rollout, f"evaluation after step {step}", config.sampling.max_prompt_tokens)
    return pass_metrics(rollout.verdicts, "eval") | {
        "eval/questions": len(questions),
        "eval/samples": config.eval_samples,
    }


def _keep(
    config: ConfigDict,
    kept: KeptPolicies,
    history: list[dict],
    step: int,
    values: dict,
    policy: TrainedPolicy,
) -> None:
    """Keep the policy if it is the best one of those in the earlier steps' metrics, and at milestones."""
    score = values.get("eval/pass@1")
    before = [line["eval/pass@1"] for line in history if _evaluated(line)]
    if score is not None and score > max(before, default=-1.0):
        kept.keep_best(step, score, policy.plain)
    if config.export_every and step % config.export_every == 0:
        kept.export(step, policy.plain, config.export_dtype)


def _finish(output: OutputFolder, parts: PolicyParts, policy: LoadedModel) -> None:
    """Write all but the parameters, which are written."""
    write_model_files(output.path, policy.hf_config, policy.tokenizer, kind="policy", extra={})
    evaluations = [line for line in read_metrics(output.path) if _evaluated(line)]
    results = {
        "eval_pass@1_before": None,
        "eval_pass@1_after": None,
        "best_step": None,
        "eval_pass@1_best": None,
    }
    if evaluations:
        rates = [line["eval/pass@1"] for line in evaluations]
        best = max(evaluations[1:], key=lambda line: line["eval/pass@1"])  # the earliest of equal ones
        results = {"eval_pass@1_before": rates[0], "eval_pass@1_after": rates[-1]}
        results |= {"best_step": best["step"], "eval_pass@1_best": best["eval/pass@1"]}
    write_atomically(output.path / "results.json", json.dumps(results, indent=2))
    output.finish(**results)
    remove_references(output.path)
    print(
        "sampled pass@1 on the evaluation split: {eval_pass@1_before} -> {eval_pass@1_after}, best"
        " {eval_pass@1_best} after step {best_step}".format(**results)
    )
