"""The demo's stages with more samples and updates: about an hour on two CPU cores.

    acecoder demo --config=configs/smollm2_easy.py --workdir=runs/smollm2_easy

The argument is the seed of the reinforcement learning runs:

    acecoder demo --config=configs/smollm2_easy.py:1 --workdir=runs/smollm2_easy_1
"""

import runpy
from pathlib import Path


def get_config(seed="0"):
    """The demo's pipeline with larger numbers."""
    pipeline = runpy.run_path(str(Path(__file__).with_name("demo.py")))["get_config"]
    return pipeline(
        sampled_questions=100,
        held_out_questions=0,
        samples=8,
        reward_epochs=1,
        rl_steps=40,
        rl_model_steps=10,
        rl_prompts=8,
        rl_eval_every=10,
        rl_eval_questions=0,
        rl_eval_samples=4,
        seed=int(seed),
    )
