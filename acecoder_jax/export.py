"""Stage `export`: a model folder becomes a Hugging Face folder that the Auto classes load, with a model card.

Which forms there are is said in `models/hf_folder.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

import jax
from ml_collections import ConfigDict, config_dict

from acecoder_jax.data.folders import OutputFolder, code_version, require_disk
from acecoder_jax.errors import UserError
from acecoder_jax.models.config import is_classifier
from acecoder_jax.models.folders import LoadedModel, load_model
from acecoder_jax.models.hf_folder import DTYPES, REWARD_FORMS, write_hf_folder


def default_config() -> ConfigDict:
    """`model` is a folder; `dtype` is that of the written weights.

    `reward_form` is "classification" or "v_head"; `evaluation` is a folder whose results go on the model card.
    """
    return ConfigDict(
        {
            "model": "",
            "dtype": "bfloat16",
            "reward_form": "classification",
            "evaluation": config_dict.placeholder(str),
        }
    )


def run(config: ConfigDict, workdir: Path) -> dict:
    """Export into `workdir`; returns the counts."""
    for key, known in (("dtype", DTYPES), ("reward_form", REWARD_FORMS)):
        if config[key] not in known:
            raise UserError(f"config.{key}: {config[key]!r} is unknown; use one of {', '.join(known)}")
    inputs = [config.model] + ([config.evaluation] if config.evaluation else [])
    output = OutputFolder(workdir, "export", config.to_dict(), inputs)
    if output.finished:
        return output.counts
    model = load_model(config.model)
    form = config.reward_form if model.kind == "reward" else "policy"
    if form == "v_head" and is_classifier(model.hf_config) and not model.hf_config.get("tie_word_embeddings"):
        raise UserError(
            f"{config.model}: was imported as a classifier, without the output layer that config.reward_form=v_head"
            " needs; export it with config.reward_form=classification"
        )
    size = sum(leaf.size for leaf in jax.tree.leaves(model.params)) * DTYPES[config.dtype].itemsize
    require_disk(workdir, size, "the exported weights")
    written = write_hf_folder(workdir, model, config.dtype, form)
    (workdir / "README.md").write_text(_model_card(model, config, form))
    output.finish(kind=model.kind, form=form, bytes=written)
    print(f"{model.kind} model in {workdir}: {form} form, {written / 2**20:.0f} MiB of {config.dtype}")
    return output.counts


def _model_card(model: LoadedModel, config: ConfigDict, form: str) -> str:
    folder = Path(config.model)
    source = json.loads((folder / "stage.json").read_text())
    use = {
        "policy": "Ask with the chat template; programs come in a fenced code block.",
        "classification": "Score a chat that ends with the answer and the end-of-sequence token; pad on the right.",
        "v_head": (
            "The score is `v_head.summary` (weight and bias) on the last hidden state of a chat's last token; the chat"
            " ends with the answer and the end-of-sequence token."
        ),
    }[form]
    inputs = "".join(f"| `{name}` | `{mark}` |\n" for name, mark in source["inputs"].items())
    results = _results(Path(config.evaluation) if config.evaluation else folder)
    return (
        f"# A {model.kind} model made with acecoder_jax\n\n{use}\n\n"
        f"- stage: `{source['stage']}`, fingerprint `{model.fingerprint}`, code version {code_version()}\n\n"
        + (f"## Made from\n\n| folder | fingerprint |\n| --- | --- |\n{inputs}\n" if inputs else "")
        + (f"## Evaluation\n\n{results}\n" if results else "")
        + f"## Config\n\n```json\n{json.dumps(source['config'], indent=2)}\n```\n"
    )


def _results(folder: Path) -> str:
    """A stage's `results.json` as a Markdown table: a row for each set of questions, or for each number."""
    path = folder / "results.json"
    values = json.loads(path.read_text()) if path.is_file() else {}
    if "sets" not in values:
        numbers = [(name, value) for name, value in values.items() if isinstance(value, int | float)]
        lines = [f"| {name} | {value:.4g} |\n" for name, value in numbers]
        return "".join(["| measure | value |\n| --- | --- |\n", *lines]) if lines else ""
    ks = sorted({k for one in values["sets"].values() for k in one["pass@k"]}, key=int)
    head = ["set", "questions", "greedy pass@1", *(f"pass@{k}" for k in ks)]
    rows = [
        [name, str(one["questions"]), f"{one['greedy_pass@1']:.3f}"]
        + [f"{one['pass@k'][k]:.3f}" if k in one["pass@k"] else "" for k in ks]
        for name, one in values["sets"].items()
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in [head, ["---"] * len(head), *rows])
