"""The command line: run, restart, malformed lines, doctor; and the refusal to run below the tier that was
asked for.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import sandbox
from sandbox import Limits, Program, Sandbox
from sandbox.__main__ import main, read_program

ROOT = Path(sandbox.__file__).resolve().parent.parent


def line(name: str, **fields: object) -> str:
    return json.dumps(
        {"id": name, "program": "def f(x): return x + 1", "tests": ["assert f(1) == 2"], **fields}
    )


def ids(path: Path) -> list[str]:
    return [json.loads(text)["id"] for text in path.read_text().splitlines()]


def test_run_writes_a_verdict_for_each_program(tmp_path, capsys):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    script = json.dumps({"id": "d", "program": "print(input())", "stdin": ["a", "b"], "stdout": ["a", "c"]})
    suite = "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(f(1), 2)"
    unit = json.dumps({"id": "e", "program": "def f(x): return x + 1", "unittest": suite})
    source.write_text(
        "\n".join([line("a"), line("b", program="def f(x): return x", entry_point="f"), "", script, unit])
    )
    assert main(["run", "--in", str(source), "--out", str(out), "--workers", "2"]) == 0
    verdicts = {v["id"]: v for v in map(json.loads, out.read_text().splitlines())}
    assert {name: (v["outcome"], v["pass_rate"]) for name, v in verdicts.items()} == {
        "a": ("passed", 1.0),
        "b": ("failed", 0.0),
        "d": ("failed", 0.5),
        "e": ("passed", 1.0),
    }
    assert verdicts["e"]["outcomes"] == [{"outcome": "passed", "detail": "", "in_process": True}]
    assert verdicts["a"]["cpu_s"] > 0 and verdicts["a"]["wall_s"] > 0 and verdicts["a"]["packages"] == []
    said = capsys.readouterr().out
    assert "isolation full, cgroup limits " in said
    assert "of 5 tests 1 were in_process and 0 vacuous" in said


def test_run_goes_on_where_it_stopped(tmp_path):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(line(str(i)) for i in range(8)))
    command = ["run", "--in", str(source), "--out", str(out), "--workers", "1"]
    assert main(command) == 0
    whole = out.read_text().splitlines()
    out.write_text("\n".join(whole[:5]) + "\n" + whole[5][:17])  # killed in the middle of a line
    assert main(command) == 0
    assert sorted(ids(out)) == [str(i) for i in range(8)]
    before = out.read_text()
    assert main(command) == 0 and out.read_text() == before


def test_malformed_lines_are_reported_and_skipped(tmp_path, capsys):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    bad = [
        "{",
        "[]",
        '{"id": "x"}',
        line("y", tests=3),
        line("a"),
        line("z", stdin=["1"]),
        line("w", surprise=1),
        "[" * 100_000,
        "\udcff\udcfe",
        line("c", unittest="def ("),
        line("d", setup="def ("),
        line("e", program="\udcff").replace('"\\udcff"', '"\udcff"'),
    ]
    text = "\n".join([line("a"), *bad, line("b", program="def f(x): return x + 1  # \ud800")])
    source.write_text(text, encoding="utf-8", errors="surrogateescape")
    assert main(["run", "--in", str(source), "--out", str(out), "--workers", "1"]) == 1
    assert sorted(ids(out)) == ["a", "b"]
    errors = capsys.readouterr().err
    assert [f":{number}: skipped" in errors for number in range(1, 15)] == [False, *[True] * 12, False]


def test_user_mistakes_end_with_one_line_and_status_two(tmp_path, capsys):
    assert main(["run", "--in", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    source = tmp_path / "in.jsonl"
    source.write_text(line("a"))
    options = ["run", "--in", str(source), "--out", str(tmp_path / "out")]
    assert main([*options, "--package", "no_such_package"]) == 2
    assert "no_such_package" in capsys.readouterr().err
    for wrong in (
        ["--package", "a.b"],
        ["--package", "json"],
        ["--program-cpu-s", "inf"],
        ["--memory-mb", "9" * 15],
    ):
        assert main([*options, *wrong]) == 2
        assert wrong[1].removesuffix("9" * 5) in (said := capsys.readouterr().err) and said.count("\n") == 1
    assert main(["run", "--in", str(source), "--out", str(tmp_path)]) == 2
    assert "is a folder" in capsys.readouterr().err
    assert main(["run", "--in", str(source), "--out", str(source)]) == 2
    assert "the input itself" in capsys.readouterr().err and source.read_text() == line("a")
    assert main([*options, "--test-cpu-s", "0"]) == 2
    assert main([*options, "--workers", "-1"]) == 2
    capsys.readouterr()
    assert main(["run", "--in", str(source), "--out", str(tmp_path / "no" / "folder")]) == 2
    for content in ("something else\n", "[1]\n", '{"verdict": 1}\nhalf a line'):
        source.with_name("out").write_text(content)
        assert main(options) == 2
        assert source.with_name("out").read_text() == content
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 4 and all("give --out" in error for error in errors)


def test_shapes_counts_how_tests_would_be_graded(tmp_path, capsys):
    suite = (
        "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): f(1)\n    def test_b(self): f(2)"
    )
    records = [
        {"id": "a", "tests": ["assert f(1) == 2", "x = f(1)\nassert x", "assert True"], "entry_point": "f"},
        {"tests": ["assert f(2) == 2", "assert f(1"], "entry_points": ["f"], "reference": "while True: pass"},
        {"program": "while True: pass", "stdin": ["1", "2"], "stdout": ["1", "2"], "unittest": suite},
    ]
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    first.write_text("\n".join(map(json.dumps, records[:2])))
    second.write_text(json.dumps(records[2]) + "\n\n")
    assert main(["shapes", "--in", str(first), str(second)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("9 tests of 3 programs; 0 lines skipped\n")
    rows = {
        row[0]: row[1:3] for row in map(str.split, said.splitlines()) if row[0] != "vacuous" or "%" in row[2]
    }
    assert rows["split"] == ["2", "22.22%"] and rows["remote"] == ["1", "11.11%"]
    assert rows["script"] == rows["in_process"] == rows["vacuous"] == ["2", "22.22%"]
    assert "does not call the candidate" in said and "is not valid Python" in said


def test_shapes_reports_malformed_lines(tmp_path, capsys):
    source = tmp_path / "in.jsonl"
    bad = [
        "{",
        "[]",
        '{"id": "a"}',
        '{"tests": "assert f(1)"}',
        '{"tests": [3]}',
        '{"tests": 3}',
        '{"tests": ["assert f"], "setup": 1}',
        '{"unittest": "def ("}',
    ]
    source.write_text("\n".join([*bad, json.dumps({"tests": ["assert f(1) == 2"]})]))
    assert main(["shapes", "--in", str(source)]) == 1
    captured = capsys.readouterr()
    assert [f":{number}: skipped" in captured.err for number in range(1, 10)] == [True] * 8 + [False]
    assert captured.out.startswith("1 tests of 1 programs; 8 lines skipped")
    assert main(["shapes", "--in", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_line_becomes_the_program_that_it_says():
    program = read_program(line("a", entry_points=["f", "g"], setup="import math"))
    assert program == Program("a", "def f(x): return x + 1", ("assert f(1) == 2",), ("f", "g"), "import math")


def test_doctor_says_what_works_here(capsys):
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "full: works" in said and "cgroup limits, a backstop behind the others: " in said


def test_bench_compares_within_rounds(capsys):
    assert main(["bench", "--programs", "10", "--rounds", "2"]) == 0
    out = capsys.readouterr().out
    for text in (
        "bare fork of this process: ",
        "sandbox, 1 worker(s): ",
        " bare forks, ",
        " to ",
        " programs/s",
    ):
        assert text in out
    assert ("two workers are " in out) == (len(os.sched_getaffinity(0)) > 1)


def test_doctor_says_what_to_enable_for_cgroup_limits(capsys, monkeypatch):
    monkeypatch.setattr("sandbox.doctor.probe", lambda isolation: ([], "off: nobody delegated them"))
    assert main(["doctor"]) == 0  # they are never required
    said = capsys.readouterr().out
    assert "off: nobody delegated them" in said and "cgroup.subtree_control" in said


RESTRICTED = """
import ctypes, errno, os, struct, sys
from sandbox.jailed import confine, syscalls
machine = os.uname().machine
numbers = syscalls.numbers(machine)
numbers |= {{"unshare": 272, "mount": 165}} if machine == "x86_64" else {{"unshare": 97, "mount": 40}}
op = confine._op
deny, allow = op(6, 0x00050000 | errno.EPERM), op(6, 0x7FFF0000)
program = [op(0x20, 0)]
for name in {denied}:
    program += [op(0x15, numbers[name], 0, 1), deny]
