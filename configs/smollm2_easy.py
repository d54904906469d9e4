"""The demo's stages on the easiest of the built-in seeds, with more samples and updates, on two CPU cores.

The seeds are those whose whole task is one idea of the language (`basics_*`): the model passes between
an eighth and a half of its samples, by module, so that nearly every batch of rollouts holds both verdicts.

    acecoder demo --config=configs/smollm2_easy.py --workdir=runs/smollm2_easy

The argument is the seed of the reinforcement learning runs, 0 unless given, and with a step's name that step alone:

    acecoder demo --config=configs/smollm2_easy.py:1 --workdir=runs/smollm2_easy_1
    acecoder evaluate --config=configs/smollm2_easy.py:1,evaluate_after --workdir=runs/smollm2_easy_1/evaluate_after
"""

import runpy
from pathlib import Path


def get_config(arg="0"):
    """The demo's pipeline with larger numbers, or one step of it; `arg` is SEED, STEP or SEED,STEP."""
    parts = arg.split(",")
    seed = int(parts.pop(0)) if parts[0].isdigit() else 0
    pipeline = runpy.run_path(str(Path(__file__).with_name("demo.py")))["get_config"]
    return pipeline(
        *parts,
        seeds="builtin:basics_*",
        validation_share=0.2,  # of so few questions a tenth would say little
        sampled_questions=100,
        held_out_questions=0,
        samples=8,
        reward_epochs=1,
        rl_steps=48,
        rl_model_steps=6,
        rl_prompts=16,
        rl_samples=4,
        rl_rows=2,
        rl_row_length=640,  # two prompts with four samples each: 9 % padding, where rows of 512 leave 36 %
        # Above what is measured: from the more varied rollouts it learns more (found on the validation questions).
        rl_temperature=1.0,
        rl_eval_every=16,
        rl_learning_rate=2e-5,
        rl_schedule="cosine",
        rl_eval_questions=0,
        rl_eval_samples=4,
        seed=seed,
    )
