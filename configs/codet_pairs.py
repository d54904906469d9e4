"""Preference pairs from published programs: CodeT's 164 x 100 by CodeGen-16B, scored on HumanEval+ mini.

    acecoder demo --config=configs/codet_pairs.py --workdir=runs/codet_pairs

The files are looked for in ../shared/data; another place is given as argument, and a part of them by flags:

    acecoder demo --config=configs/codet_pairs.py:data --config.steps.samples.max_questions=20 --workdir=runs/codet_20

The pairs that `acecoder bench train_reward` is measured on, in the ids of the model that it trains:

    acecoder demo --config=configs/codet_pairs.py --workdir=runs/codet_published \\
        --config.steps.samples.tokenizer=runs/demo/import --config.steps.samples.prompts=published \\
        --config.steps.samples.max_samples=32
"""

from ml_collections import ConfigDict


def get_config(data="../shared/data"):
    """Published programs to verdicts, pairs by the paper's rule, the hard quarter, and the page."""
    made = {"questions": "@samples/questions", "verdicts": "@score"}
    steps = {
        "samples": {
            "stage": "import_samples",
            "benchmark": "humanevalplus",
            "tasks": f"{data}/humanevalplus/HumanEvalPlus-Mini.jsonl.gz",
            "samples": f"{data}/codet/HumanEval_codegen16B_temp0.8_topp0.95_num100_max300_code_solution.jsonl.gz",
            "tokenizer": f"{data}/tokenizer_qwen",
            "prompts": "asked",
            "max_questions": 0,
            "max_samples": 0,
        },
        "score": {
            "stage": "score",
            "questions": "@samples/questions",
            "completions": "@samples/completions",
        },
        "pairs": {"stage": "pairs", "completions": "@samples/completions"} | made,
        "hard": {"stage": "hard"} | made,
        "report": {"stage": "report", "runs": "@", "title": "Pairs from CodeT's programs"},
    }
    return ConfigDict({"steps": steps, "order": tuple(steps)})
