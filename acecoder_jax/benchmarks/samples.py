"""Published programs for a benchmark's tasks, as other people's models wrote them: a file becomes programs by task.

Part of the benchmark readers; the stage `import_samples` turns them into completions. Two forms are read: CodeT's, one
row a task in the order of the ids with `prompt` and `samples` that continue it, and EvalPlus's, one row a program with
`task_id` and `solution`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from acecoder_jax.benchmarks.load import read_rows
from acecoder_jax.data.code import defines
from acecoder_jax.data.records import Question
from acecoder_jax.errors import UserError


class Published(NamedTuple):
    """What a file has for one question; `prompt` is the text that its programs begin with, "" where it says none."""

    prompt: str
    programs: list[str]


def read_samples(path: str | Path, questions: Sequence[Question]) -> dict[str, Published]:
    """Whole programs by question id, in the file's order.

    Args:
      path: `.jsonl` or `.json`, gzipped or not.
      questions: all of the benchmark's, in its order.

    Raises:
      UserError: the file is missing or has another form, or its rows are not of these questions.
    """
    rows = list(read_rows(Path(path)))
    if rows and "samples" in rows[0][1]:
        return _by_order(str(path), rows, questions)
    known = {question.id for question in questions}
    programs: dict[str, Published] = {}
    for where, row in rows:
        name, program = row.get("task_id"), row.get("solution")
        if not isinstance(name, str) or not isinstance(program, str):
            raise UserError(
                f"{where}: holds neither `prompt` and `samples` nor `task_id` and `solution`; give a file of programs"
                " in one of these two forms"
            )
        if name not in known:
            raise UserError(
                f"{where}: {name} is no task of this benchmark; give the benchmark it was sampled for"
            )
        programs.setdefault(name, Published("", [])).programs.append(program)
    if not programs:
        raise UserError(f"{path}: holds no programs; download it again")
    return programs


def _by_order(
    path: str, rows: list[tuple[str, dict[str, Any]]], questions: Sequence[Question]
) -> dict[str, Published]:
    if len(rows) != len(questions):
        raise UserError(
            f"{path}: has {len(rows)} tasks and the benchmark {len(questions)}; rows without ids are matched by"
            " their order, give the whole file of this benchmark"
        )
    for where, row in rows:
        if not isinstance(row.get("prompt"), str) or not isinstance(row.get("samples"), list):
            raise UserError(f"{where}: has no `prompt` and list of `samples`; download the file again")
    # CodeT's rows stand in the order of the ids as texts: 0, 1, 10, 100, 101.
    orders = [list(questions), sorted(questions, key=lambda question: question.id)]
    fitting = [_fitting_rows(rows, order) for order in orders]
    most = max(fitting)
    order = orders[fitting.index(most)]
    if most < len(rows):
        raise UserError(
            f"{rows[most][0]}: does not define {order[most].entry_point}, the function of {order[most].id}; give the"
            " file of this benchmark with its rows in order"
        )
    found = {
        question.id: Published(
            row["prompt"], [row["prompt"] + sample for sample in row["samples"] if isinstance(sample, str)]
        )
        for question, (_, row) in zip(order, rows, strict=True)
    }
    return {question.id: found[question.id] for question in questions}


def _fitting_rows(rows: list[tuple[str, dict[str, Any]]], order: list[Question]) -> int:
    """How many rows, from the first on, define the functions of the questions in this order."""
    for number, ((_, row), question) in enumerate(zip(rows, order, strict=True)):
        if not defines(row["prompt"], question.entry_point):
            return number
    return len(rows)
