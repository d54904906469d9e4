"""Reading a run: the step folders below one root become the plain data that the page and the plots show.

The report is the end of the picture and computes nothing of its own: every number is one that a stage wrote
into its manifest, `results.json`, `metrics.jsonl` or records. A missing or unfinished step gives no section.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acecoder_jax.data.folders import fingerprint
from acecoder_jax.data.shards import open_shard
from acecoder_jax.errors import UserError

# In the order of the paper, with what a reader should know about each.
STAGES = {
    "import": "a published checkpoint becomes the project's own",
    "synthesize": "seed functions become questions with tests",
    "filter": "tests that the best available solution fails are dropped",
    "sample": "the model answers each question several times",
    "ask": "a language model behind an endpoint answers the questions",
    "score": "the sandbox runs every answer against the tests",
    "import_samples": "published answers to a benchmark's questions take the place of sampled ones",
    "pairs": "answers with clearly different pass rates become preference pairs",
    "hard": "the questions that are hard, and on which answers differ, are picked for reinforcement learning",
    "sft": "the model is trained on those of its own answers that passed",
    "train_reward": "a reward model learns which of two answers is better",
    "best_of_n": "the reward model picks one of n answers",
    "train_policy": "reinforcement learning on the questions",
    "evaluate": "pass@1 and pass@k on questions kept apart",
    "export": "models are written as Hugging Face folders",
}
KEPT = "questions kept by the filter"
SPLITS = ("train", "validation", "held_out")


@dataclass(frozen=True)
class Step:
    """One step's folder.

    Attributes:
      name: the folder's name.
      stage: the stage that made it.
      path: the folder.
      about: `stage.json`: config and inputs.
      manifest: None while the step is unfinished.
      mark: the fingerprint of the finished folder.
      results: `results.json`, or nothing.
      metrics: the lines of `metrics.jsonl`, each step's first one joined by its line of `speed.jsonl`.
      elapsed_s: seconds between the step's first and last file; None where it cannot be told.
      changed_inputs: names of sibling steps that have been remade since this one read them.
    """

    name: str
    stage: str
    path: Path
    about: dict[str, Any]
    manifest: dict[str, Any] | None = None
    mark: str | None = None
    results: dict[str, Any] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    elapsed_s: float | None = None
    changed_inputs: tuple[str, ...] = ()

    @property
    def config(self) -> dict[str, Any]:
        return self.about.get("config", {})

    @property
    def counts(self) -> dict[str, Any]:
        return self.manifest["counts"] if self.manifest else {}

    def reads(self, key: str) -> str | None:
        """The name of the step that a config value of this one points to."""
        value = self.config.get(key)
        return Path(value).name if isinstance(value, str) and value else None


def read_steps(root: str | Path) -> list[Step]:
    """All steps below `root` in the order of the paper; of one stage, those made from fewer steps come first.

    Raises:
      UserError: there is no such folder, no step in it, or a step's files are damaged.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(f"config.runs: {root}: no such folder; give the folder that holds the steps of a run")
    folders = sorted(path.parent for path in root.glob("*/stage.json"))
    steps = [_read_step(folder) for folder in folders]
    steps = [step for step in steps if step.stage in STAGES]
    if not steps:
        raise UserError(f"config.runs: {root}: holds no steps of a run; run `acecoder demo` into it first")
    marks = {step.name: step.mark for step in steps}
    steps = [_with_changed_inputs(step, marks) for step in steps]
    depths = _depths(steps)
    order = list(STAGES)
    return sorted(steps, key=lambda step: (order.index(step.stage), depths[step.name], step.name))


def finished(steps: list[Step], stage: str) -> list[Step]:
    """The finished steps of one stage, in order."""
    return [step for step in steps if step.stage == stage and step.manifest is not None]


def questions_per_split(steps: list[Step]) -> list[dict[str, Any]]:
    """Rows of counts for each split, as far as the steps that know them are there."""
    rows = []
    for step in finished(steps, "synthesize"):
        rows.append(_split_row("questions written", step.counts.get("questions_per_split")))
    for step in finished(steps, "filter"):
        rows.append(_split_row(KEPT, step.results.get("splits")))
    for step in finished(steps, "pairs"):
        splits = step.results.get("splits", {})
        names = {"sampled_questions": "questions sampled for pairs", "pairs": "preference pairs"}
        for key, title in names.items():
            rows.append(_split_row(title, {name: values.get(key) for name, values in splits.items()}))
    return [row for row in rows if row is not None]


