"""The paper's policy from Qwen2.5-Coder-7B-Instruct: REINFORCE++ on test verdicts or the reward model (section 3.3).

    acecoder train_policy --config=configs/train_policy/qwen2_5_coder_7b_instruct.py:rule,v5e:4x8 --workdir=runs/policy
    acecoder train_policy --config=configs/train_policy/qwen2_5_coder_7b_instruct.py:model,v5e:4x8 --workdir=runs/policy
    acecoder compile --config=configs/train_policy/qwen2_5_coder_7b_instruct.py --topology=v5e:4x8

The argument is the reward, "rule" or "model", and the slice that it runs on, with ",2" for two of them; either may be
left out. The imported policy, the questions (the hard quarter) and the reward model are folders beside the workdir.

Compiled with jax 0.10.2, a reward model and the splash kernel, `accumulate` takes 14.3 of 15.75 GiB a chip on v5e:4x8,
25.6 of 31.25 on v6e:4x4 and 49.7 of 95.7 on v5p:2x2x2; prefill, for one host, 12.8, 20.0 and 42.3.
"""

from pathlib import Path

from ml_collections import ConfigDict

from acecoder_jax.training.topology import chip_count, slice_argument

# The slices that it is meant for: ways in which every weight matrix and its heads are split, packed rows that such a
# group of chips takes at a time, and completions that it decodes at the same time.
SLICES = {"v5e:4x8": (4, 1, 64), "v6e:4x4": (2, 1, 32), "v5p:2x2x2": (1, 2, 64)}


def get_config(arg="rule,v5e:4x8", model="qwen2_5_coder_7b_instruct", steps=87):
    """The run of `arg`, which is REWARD, NAME, or REWARD,NAME with an optional ,SLICES behind.

    Args:
      arg: see above.
      model: the folder of the imported policy.
      steps: 87 rollout batches of 256 are one pass over a quarter of 89,422 questions.
    """
    reward, _, place = arg.partition(",") if arg.partition(",")[0] in ("rule", "model") else ("rule", "", arg)
    topology, chips = slice_argument(place or "v5e:4x8")
    tensor, rows, slots = SLICES.get(topology, (1, 1, 16))
    return ConfigDict(
        {
            "compile": {
                "stage": "train_policy",
                "architecture": str(Path(__file__).parents[1] / "architectures" / "qwen2_5_7b"),
                "topologies": tuple(SLICES),
            },
            "model": f"@{model}",
            "questions": "@hard",
            "reward": reward,
            "rule": "binary",
            "reward_model": "@reward_7b",
            "steps": steps,
            "prompts_per_step": 256,
            "samples": 8,
            "prompts_per_update": 16,  # 128 completions
            "algorithm": {"name": "reinforce_pp", "kl_coef": 0.01},
            "row_length": 4096,
            "rows_per_microbatch": chips // tensor * rows,
            "dtype": "bfloat16",  # of the computation; weights and optimizer stay float32
            "remat": "full",
            "mesh": {"data": -1, "fsdp": chip_count(topology) // tensor, "tensor": tensor},
            "sampling": {
                "temperature": 1.0,
                "max_prompt_tokens": 2048,
                "max_new_tokens": 2048,
                "slots": chips // tensor * slots,
                "tensor": tensor,
                "chunk": 16,
                "dtype": "bfloat16",
                "cache_dtype": "bfloat16",
            },
            "optimizer": {"learning_rate": 5e-7, "schedule": "constant", "warmup_share": 0.0},
        }
    )
