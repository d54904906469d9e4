"""From a language model's reply to a question with tests; strict, with every repair and every drop counted.

The paper's teachers answer with `{"question": ..., "tests": [...]}`. `read_reply` takes exactly that. Three things
that models get wrong are repaired, and nothing else:

- `text around the JSON`: a reasoning block, a code fence or prose before and after the object is cut off;
- `control characters in strings`: a line break or tab that stands in a string as itself is taken as it is;
- `trailing comma`: a comma before a closing bracket, outside of strings, is removed.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import Any

from acecoder_jax.data.code import LONGEST_PARSED
from acecoder_jax.synthesis.outcomes import Rejection
from sandbox.vacuous import why_vacuous

# What a test may call beside the function: builtins that only look at its answer or write a constant.
_ALLOWED = (
    "abs all any dict float frozenset int isinstance len list max min range round set sorted str sum tuple"
)
ALLOWED_BUILTINS = frozenset(_ALLOWED.split())
# A whole string, or a comma with nothing but space before a closing bracket.
_STRING_OR_COMMA = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=\s*[\]}])', re.DOTALL)


@dataclass(frozen=True)
class Prompt:
    """What a language model is asked: the seed's or question's id, the user's message, and which of several replies."""

    id: str
    text: str
    sample: int = 0


@dataclass(frozen=True)
class Reply:
    """What a language model answered.

    Attributes:
      text: the message.
      finish_reason: `stop`; `length` when it was cut at the limit; `content_filter` when it was refused.
      prompt_tokens, completion_tokens: as the model counts them; 0 where an endpoint does not say.
    """

    text: str
    finish_reason: str
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True)
class Draft:
    """A question as a model worded it, with the tests that can be used."""

    prompt: str
    tests: tuple[str, ...]
    entry_point: str


def read_reply(reply: Reply, notes: Counter[str]) -> Draft | Rejection:
    """The reply's question, its function and its usable tests, of which there may be none.

    The function is the one that most of the tests call; the question must name it, or nobody could solve it.

    Args:
      reply: as the model gave it.
      notes: counts `repaired: ...` and `tests dropped: ...`, one for each reason.
    """
    if reply.finish_reason == "length":
        return Rejection("reply cut at the token limit", f"{reply.completion_tokens} tokens")
    if reply.finish_reason == "content_filter":
        return Rejection("reply refused by the model", reply.text[:200])
    if not reply.text.strip():
        return Rejection("empty reply")
    values = _parse(reply.text, notes)
    if isinstance(values, Rejection):
        return values
    question, tests = values["question"].strip(), values["tests"]
    trees = [_statement(test) for test in tests]
    entry_point = _function(trees)
    if entry_point is None:
        return Rejection("no test calls a function")
    if not re.search(rf"\b{re.escape(entry_point)}\b", question):
        return Rejection("question does not name its function", entry_point)
    kept: dict[str, str] = {}  # normalized source -> as written
    for text, tree in zip(tests, trees, strict=True):
        reason = tree if isinstance(tree, str) else _why_unusable(tree, entry_point)
        normal = "" if reason else ast.unparse(tree)
        if not reason and normal in kept:
            reason = "said twice"
        if reason:
            notes[f"tests dropped: {reason}"] += 1
        else:
            kept[normal] = text.strip()
    return Draft(question, tuple(kept.values()), entry_point)


def _parse(text: str, notes: Counter[str]) -> dict[str, Any] | Rejection:
    """The reply's object, its shape checked."""
    values, repairs = _loads(text)
    if repairs is None:
        return Rejection("reply is not JSON", values)
    if not isinstance(values, dict) or set(values) != {"question", "tests"}:
        found = sorted(map(str, values)) if isinstance(values, dict) else type(values).__name__
        return Rejection("reply has another form", f"expected the keys question and tests, found {found}")
    if not isinstance(values["question"], str) or not values["question"].strip():
        return Rejection("reply has another form", "question is not a text")
    if not isinstance(values["tests"], list):
        return Rejection("reply has another form", "tests is not a list")
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair: no file could hold it
        return Rejection("reply is not valid Unicode")
    notes.update(f"repaired: {repair}" for repair in repairs)
    return values


def _loads(text: str) -> tuple[Any, list[str] | None]:
    """The JSON value and the repairs it took; or what is wrong, and None, when they did not help."""
    try:
        return json.loads(text), []
    except (ValueError, RecursionError):
        pass
    repairs = []
    answer = text.rpartition("</think>")[2]
    inner = answer[answer.find("{") : answer.rfind("}") + 1]
    if inner and inner != text.strip():
        text, repairs = inner, ["text around the JSON"]
    without_commas = _STRING_OR_COMMA.sub(lambda m: "" if m[0] == "," else m[0], text)
    error: Exception | None = None
    for candidate, strict, repair in (
        (text, True, []),
        (text, False, ["control characters in strings"]),
        (without_commas, True, ["trailing comma"]),
        (without_commas, False, ["control characters in strings", "trailing comma"]),
    ):
        try:
            return json.loads(candidate, strict=strict), repairs + repair
        except (ValueError, RecursionError) as failure:
            error = error or failure
    return str(error), None


def _statement(test: Any) -> ast.Module | str:
    """A test's syntax tree, or why it is no test: it must be one `assert`."""
    if not isinstance(test, str):
        return "not a text"
    if len(test) > LONGEST_PARSED:
        return "too long"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a string is the test's own business
            tree = ast.parse(test.strip())
            ast.unparse(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "does not parse"
    if len(tree.body) != 1 or not isinstance(tree.body[0], ast.Assert):
        return "not one assert"
    return tree


def _called(tree: ast.Module) -> list[str]:
    """Names that are called, allowed builtins aside."""
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [f.id for f in calls if isinstance(f, ast.Name) and f.id not in ALLOWED_BUILTINS]


def _function(trees: list[ast.Module | str]) -> str | None:
    """The name that most tests call; of equals the one that comes first."""
    votes: Counter[str] = Counter()
    for tree in trees:
        if not isinstance(tree, str):
            votes.update(list(dict.fromkeys(_called(tree))))
    return max(votes, key=votes.__getitem__) if votes else None


def _why_unusable(tree: ast.Module, entry_point: str) -> str:
    """Why an assert is no test of the function: it must call it once, with constants, and check the answer."""
    called = _called(tree)
    if entry_point not in called:
        return "does not call the function"
    if called != [entry_point]:
        return "calls it more than once, or another function too"
    nodes = list(ast.walk(tree))
    names = [node.id for node in nodes if isinstance(node, ast.Name)]
    if set(names) - ALLOWED_BUILTINS - {entry_point} or names.count(entry_point) != 1:
        return "uses other names"
    if any(isinstance(node, ast.Attribute | ast.Lambda | ast.NamedExpr | ast.Await) for node in nodes):
        return "uses other names"
    return "checks nothing" if why_vacuous(tree, frozenset({entry_point}), []) else ""
