"""Readers of the public benchmark files: HumanEval, HumanEval+, MBPP and MBPP+ become `Question` records.

Used by the evaluate stage, which samples and scores them like any other held-out question. A file is given
by path and read as it is published; nothing is fetched. `check_references` is the self-test before scoring:
canonical solutions must pass on this machine, or every number that follows is wrong.
"""

from __future__ import annotations

import collections
import dataclasses
import gzip
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from acecoder_jax.benchmarks.check_source import called_function, split_check
from acecoder_jax.benchmarks.plus import call_source, mbpp_arguments, plus_test
from acecoder_jax.data.code import candidate_names
from acecoder_jax.data.records import Question
from acecoder_jax.errors import UserError
from sandbox import Evaluation, EvaluationResult, Limits, Program, Sandbox, SandboxError

# Canonical programs are trusted to end, and have up to 1,100 inputs each.
_REFERENCE_LIMITS = Limits(
    test_cpu_s=30, program_cpu_s=600, test_wall_s=120, program_wall_s=1800, memory_mb=4096, value_kb=16384
)
_MBPP_TEST_SPLIT = range(11, 511)  # by its authors; the other rows are for prompting and fine-tuning


def load_benchmark(name: str, path: str | Path, isolation: str = "full") -> list[Question]:
    """Read a benchmark file, `.jsonl` or `.json`, gzipped or not.

    Args:
      name: one of `BENCHMARKS`.
      path: the published file. `mbpp` reads the full file and the sanitized one, and keeps task ids 11 to 510
        of either, the test split.
      isolation: of the sandbox in which the canonical programs of the EvalPlus sets are run for their
        expected values; see `sandbox.Sandbox`.

    Returns:
      One question a task with the benchmark's own ids, all `held_out`, in the file's order.

    Raises:
      UserError: the name is unknown; the file is missing, has another form, or holds a row without tests; or
        the sandbox cannot run here.
    """
    if name not in BENCHMARKS:
        raise UserError(f"benchmark {name!r}: unknown name; choose from {', '.join(BENCHMARKS)}")
    read, plus = BENCHMARKS[name]
    questions = []
    for where, row in read_rows(Path(path)):
        try:
            question = read(name, row)
        except (KeyError, TypeError, AttributeError, ValueError, SyntaxError) as error:
            raise _not_a_task(where, name, error) from error
        if question is not None:
            questions.append((where, row, question))
    if not questions:
        raise UserError(f"{path}: holds no tasks; give the published {name} file")
    if plus:
        questions = _with_expected_values(name, questions, isolation)
    for where, _, question in questions:
        if not question.tests:
            raise UserError(f"{where}: {question.id} has no tests; give the published {name} file")
    return [question for _, _, question in questions]


def _not_a_task(where: str, name: str, error: Exception) -> UserError:
    reason = f"has no {error}" if isinstance(error, KeyError) else str(error)
    return UserError(f"{where}: not a {name} task ({reason}); give the published file")


def check_references(questions: Sequence[Question], box: Sandbox) -> list[str]:
    """The ids of questions whose own canonical program does not pass all tests in this sandbox.

    Raises:
      UserError: the sandbox cannot run.
    """
    programs = (Program(q.id, q.reference or "", q.tests, candidate_names(q)) for q in questions)
    try:
        return [verdict.id for verdict in box.run(programs) if verdict.pass_rate != 1.0]
    except SandboxError as error:
        raise UserError(f"benchmark self-check: {error}") from error


def humaneval_prompt(code: str) -> str:
    """The instruction of a HumanEval task; `code` is its signature and docstring."""
    return (
        "Complete the following Python function. Answer with the whole function, and the imports and helpers"
        f" that it needs, in one ```python code block.\n\n```python\n{code.strip()}\n```"
    )


def mbpp_prompt(text: str, first_test: str) -> str:
    """The instruction of an MBPP task; its first test fixes the function's name and arguments."""
    return (
        f"{text.strip()}\nAnswer with the whole function, and the imports and helpers that it needs, in one"
        f" ```python code block. It should pass this test:\n\n```python\n{first_test.strip()}\n```"
    )


