"""The command line: `python -m sandbox run` grades a file of programs, `shapes` counts how their tests would be
graded, `doctor` looks at this host, `bench` measures.

Exit status: 0 for success, 1 when lines of the input were malformed, 2 when the sandbox cannot be used as
asked.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox import bench, doctor, shapes
from sandbox.pool import Sandbox
from sandbox.records import Limits, Program, SandboxError, Verdict
from sandbox.tiers import TIERS


def read_program(line: str) -> Program:
    """One line of the input as a program.

    Raises:
      ValueError: the line is not JSON, or lacks or mistypes a field; the text says which.
    """
    try:
        values = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(values, dict):
        raise ValueError("not a JSON object")
    fields = {"id", "program", "tests", "entry_point", "entry_points", "setup", "stdin", "stdout", "unittest"}
    unknown = sorted(set(values) - fields)
    if unknown:
        raise ValueError(f"unknown field {unknown[0]!r}")
    for name, kind in (
        ("id", str),
        ("program", str),
        ("setup", str),
        ("unittest", str),
        ("entry_point", str),
    ):
        if not isinstance(values.get(name, ""), kind):
            raise ValueError(f"{name!r} is not a string")
    if not values.get("id") or "program" not in values:
        raise ValueError("needs 'id' and 'program'")
    lists = {}
    for name in ("tests", "entry_points", "stdin", "stdout"):
        lists[name] = values.get(name, [])
        if not isinstance(lists[name], list) or not all(isinstance(item, str) for item in lists[name]):
            raise ValueError(f"{name!r} is not a list of strings")
    if len(lists["stdin"]) != len(lists["stdout"]):
        raise ValueError("'stdin' and 'stdout' differ in length")
    if not (lists["tests"] or lists["stdin"] or values.get("unittest")):
        raise ValueError("needs 'tests', 'stdin' and 'stdout', or 'unittest'")
    for name in ("setup", "unittest"):
        try:
            compile(values.get(name, ""), f"<{name}>", "exec")
        except (SyntaxError, RecursionError, MemoryError) as error:
            raise ValueError(f"{name!r} is not valid Python: {error}") from None
    return Program(
        values["id"],
        values["program"],
        tuple(lists["tests"]),
        tuple(lists["entry_points"]) or ((values["entry_point"],) if values.get("entry_point") else ()),
        values.get("setup", ""),
        tuple(zip(lists["stdin"], lists["stdout"])),
        values.get("unittest", ""),
    )


def write_verdict(verdict: Verdict) -> str:
    """One line of the output."""
    return json.dumps(dataclasses.asdict(verdict), separators=(",", ":"))


def _finished(path: Path) -> set[str]:
    """The ids that an earlier run has written; a line that it left half written is cut off.

    Raises:
      SandboxError: the file holds something else than verdicts, or cannot be written.
    """
    if path.is_dir():
        raise SandboxError(f"{path} is a folder; give --out a file, such as {path / 'verdicts.jsonl'}")
    if not path.exists():
        if not path.parent.is_dir():
            raise SandboxError(f"{path.parent} is no folder; make it, or give --out a file in another")
        return set()
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    try:
        done = {str(json.loads(line)["id"]) for line in whole.splitlines() if line.strip()}
    except (ValueError, TypeError, KeyError, RecursionError):
        raise SandboxError(f"{path} holds something else than verdicts; give --out another file") from None
    if len(whole) < len(data):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    return done


class _Input:
    """Reads programs one by one, skipping those already done and reporting lines that are no programs."""

    def __init__(self, path: Path, done: set[str]) -> None:
        self.path = path
        self.done = done
        self.malformed = 0

    def programs(self) -> Iterator[Program]:
        """The programs that are left to run."""
        seen: set[str] = set()
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    program = read_program(line.decode())
                    if program.id in seen:
                        raise ValueError(f"repeats the id {program.id!r}")
                except ValueError as error:
                    self.malformed += 1
                    print(f"{self.path}:{number}: skipped: {error}", file=sys.stderr)
                    continue
                seen.add(program.id)
                if program.id not in self.done:
                    yield program


def run(options: argparse.Namespace) -> int:
    """Grade every program of a file; started again, goes on where it stopped."""
    if not options.input.is_file():
        raise SandboxError(f"{options.input} does not exist; give --in a JSON lines file of programs")
    if options.output.exists() and options.output.samefile(options.input):
        raise SandboxError(f"--out {options.output} is the input itself; give --out another file")
    limits = Limits(**{f.name: getattr(options, f.name) for f in dataclasses.fields(Limits)})
    source = _Input(options.input, _finished(options.output))
    counts: dict[str, int] = {}
    tests = shared = vacuous = 0
    with (
        options.output.open("a", encoding="utf-8") as out,
        Sandbox(options.workers, limits, options.isolation, tuple(options.package)) as box,
    ):
        for verdict in box.stream(source.programs()):
            out.write(write_verdict(verdict) + "\n")
            out.flush()
            counts[verdict.outcome] = counts.get(verdict.outcome, 0) + 1
            tests += len(verdict.outcomes)
            shared += sum(test.in_process for test in verdict.outcomes)
            vacuous += sum(test.outcome == "vacuous" for test in verdict.outcomes)
    summary = (
        ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "nothing left to do"
    )
    before = f"{len(source.done)} done before; {source.malformed} lines skipped"
    print(f"of {tests} tests {shared} were in_process and {vacuous} vacuous")
    print(f"{summary}; isolation {options.isolation}, cgroup limits {box.cgroups}; {before}")
    return 1 if source.malformed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description=__doc__.split("\n")[0] if __doc__ else ""
    )
    commands = parser.add_subparsers(dest="command", required=True)
    grade = commands.add_parser("run", help="grade a JSON lines file of programs")
    grade.add_argument("--in", dest="input", type=Path, required=True, help="JSON lines file of programs")
    grade.add_argument(
        "--out", dest="output", type=Path, required=True, help="JSON lines file of verdicts, appended to"
    )
    grade.add_argument("--workers", type=int, default=None, help="worker processes (default: one per CPU)")
    grade.add_argument("--isolation", choices=TIERS, default="full")
    grade.add_argument(
        "--package", action="append", default=[], help="a third-party package that programs may import"
    )
    for field in dataclasses.fields(Limits):
        flag, default = "--" + field.name.replace("_", "-"), field.default
        if isinstance(default, bool):
            grade.add_argument(flag, action="store_true")
        else:
            grade.add_argument(flag, type=type(default), default=default, help="limit (default: %(default)s)")
    count = commands.add_parser("shapes", help="how the tests of a data set would be graded; runs nothing")
    count.add_argument(
        "--in", dest="input", type=Path, nargs="+", required=True, help="JSON lines files, counted together"
    )
    commands.add_parser("doctor", help="what this host allows, and what to change")
    measure = commands.add_parser(
        "bench", help="CPU time per program, beside other executors where they are installed"
    )
    measure.add_argument("--programs", type=int, default=200)
    measure.add_argument("--rounds", type=int, default=7)
    measure.add_argument("--isolation", choices=TIERS, default="full")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run a command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    commands: dict[str, Any] = {
        "run": run,
        "shapes": shapes.main,
        "doctor": doctor.main,
        "bench": bench.main,
    }
    try:
        status: int = commands[options.command](options)
    except SandboxError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main())