def filter_table(steps: list[Step]) -> dict[str, Any] | None:
    """The paper's Table 1: a column for each subset, a row for each count; with what was dropped and why."""
    sources = finished(steps, "pairs") + finished(steps, "filter")
    rows = next((step.results["table"] for step in sources if step.results.get("table")), None)
    if rows is None:
        return None
    titles = {
        "questions_before": "questions before",
        "tests_per_question_before": "tests per question before",
        "questions_after": "questions after",
        "tests_per_question_after": "tests per question after",
        "pairs": "preference pairs",
    }
    present = {key: title for key, title in titles.items() if any(key in row for row in rows)}
    dropped = {}
    for step in finished(steps, "filter"):
        for key, title in (("dropped_questions", "questions"), ("dropped_tests", "tests")):
            if isinstance(step.results.get(key), dict):
                dropped[title] = step.results[key]
    for step in finished(steps, "pairs"):
        for what, reasons in step.results.get("left_out", {}).items():
            dropped |= {f"pairs: {what}": reasons} if reasons else {}
    return {
        "subsets": [row["subset"] for row in rows],
        "rows": [(title, [row.get(key) for row in rows]) for key, title in present.items()],
        "dropped": dropped,
    }


def curation(steps: list[Step]) -> dict[str, Any] | None:
    """What the filter and the pairs stage say beside the table: histograms, and the lengths of both sides.

    Returns:
      `tests` (questions by their number of tests, `before` and `after`), `pairs` (questions by their number of
      pairs), `lengths` (see `synthesis.pairs.length_balance`) and `mutation_score`; each None where no step says it.
    """
    filters, pairs = finished(steps, "filter")[:1], finished(steps, "pairs")[:1]
    found = {
        "tests": next((step.results.get("tests_per_question") for step in filters), None),
        "mutation_score": next((step.results.get("mutation_score") for step in filters), None),
        "pairs": next((step.results.get("pairs_per_question") for step in pairs), None),
        "lengths": next((step.results.get("lengths") for step in pairs), None),
    }
    return found if any(found.values()) else None


def pass_rates(steps: list[Step]) -> dict[float, int] | None:
    """How many sampled programs have each pass rate, of those that the sandbox judged."""
    for step in finished(steps, "pairs"):
        if rates := step.results.get("pass_rates"):
            if isinstance(rates, list):  # as older versions wrote them: one of each program
                rates = Counter(rates)
            return {float(rate): programs for rate, programs in rates.items()}
    for step in finished(steps, "score"):
        rates = Counter(line["pass_rate"] for line in read_lines(step.path, "records-[0-9]*"))
        del rates[None]
        return dict(rates) or None
    return None


def evaluations(steps: list[Step]) -> dict[str, dict[str, Any]]:
    """For every evaluated set its number of questions and one row for each model.

    A set appears once for each way of sampling: rows of one table are comparable.
    """
    tables: dict[str, dict[str, Any]] = {}
    for step in finished(steps, "evaluate"):
        for name, values in step.results.get("sets", {}).items():
            shown = name.replace("_", "-")
            how = f"{step.results.get('samples')} samples at temperature {step.results.get('temperature')}"
            key = f"{shown}, {values['questions']} questions, {how}"
            table = tables.setdefault(key, {"ks": [], "rows": []})
            table["ks"] = sorted({*table["ks"], *values.get("pass@k", {})}, key=int)
            table["rows"].append({"step": step.name, "model": step.reads("model"), "set": name, **values})
    return tables


