"""Seeds from rows: the paper's three data sets in their released columns, and JSONL of one's own.

Beside `seed_files`, which reads Python files. The columns say which form a file has; a row becomes a seed when it
holds a Python program with a function or a class, and is dropped with a reason otherwise.
"""

from __future__ import annotations

import ast
import itertools
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from acecoder_jax.data.code import python_blocks
from acecoder_jax.data.records import Seed
from acecoder_jax.errors import UserError
from acecoder_jax.synthesis.seed_files import LONGEST_PROGRAM, Dropped, Found, module_functions
from acecoder_jax.synthesis.tables import Row, columns, rows


@dataclass(frozen=True)
class Form:
    """The released columns of one kind of data set.

    Attributes:
      source: the seeds' source, as AceCode-87K calls it; None for the name given in the row, or the file's.
      program: the column with the code.
      instruction: the column with the request, where there is one.
      fenced: whether the code is a fenced block in an answer, not the whole column.
      language: the column with the programming language, where there is one.
      shortest: characters below which the released pipeline leaves the program out.
      function: the column with a function's name, where `program` holds its whole module: the seed is the function
        with what it uses of the module.
    """

    source: str | None
    program: str
    instruction: str | None = None
    fenced: bool = False
    language: str | None = None
    shortest: int = 0
    function: str | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.language, self.instruction, self.function, self.program)))


# Looked at in this order: the first whose columns are all there is the file's.
FORMS = {
    "OSS-Instruct": Form("oss", "solution", "problem", fenced=True, language="lang"),
    "OSS-Instruct, instruction and response": Form(
        "oss", "response", "instruction", fenced=True, language="lang"
    ),
    "Evol-Instruct": Form("evol", "response", "instruction", fenced=True),
    "stack-dedup-python-fns": Form("bigcode_python_fns", "content", shortest=101),
    "functions of modules": Form(None, "module", function="name"),
    "one's own": Form(None, "program"),
}
OPTIONAL = ("id", "path", "source", "instruction", "entry_point")  # of the last two


def read_tables(
    paths: Iterable[Path], name: str, longest: int = LONGEST_PROGRAM
) -> Iterator[Found | Dropped]:
    """Read the rows of a data set's files as seeds.

    A file of one's own needs the column `program`, and may have `instruction`, `entry_point` (the function to
    ask for), `id` and `source`. Or it has one row for each function of a larger project: its `module`'s text and its
    `name`, and perhaps the module's `path`, which then gives ids such as `sorts/bubble_sort/bubble_sort`.

    Args:
      paths: the files, in order; each may have another form.
      name: the source of rows that name none.
      longest: characters that an answer, an instruction or a program may have.

    Yields:
      Seeds with ids such as `oss_17`, the row's number in the data set, or the id that the row itself has.

    Raises:
      UserError: a file is damaged, or its columns are those of no form.
    """
    numbers = itertools.count()
    for path in paths:
        form = form_of(path)
        wanted = {*form.needs, *(OPTIONAL if form.source is None else ())}
        for (where, row), number in zip(rows(path, wanted), numbers):
            yield _read_row(form, row, f"{form.source or name}_{number}", name, where, longest)


def form_of(path: Path) -> Form:
    """The form of a file's columns; raises UserError with both when there is none."""
    found = columns(path)
    for form in FORMS.values():
        if set(form.needs) <= set(found):
            return form
    known = "; ".join(f"{', '.join(form.needs)} ({name})" for name, form in FORMS.items())
    raise UserError(f"{path}: has the columns {', '.join(found)}; seeds need one of: {known}")


def _read_row(form: Form, row: Row | None, id: str, name: str, where: str, longest: int) -> Found | Dropped:
    if row is None:
        return Dropped(id, "not UTF-8", where)
    if form.source is None and isinstance(row.get("id"), str | int):
        id = str(row["id"])
    elif form.function is not None and isinstance(row.get("path"), str):
        id = f"{row['path'].removesuffix('.py')}/{row.get(form.function)}"
    texts = [row.get(column) for column in form.needs]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        return Dropped(id, "text missing", where)
    instruction = row.get(form.instruction or "instruction")
    instruction = instruction if isinstance(instruction, str) and instruction.strip() else None
    size = max(len(row[form.program]), len(instruction or ""))
    if size > longest:
        return Dropped(id, "program too long", f"{size:,} characters")
    if form.language is not None and row[form.language].lower() != "python":
        return Dropped(id, "not Python", row[form.language])
    if len(row[form.program]) < form.shortest:
        return Dropped(id, "program too short", f"{len(row[form.program])} characters")
    if form.function is not None:
        return _of_module(id, row[form.program], row[form.function], str(row.get("source") or name), where)
    asked = row.get("entry_point") if form.source is None else None
    found = _find_program(python_blocks(row[form.program]) if form.fenced else [row[form.program]], asked)
    if isinstance(found, str):
        return Dropped(id, found, where)
    program, entry_point = found
    source = form.source or row.get("source") or name
    return Found(Seed(id, str(source), program, entry_point, instruction), program)


def _of_module(id: str, module: str, function: str, source: str, where: str) -> Found | Dropped:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of strings such as "\d"
            functions = module_functions(module, ast.parse(module))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Dropped(id, "not valid Python", where)
    if function not in functions:
        return Dropped(id, "no such public function", where)
    program, own = functions[function]
    return Found(Seed(id, source, program, function), own)


def _find_program(programs: list[str], asked: str | None) -> tuple[str, str] | str:
    """The first program with a function or a class and its entry point, or the reason that there is none."""
    reason = "no Python code block"
    for program in programs:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of strings such as "\d"
                tree = ast.parse(program)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            reason = "not valid Python"
            continue
        entry_point = find_entry_point(tree)
        names = {getattr(node, "name", None) for node in tree.body}
        if entry_point is not None and (not asked or asked in names):
            return program, asked or entry_point
        reason = "no function or class" if entry_point is None else "entry point not defined"
    return reason


def find_entry_point(tree: ast.Module) -> str | None:
    """What a program is for: the last top-level function that no other part of it uses, or its last class.

    Programs define helpers first and use them later. Where all functions use each other it is the last one; a
    function named `main` is taken only when there is no other.
    """
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    if not functions:
        classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
        return classes[-1] if classes else None
    used_by_others = {
        part.id
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name != "main"
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and part.id != node.name
    }
    names = [function.name for function in functions if function.name != "main"] or ["main"]
    return ([name for name in names if name not in used_by_others] or names)[-1]
