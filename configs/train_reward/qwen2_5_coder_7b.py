"""The paper's 7B reward model: Qwen2.5-Coder-7B-Instruct with a scalar head, every pair once (section 3.2).

    acecoder train_reward --config=configs/train_reward/qwen2_5_coder_7b.py:v5e:4x4 --workdir=runs/reward_7b
    acecoder compile --config=configs/train_reward/qwen2_5_coder_7b.py --topology=v5e:4x4

The argument is the slice that it runs on, with ",2" for two of them. The imported model and the pairs are folders
beside the workdir; `--config.model=` and `--config.pairs=` name others.

Compiled with jax 0.10.2: on v5e:4x4 the step that needs most, `accumulate`, takes 13.7 of 15.75 GiB a chip, with
attention by the splash kernel.
"""

from pathlib import Path

from ml_collections import ConfigDict

from acecoder_jax.training.topology import chip_count, slice_argument

# The slices that it is meant for: ways in which every weight matrix and its heads are split, without which the
# attention scores of a row do not fit the smaller chips, and packed rows that such a group of chips takes at a time.
SLICES = {"v5e:4x4": (4, 1), "v5e:4x8": (4, 1), "v6e:4x4": (1, 1), "v5p:2x2x2": (1, 2)}


def get_config(arg="v5e:4x4", model="qwen2_5_coder_7b_instruct", architecture="qwen2_5_7b", slices=SLICES):
    """The run on the slice `arg`: NAME or NAME,SLICES.

    Args:
      arg: see above.
      model: the folder of the imported policy.
      architecture: the folder of its shape in configs/architectures.
      slices: see `SLICES`.
    """
    topology, chips = slice_argument(arg)
    tensor, rows = slices.get(topology, (1, 1))
    return ConfigDict(
        {
            "compile": {
                "stage": "train_reward",
                "architecture": str(Path(__file__).parents[1] / "architectures" / architecture),
                "topologies": tuple(slices),
            },
            "model": f"@{model}",
            "pairs": "@pairs",
            "batch_pairs": 128,
            "epochs": 1,
            # Each side may have 2,048 tokens, as in the paper, and both stand in one row.
            "row_length": 4096,
            "rows_per_microbatch": chips // tensor * rows,
            "eval_every": 200,
            "checkpoint_every": 100,
            "dtype": "bfloat16",  # of the computation; weights and optimizer stay float32
            "remat": "full",
            "mesh": {"data": -1, "fsdp": chip_count(topology) // tensor, "tensor": tensor},
            "optimizer": {"learning_rate": 1e-5, "schedule": "cosine", "warmup_share": 0.1},
        }
    )
