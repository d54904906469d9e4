"""The one code extractor, from a model's answer to the program that is graded, and the names that tests may use of it.

Scoring, reward-model training, RL and evaluation all call `extract_program`; the sampling engine's stop rule asks
the same function, so that a completion never ends before the program it is graded on.
"""

from __future__ import annotations

import re

from acecoder_jax.data.records import Question

# A fence opens at a line's start and closes with a bare fence; an unclosed block is no program.
_BLOCK = re.compile(r"^[ \t]*```[ \t]*([\w+-]*)[ \t\r]*\n(.*?)^[ \t]*```[ \t\r]*$", re.DOTALL | re.MULTILINE)
_DEFINED = re.compile(r"^(?:(?:async\s+)?def|class)\s+(\w+)", re.MULTILINE)
_PYTHON = ("", "python", "py", "python3")

# Characters that this project parses of what a model or a data set says: a syntax tree takes about a thousand times
# as much memory as the text. Longer programs are still run, in the sandbox with its limits.
LONGEST_PARSED = 200_000


def extract_program(text: str, entry_point: str | None = None) -> str | None:
    """The program in a model's answer, or None when there is no closed Python code block.

    Models add blocks that show how the function is used. So: the last block that defines `entry_point` (as a
    function, class or assignment), else the last block of all.
    """
    blocks = python_blocks(text)
    if not blocks:
        return None
    if entry_point is not None:
        defining = [body for body in blocks if defines(body, entry_point)]
        blocks = defining or blocks
    return blocks[-1]


def python_blocks(text: str) -> list[str]:
    """The bodies of the closed code blocks that are marked as Python, or not marked at all."""
    return [body for language, body in _BLOCK.findall(text) if language.lower() in _PYTHON and body.strip()]


def defines(program: str, name: str) -> bool:
    """Whether a program's text defines `name` at its top level; a cheap look that never parses hostile code."""
    name = re.escape(name)
    pattern = rf"^(?:(?:async\s+)?def\s+{name}\s*\(|class\s+{name}\b|{name}\s*[:=](?!=))"
    return re.search(pattern, program, re.MULTILINE) is not None


def candidate_names(question: Question) -> tuple[str, ...]:
    """What tests may take from a solution: the entry point, and what the reference defines beside it.

    MBPP's task 367 is graded on trees of the solution's own `Node`.
    """
    return tuple(dict.fromkeys((question.entry_point, *_DEFINED.findall(question.reference or ""))))