# clone with any namespace flag, as container runtimes refuse it
program += [op(0x15, numbers["clone"], 0, 4), op(0x20, 16), op(0x45, 0x7E020000, 0, 1), deny, allow, allow]
code = b"".join(program)
buffer = ctypes.create_string_buffer(code, len(code))
fprog = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer)), 16)
confine.prctl(38, 1)
confine.prctl(22, 2, ctypes.addressof(fprog))
from sandbox import Program, Sandbox, SandboxError
good = Program("a", "def f(x): return x", ("assert f(1) == 1",), ("f",))
for isolation in ("full", "landlock"):
    try:
        with Sandbox(workers=1, isolation=isolation) as box:
            print(isolation, box.run([good])[0].outcome)
    except SandboxError as error:
        print(isolation, "refused", error)
"""


@pytest.mark.parametrize(
    ("denied", "landlock"),
    [(["unshare", "mount", "pivot_root"], "passed"), (["unshare", "landlock_create_ruleset"], "refused")],
)
def test_a_host_that_refuses_namespaces_is_refused_by_name(denied, landlock):
    """As in Docker with its default profile: no full tier, an error that says what to enable, and no silent
    fallback.
    """
    script = textwrap.dedent(RESTRICTED).format(denied=denied)
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    full, weaker = done.stdout.strip().split("\n")
    assert full.startswith("full refused") and "user namespaces" in full and "seccomp=unconfined" in full
    assert weaker.startswith(f"landlock {landlock}"), done.stderr


def test_the_weakest_tier_must_be_named_in_full():
    with pytest.raises(sandbox.SandboxError, match="choose one of"):
        Sandbox(isolation="none")
    with Sandbox(workers=1, isolation="none-i-trust-the-programs", limits=Limits(test_cpu_s=0.5)) as box:
        programs = [
            Program("a", "def f(x): return x", ("assert f(1) == 1", "a = f(2)\nassert a == 2"), ("f",)),
            Program("b", "def f(x):\n    while True: pass", ("assert f(1) == 1",), ("f",)),
            Program(
                "c",
                "import os, time\ndef f(x):\n    if os.fork() == 0: time.sleep(100)\n    return x",
                ("assert f(1) == 1",),
                ("f",),
            ),
            Program("d", "def f(x): return x", ("assert f(1) == 1",), ("f",)),
        ]
        assert [v.outcome for v in box.run(programs)] == ["passed", "timeout", "passed", "passed"]


def test_asyncio_forms():
    async def go() -> None:
        with Sandbox(workers=2) as box:
            programs = [
                Program(str(i), "def f(x): return x", ("assert f(1) == 1",), ("f",)) for i in range(30)
            ]
            verdicts = await box.run_async(programs)
            assert [v.id for v in verdicts] == [p.id for p in programs]
            found = [verdict.id async for verdict in box.stream_async(iter(programs))]
            assert sorted(found, key=int) == [p.id for p in programs]

    asyncio.run(go())
