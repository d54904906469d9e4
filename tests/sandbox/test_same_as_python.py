"""A test passes in the sandbox where it passes in a bare interpreter, and nowhere else."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path

from sandbox import Limits, Program, Sandbox
from tests.sandbox.python_cases import NAMES, PROGRAM, TESTS

# What the sandbox supplies where a test does not import it.
SUPPLIED = """
import contextlib, dataclasses, decimal, enum, ipaddress, itertools, json, random, re, statistics
from collections import Counter, defaultdict
import sys
from sandbox.jailed.common import PYTEST as pytest
sys.modules['pytest'] = pytest
"""


def test_same_as_python():
    jobs = [json.dumps({"setup": SUPPLIED, "program": PROGRAM, "tests": [test]}) for test in TESTS]
    script = Path(__file__).with_name("naive.py")
    naive = subprocess.run(
        [sys.executable, str(script)],
        input="\n".join(jobs),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    expected = list(itertools.chain.from_iterable(map(json.loads, naive.stdout.splitlines())))
    assert len(expected) == len(TESTS) and expected.count("passed") > 50
    assert len(TESTS) - expected.count("passed") > 15  # a check that cannot fail would be none
    programs = [Program(str(i), PROGRAM, (test,), tuple(NAMES.split())) for i, test in enumerate(TESTS)]
    with Sandbox(workers=1, limits=Limits(test_cpu_s=6.0)) as box:
        verdicts = box.run(programs)
    different = [
        (test, python, verdict.outcomes[0])
        for test, python, verdict in zip(TESTS, expected, verdicts, strict=True)
        if (python == "passed") != (verdict.outcome == "passed")
    ]
    assert not different