def read_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every task of a file, with where it stands."""
    if not path.is_file():
        raise UserError(f"{path}: no such benchmark file; download it and correct the path")
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); download it again") from error
    is_list = text.lstrip().startswith("[")
    # Not splitlines: JSON strings may hold other line separators as they are.
    lines = [(f"{path}:{number}", line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    for where, part in [(str(path), text)] if is_list else lines:
        try:
            value = json.loads(part)
        except json.JSONDecodeError as error:
            raise UserError(f"{where}: not valid JSON ({error.msg}); give the published file") from error
        for row in value if is_list else [value]:
            if not isinstance(row, dict):
                raise UserError(f"{where}: expected JSON objects, one a task; give the published file")
            yield where, row


def _humaneval(name: str, row: dict[str, Any]) -> Question:
    code, entry_point = row["prompt"], row["entry_point"]
    reference = code + row["canonical_solution"]
    tests = tuple(split_check(row["test"], entry_point, helpers=reference)) if name == "humaneval" else ()
    return Question(row["task_id"], name, humaneval_prompt(code), tests, entry_point, reference, "held_out")


def _mbpp(name: str, row: dict[str, Any]) -> Question | None:
    if int(row["task_id"]) not in _MBPP_TEST_SPLIT:
        return None
    text = row["text"] if "text" in row else row["prompt"]
    program = row["code"].replace("\r\n", "\n")
    before = "\n".join(row["test_imports"]) if "test_imports" in row else row["test_setup_code"]
    before = before.replace("\r\n", "\n").strip()
    asserts = row["test_list"]
    entry_point = called_function(asserts[0], program) if asserts else ""
    if entry_point is None:
        raise ValueError(f"its tests call no function of its code: {asserts[0]}")
    prompt = mbpp_prompt(text, asserts[0]) if asserts else text
    tests = tuple(f"{before}\n{test}".strip() for test in asserts)
    return Question(f"Mbpp/{row['task_id']}", name, prompt, tests, entry_point, program, "held_out")


def _mbppplus(name: str, row: dict[str, Any]) -> Question:
    lines = row["prompt"].strip().strip('"').strip().splitlines()
    first = next(i for i, line in enumerate([*lines, "assert"]) if line.startswith("assert"))
    prompt = mbpp_prompt("\n".join(lines[:first]), "\n".join(lines[first:]))
    return Question(
        row["task_id"], name, prompt, (), row["entry_point"], row["canonical_solution"], "held_out"
    )


def _with_expected_values(
    name: str, tasks: list[tuple[str, dict[str, Any], Question]], isolation: str
) -> list[tuple[str, dict[str, Any], Question]]:
    """The tasks with tests made from their inputs and their canonical programs' answers."""
    inputs: list[list[list[Any]]] = []
    for where, row, question in tasks:
        try:
            number = int(question.id.split("/")[1])
            # A task without extra inputs has an empty object where the others have a list.
            listed = [*row["base_input"], *(row["plus_input"] or [])]
            inputs.append([mbpp_arguments(number, i) if name == "mbppplus" else i for i in listed])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise _not_a_task(where, name, error) from error
    evaluations = [
        Evaluation(q.id, q.reference or "", tuple(call_source(q.entry_point, i) for i in calls))
        for (_, _, q), calls in zip(tasks, inputs)
    ]
    finished, left_out = [], collections.Counter()
    for (where, row, question), calls, answer in zip(tasks, inputs, _evaluate(evaluations, isolation)):
        tests = []
        for arguments, call in zip(calls, answer.values):
            try:
                if call.outcome != "passed":
                    raise ValueError(f"{call.outcome}: {call.detail}")
                tests.append(plus_test(question.entry_point, arguments, call.value, float(row["atol"])))
            except ValueError:
                left_out[question.id] += 1
        finished.append((where, row, dataclasses.replace(question, tests=tuple(tests))))
    if left_out:
        counts = ", ".join(f"{number} of {id}" for id, number in left_out.items())
        warnings.warn(f"{name}: inputs left out, no usable canonical answer: {counts}", stacklevel=3)
    return finished


def _evaluate(evaluations: list[Evaluation], isolation: str) -> list[EvaluationResult]:
    try:
        with Sandbox(limits=_REFERENCE_LIMITS, isolation=isolation) as box:
            return box.evaluate(evaluations)
    except SandboxError as error:
        raise UserError(f"benchmark expected values: {error}") from error


# Each name with its row reader, and whether the expected values have to be computed.
BENCHMARKS: dict[str, tuple[Callable[[str, dict[str, Any]], Question | None], bool]] = {
    "humaneval": (_humaneval, False),
    "humanevalplus": (_humaneval, True),
    "mbpp": (_mbpp, False),
    "mbppplus": (_mbppplus, True),
}
