"""Runs untrusted Python programs against tests and says which passed, in a way that a program cannot fake.

    from sandbox import Sandbox, Limits, Program

    with Sandbox(workers=2, limits=Limits(), isolation="full") as box:
        verdicts = box.run([Program("a", "def f(x): return x + 1", ("assert f(1) == 2",), ("f",))])

Standard library only, Linux only. The judge that knows the expected values never shares a process with a
candidate.
"""

from sandbox.pool import Sandbox
from sandbox.records import (
    OUTCOMES,
    EvaluatedCall,
    Evaluation,
    EvaluationResult,
    Limits,
    Program,
    SandboxError,
    TestOutcome,
    Verdict,
)

__all__ = [
    "OUTCOMES",
    "EvaluatedCall",
    "Evaluation",
    "EvaluationResult",
    "Limits",
    "Program",
    "Sandbox",
    "SandboxError",
    "TestOutcome",
    "Verdict",
]
