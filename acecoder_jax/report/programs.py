"""Sampled programs for the page: some of the answers that a run graded, each with what its tests said.

Which ones are shown is decided by a hash of the question's id, never by how well they did. Programs are
hostile text: `visible` makes every character harmless to look at, and the page's template escapes the rest.
"""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path
from typing import Any

from acecoder_jax.report.gather import Step, finished, read_lines

LONGEST_TEXT = 12_000


def visible(text: str, most: int = LONGEST_TEXT) -> str:
    """Text with invisible and direction-changing characters written out, and cut at `most` characters."""
    shown = "".join(map(_visible_character, text[:most]))
    return shown if len(text) <= most else f"{shown}\n[... {len(text) - most:,} more characters]"


def evaluated_programs(steps: list[Step], most: int) -> list[dict[str, Any]]:
    """Greedy answers on evaluated questions, those of all models to one question side by side.

    Args:
      steps: of the run.
      most: how many questions to show of each set.

    Returns:
      One entry for each question: its id, set, prompt and the answers.
    """
    entries: dict[tuple[str, str], dict[str, Any]] = {}
    questions = _questions(steps)
    for step in finished(steps, "evaluate"):
        for name in step.results.get("sets", {}):
            verdicts = {
                line["completion_id"]: line
                for line in read_lines(step.path, f"verdicts-{name}.jsonl")
                if line["completion_id"].endswith("#greedy")
            }
            chosen = _choose({verdict["question_id"] for verdict in verdicts.values()}, most)
            wanted = {i: v for i, v in verdicts.items() if v["question_id"] in chosen}
            for answer in _answers(step, step.path, wanted, questions, step.reads("model")):
                _add(entries, name, answer, questions)
    return list(entries.values())


def sampled_programs(steps: list[Step], most: int) -> list[dict[str, Any]]:
    """Answers sampled for the preference pairs: all of each chosen question, in the order they were drawn."""
    entries: dict[tuple[str, str], dict[str, Any]] = {}
    questions = _questions(steps)
    by_name = {step.name: step for step in steps}
    for step in finished(steps, "score"):
        sampled = by_name.get(step.reads("completions") or "")
        if sampled is None or sampled.manifest is None:
            continue
        verdicts = {line["completion_id"]: line for line in read_lines(step.path, "records-[0-9]*")}
        chosen = _choose({verdict["question_id"] for verdict in verdicts.values()}, most)
        wanted = {i: v for i, v in verdicts.items() if v["question_id"] in chosen}
        for answer in _answers(step, sampled.path, wanted, questions, sampled.reads("model")):
            _add(entries, "sampled for pairs", answer, questions)
    return list(entries.values())


def rollouts(steps: list[Step], most: int) -> list[dict[str, Any]]:
    """Answers from the last step of every RL run, with the rewards that they earned."""
    entries: dict[tuple[str, str], dict[str, Any]] = {}
    questions = _questions(steps)
    for step in finished(steps, "train_policy"):
        lines = list(read_lines(step.path, "rollouts.jsonl"))
        last = max((line["step"] for line in lines), default=0)
        for line in [line for line in lines if line["step"] == last][:most]:
            answer = _answer(line, line, questions.get(line["question_id"]))
            label = f"{step.name}, step {last}"
            _add(entries, label, answer | {"who": label, "reward": line.get("reward")}, questions)
    return list(entries.values())


def _visible_character(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
        return character
    return character.encode("unicode_escape").decode()


def _questions(steps: list[Step]) -> dict[str, dict[str, Any]]:
    """Question records by id; the filtered form, which has the tests that were run, wins."""
    sources = finished(steps, "synthesize") + finished(steps, "filter")
    return {line["id"]: line for step in sources for line in read_lines(step.path, "records-[0-9]*")}


def _choose(ids: set[str], most: int) -> set[str]:
    return set(sorted(ids, key=lambda id: hashlib.sha256(id.encode()).digest())[:most])


def _answers(
    step: Step, folder: Path, verdicts: dict[str, Any], questions: dict[str, Any], model: str | None
) -> Any:
    """The answers with these verdicts, as the completions come by."""
    for line in read_lines(folder, "records-[0-9]*"):
        verdict = verdicts.get(line["id"])
        if verdict is not None:
            which = line["id"].rsplit("#", 1)[-1]
            who = f"{model}, {which if which == 'greedy' else 'sample ' + which}" if model else line["id"]
            yield _answer(line, verdict, questions.get(line["question_id"])) | {"who": who, "step": step.name}


def _answer(
    completion: dict[str, Any], verdict: dict[str, Any], question: dict[str, Any] | None
) -> dict[str, Any]:
    tests = list(question["tests"]) if question else []
    outcomes = verdict["outcomes"]
    if len(tests) != len(outcomes):  # tests of a benchmark, or of questions that have been remade since
        tests = [f"test {number}" for number in range(1, len(outcomes) + 1)]
    return {
        "question_id": completion["question_id"],
        "program": completion.get("program"),
        "text": completion["text"],
        "outcome": verdict["outcome"],
        "pass_rate": verdict.get("pass_rate"),
        "passed": sum(outcome["outcome"] == "passed" for outcome in outcomes),
        "tests": [
            {
                "test": test,
                "outcome": outcome["outcome"],
                "detail": outcome.get("detail", ""),
                "hidden": number in verdict.get("hidden", ()),  # rollouts: it measures and never rewards
            }
            for number, (test, outcome) in enumerate(zip(tests, outcomes))
        ],
    }


def _add(entries: dict, group: str, answer: dict[str, Any], questions: dict[str, Any]) -> None:
    question_id = answer["question_id"]
    prompt = questions.get(question_id, {}).get("prompt")
    entry = entries.setdefault(
        (group, question_id), {"group": group, "question_id": question_id, "prompt": prompt, "answers": []}
    )
    entry["answers"].append(answer)
