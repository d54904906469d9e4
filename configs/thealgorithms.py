"""TheAlgorithms' functions to questions by the reference teacher, to ArrayRecord, TFDS and Grain batches.

    acecoder demo --config=configs/thealgorithms.py --workdir=runs/thealgorithms

The file of functions is looked for in ../shared/data; another place is given as argument. A checkout of the project
itself, or any folder of `.py` files, does as well:

    acecoder demo --config=configs/thealgorithms.py --config.steps.synthesize.seeds=path/to/folder --workdir=runs/own
"""

from ml_collections import ConfigDict


def get_config(data="../shared/data"):
    """Seeds to questions and tests, every test run again, the data set in both forms, and an epoch of batches."""
    steps = {
        "synthesize": {
            "stage": "synthesize",
            "seeds": f"{data}/thealgorithms/thealgo_asserts.jsonl.gz",
            "shard_format": "array_record",
        },
        "filter": {"stage": "filter", "questions": "@synthesize", "shard_format": "array_record"},
        "tfds": {"stage": "convert", "source": "@filter", "form": "tfds"},
        "batches": {"stage": "bench", "name": "prompts", "questions": "@tfds", "prompts_per_step": 64},
        "report": {"stage": "report", "runs": "@", "title": "Questions from TheAlgorithms"},
    }
    return ConfigDict({"steps": steps, "order": tuple(steps)})