def policy_rows(steps: list[Step]) -> list[dict[str, Any]]:
    """Before and after of every RL run: on its own evaluation split, and on other evaluated sets."""
    rows = []
    for step in finished(steps, "train_policy"):
        split = step.config.get("eval_split", "validation")
        for key, title in (("eval/pass@1", "sampled pass@1"), ("eval/pass_rate", "share of tests passed")):
            values = series(step.metrics, key)[1]
            if values:
                rows.append(_change(step, f"{split}, {title}", values[0], values[-1]))
        for table in evaluations(steps).values():
            before = next((row for row in table["rows"] if row["model"] == step.reads("model")), None)
            after = next((row for row in table["rows"] if row["model"] == step.name), None)
            if before is None or after is None:
                continue
            for key, title in (
                ("greedy_pass@1", "greedy pass@1"),
                ("mean_pass_rate", "share of tests passed"),
            ):
                rows.append(_change(step, f"{after['set']}, {title}", before.get(key), after.get(key)))
            for k in table["ks"]:
                pair = before.get("pass@k", {}).get(k), after.get("pass@k", {}).get(k)
                rows.append(_change(step, f"{after['set']}, sampled pass@{k}", *pair))
    return [row for row in rows if row["before"] is not None and row["after"] is not None]


def _change(step: Step, what: str, before: float | None, after: float | None) -> dict[str, Any]:
    return {"run": step.name, "what": what.replace("held_out", "held-out"), "before": before, "after": after}


def exports(steps: list[Step]) -> list[dict[str, Any]]:
    """The exported folders, and what they hold."""
    return [
        {
            "path": str(step.path),
            "of": step.reads("model"),
            "counts": step.counts,
            "files": sorted(set(step.manifest["files"]) - {"stage.json"}),
        }
        for step in finished(steps, "export")
        if step.manifest
    ]


def series(metrics: list[dict[str, Any]], key: str) -> tuple[list[int], list[float]]:
    """Steps and values of one metric, from those lines that have it."""
    lines = [line for line in metrics if line.get(key) is not None]
    return [line["step"] for line in lines], [line[key] for line in lines]


def read_lines(folder: Path, pattern: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in a folder's files, JSON lines or ArrayRecord, one at a time.

    Raises:
      UserError: a file is cut short or damaged, or a line is not JSON.
    """
    for path in sorted(folder.glob(pattern)):
        shard = open_shard(path)
        for number in range(len(shard)):
            try:
                yield json.loads(shard[number])
            except ValueError as error:
                raise UserError(f"{path}:{number + 1}: not valid JSON; remake the folder") from error


def _read_step(folder: Path) -> Step:
    about = _read_json(folder / "stage.json")
    step = Step(folder.name, about.get("stage", ""), folder, about)
    if not (folder / "manifest.json").is_file():
        return step
    manifest = _read_json(folder / "manifest.json")
    results = _read_json(folder / "results.json") if (folder / "results.json").is_file() else {}
    speeds = {line["step"]: line for line in read_lines(folder, "speed.jsonl")}
    metrics = [line | speeds.pop(line["step"], {}) for line in read_lines(folder, "metrics.jsonl")]
    elapsed = (folder / "manifest.json").stat().st_mtime - (folder / "stage.json").stat().st_mtime
    return Step(
        folder.name,
        step.stage,
        folder,
        about,
        manifest,
        fingerprint(folder),
        results,
        metrics,
        elapsed_s=elapsed if elapsed > 0 else None,
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); remake the folder") from error
    if not isinstance(value, dict):
        raise UserError(f"{path}: is not a JSON object; remake the folder")
    return value


def _with_changed_inputs(step: Step, marks: dict[str, str | None]) -> Step:
    inputs = {Path(path).name: mark for path, mark in step.about.get("inputs", {}).items()}
    changed = tuple(sorted(name for name, mark in inputs.items() if name in marks and marks[name] != mark))
    return Step(**{**vars(step), "changed_inputs": changed})


def _depths(steps: list[Step]) -> dict[str, int]:
    """How many steps stand before each one, along the longest way."""
    inputs = {step.name: {Path(path).name for path in step.about.get("inputs", {})} for step in steps}
    depths = dict.fromkeys(inputs, 0)
    for _ in steps:  # each pass settles one more layer
        for name, before in inputs.items():
            depths[name] = max([depths[b] + 1 for b in before if b in depths and b != name], default=0)
    return depths


def _split_row(title: str, counts: dict[str, Any] | None) -> dict[str, Any] | None:
    if not counts or any(counts.get(name) is None for name in counts):
        return None
    values = [counts.get(name, 0) for name in SPLITS]
    return {"title": title, "values": values, "all": sum(values)}
