"""Rows of the released data sets as records, and back.

AceCode-87K: a question, its completions and their verdicts, of which only the pass rate is known. AceCodePair-300K: a
pair with its question and its two completions. Whatever a row holds that its records cannot say is a remainder, kept
beside them: rows, records and back are the same bytes.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acecoder_jax.data.code import LONGEST_PARSED, extract_program
from acecoder_jax.data.folders import finished_shards, open_records
from acecoder_jax.data.records import Completion, PreferencePair, Question, Record, Verdict
from acecoder_jax.data.released import Row, json_line
from acecoder_jax.data.shards import RecordSource, open_shard
from acecoder_jax.data.splits import split_of
from acecoder_jax.errors import UserError

# prompt -> its token ids, text -> its token ids with the end-of-sequence id
Encode = tuple[Callable[[str], tuple[int, ...]], Callable[[str], tuple[int, ...]]]


@dataclass(frozen=True)
class QuestionRecords:
    """What one row of AceCode-87K becomes."""

    question: Question
    completions: tuple[Completion, ...]
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class PairRecords:
    """What one row of AceCodePair-300K becomes."""

    pair: PreferencePair
    question: Question
    completions: tuple[Completion, Completion]


def question_records(
    row: Row, where: str, shares: Mapping[str, float], encode: Encode | None
) -> QuestionRecords:
    """The records of one row.

    Args:
      where: the row's place, for messages.
      shares: of the splits, see `split_of`.
      encode: the tokenizer; without one, completions have no token ids.

    Raises:
      UserError: the row has no id, or two completions of one id.
    """
    if not isinstance(row.get("id"), str) or row["question"] is None:
        raise UserError(f"{where}: has no id or no question; give a released file")
    tests = tuple(row["test_cases"] or ())
    name = row["id"]
    question = Question(
        name, row["source"] or "", row["question"], tests, _entry_point(tests), split=split_of(name, shares)
    )
    prompt_ids = encode[0](question.prompt) if encode else ()
    completions, verdicts, seen = [], [], set()
    for inference in row["inferences"] or ():
        text, number, rate = inference["completion"] or "", inference["completion_id"], inference["pass_rate"]
        if number in seen:
            raise UserError(
                f"{where}: question {name!r} has two completions of id {number}; ids must be unique"
            )
        seen.add(number)
        completion = Completion(
            id=f"{name}#{number}",
            question_id=name,
            text=text,
            program=extract_program(text, question.entry_point or None),
            prompt_ids=prompt_ids,
            token_ids=encode[1](text) if encode else (),
            log_probs=(),
            finish_reason="stop",
            model=inference["model_name"] or "",
        )
        completions.append(completion)
        verdicts.append(Verdict(completion.id, name, (), "passed" if rate == 1 else "failed", rate))
    return QuestionRecords(question, tuple(completions), tuple(verdicts))


def question_row(question: Question, answers: Iterable[tuple[Completion, float | None]]) -> Row:
    """The row of AceCode-87K that says the same, keys in the order of the authors' own script.

    Args:
      answers: completions with their pass rates.
    """
    inferences = []
    for place, (completion, rate) in enumerate(answers):
        number = completion.id.removeprefix(f"{question.id}#")
        inferences.append(
            {
                "model_name": completion.model,
                "completion_id": int(number) if number.isdecimal() else place,
                "completion": completion.text,
                "pass_rate": rate,
            }
        )
    return {
        "id": question.id,
        "source": question.source,
        "question": question.prompt,
        "test_cases": list(question.tests),
        "inferences": inferences,
        "context_messages": [{"content": question.prompt, "role": "user"}],
    }


def pair_records(row: Row, where: str, shares: Mapping[str, float], encode: Encode) -> PairRecords:
    """The records of one row; questions and completions are named by what they say, for the set names neither.

    Raises:
      UserError: the row lacks a text.
    """
    if any(not isinstance(row[name], str) for name in ("instruction", "chosen", "rejected")):
        raise UserError(f"{where}: has no instruction, chosen or rejected text; give a released file")
    prompt = "\n".join(filter(None, [row["instruction"], row["input"]]))
    name = f"acecode_pair/{_hash(prompt)}"
    split = split_of(name, shares)
    question = Question(name, "AceCodePair-300K", prompt, (), "", split=split)
    prompt_ids = encode[0](prompt)
    chosen, rejected = (
        Completion(
            f"{name}#{_hash(text)}",
            name,
            text,
            extract_program(text),
            prompt_ids,
            encode[1](text),
            (),
            "stop",
        )
        for text in (row["chosen"], row["rejected"])
    )
    ids = chosen.token_ids, rejected.token_ids
    pair = PreferencePair(name, chosen.id, rejected.id, prompt_ids, *ids, None, None, split)
    return PairRecords(pair, question, (chosen, rejected))


def pair_row(question: Question, chosen: Completion, rejected: Completion, number: int) -> Row:
    """The row of AceCodePair-300K that says the same."""
    return {
        "instruction": question.prompt,
        "input": "",
        "chosen": chosen.text,
        "rejected": rejected.text,
        "id": number,
    }


def remainder(row: Row, line: str | None, rebuilt: Row) -> dict[str, Any] | None:
    """What `restore` needs to make the row, and its line, from what the records say; None for nothing."""
    if line is not None:
        return None if json_line(rebuilt) == line else {"line": line}
    if row == rebuilt:
        return None
    columns = {name: value for name, value in row.items() if name not in rebuilt or rebuilt[name] != value}
    return {"columns": columns, "order": list(row)}


def restore(rebuilt: Row, rest: Mapping[str, Any] | None) -> tuple[Row, str | None]:
    """The row as it was, with its line where that matters."""
    if rest is None:
        return rebuilt, None
    if "line" in rest:
        return rebuilt, rest["line"]
    values = rebuilt | rest["columns"]
    return {name: values[name] for name in rest["order"]}, None


def folder_rows(
    folder: str | Path,
    questions: str | Path | None = None,
    completions: str | Path | None = None,
    verdicts: str | Path | None = None,
) -> tuple[str, int, Iterator[tuple[Row, str | None]]]:
    """The rows that a finished folder of questions or of pairs says, as (kind, count, rows with their lines).

    Args:
      folder: holds `Question` or `PreferencePair` records.
      questions: the folder of the pairs' questions.
      completions, verdicts: the folders of the programs and of their pass rates; questions may do without.
        All three default to the folders of these names inside `folder`.

    Raises:
      UserError: a folder is missing or damaged, or a pair's question or completion is not in it.
    """
    folder = Path(folder)
    given = {"questions": questions, "completions": completions, "verdicts": verdicts}
    paths = {
        name: Path(path) if path is not None else folder / name if (folder / name).is_dir() else None
        for name, path in given.items()
    }
    first = next(
        iter(open_shard(shard)[0] for shard in finished_shards(folder) if len(open_shard(shard))), b"{}"
    )
    rest = _read_remainders(folder)
    if b'"chosen_id"' in first:
        pairs = open_records(folder, PreferencePair)
        rows = _rows_of_pairs(folder, pairs, paths)
        kind, count = "pairs", len(pairs)
    else:
        source = open_records(folder, Question)
        kind, count, rows = "questions", len(source), _rows_of_questions(source, paths)
    return kind, count, (restore(row, rest.get(number)) for number, row in enumerate(rows))


def _rows_of_questions(questions: Iterable[Question], paths: Mapping[str, Path | None]) -> Iterator[Row]:
    completions: RecordSource[Completion] = _records(paths["completions"], Completion)
    verdicts: RecordSource[Verdict] = _records(paths["verdicts"], Verdict)
    rates = {verdict.completion_id: verdict.pass_rate for verdict in verdicts}
    by_question: dict[str, list[int]] = {}
    for number, completion in enumerate(completions):
        by_question.setdefault(completion.question_id, []).append(number)
    for question in questions:
        answers = [completions[number] for number in by_question.get(question.id, ())]
        yield question_row(question, [(answer, rates.get(answer.id)) for answer in answers])


def _rows_of_pairs(
    folder: Path, pairs: Iterable[PreferencePair], paths: Mapping[str, Path | None]
) -> Iterator[Row]:
    for name in ("questions", "completions"):
        if paths[name] is None:
            raise UserError(
                f"{folder}: pairs hold no texts; give the folder of their {name} as config.{name}"
            )
    questions = _records(paths["questions"], Question)
    completions = _records(paths["completions"], Completion)
    question_places = {question.id: number for number, question in enumerate(questions)}
    completion_places = {completion.id: number for number, completion in enumerate(completions)}
    for number, pair in enumerate(pairs):
        try:
            question = questions[question_places[pair.question_id]]
            chosen, rejected = (completions[completion_places[i]] for i in (pair.chosen_id, pair.rejected_id))
        except KeyError as error:
            raise UserError(
                f"{folder}: pair {number + 1} names {error}, which is in neither {paths['questions']} nor"
                f" {paths['completions']}; give the folders that the pairs were made from"
            ) from error
        yield pair_row(question, chosen, rejected, number)


def _records(folder: Path | None, record_type: type[Record]) -> RecordSource[Record]:
    return open_records(folder, record_type) if folder else RecordSource([], record_type)


def _read_remainders(folder: Path) -> dict[int, dict[str, Any]]:
    lines = (
        line for path in sorted(folder.glob("rest-*.jsonl")) for line in path.read_text("utf-8").split("\n")
    )
    return {values.pop("row"): values for values in map(json.loads, filter(None, lines))}


def _entry_point(tests: Sequence[str]) -> str:
    """The function that most tests call; empty where no test says."""
    names: Counter[str] = Counter()
    for test in tests:
        if len(test) > LONGEST_PARSED:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # odd escapes in strings
                tree = ast.parse(test)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        called = {
            n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        }
        names.update(sorted(called - set(dir(builtins))))
    return names.most_common(1)[0][0] if names else ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
