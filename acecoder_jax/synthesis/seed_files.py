"""Seeds from Python files: the shipped ones, or a folder of one's own.

The first box of the picture. Files are read with `ast` and never imported, so a seed's code first runs in
the sandbox. Each public top-level function becomes one seed: its source, together with the module's imports
and the top-level definitions that it uses.
"""

from __future__ import annotations

import ast
from pathlib import Path

from acecoder_jax.data.records import Seed
from acecoder_jax.errors import UserError

BUILTIN = Path(__file__).parent / "seeds"


def load_seeds(folder: str | Path | None = None) -> list[Seed]:
    """Read every public top-level function below a folder, in the order of paths and lines.

    Args:
      folder: where the `.py` files are; None for the seeds that come with the package.

    Returns:
      Seeds with ids such as `strings/count_vowels`: the file's path without `.py`, then the function's name.

    Raises:
      UserError: the folder is missing, holds no function, or a file is not valid Python.
    """
    root = BUILTIN if folder is None else Path(folder)
    if not root.is_dir():
        raise UserError(f"{root}: no such folder of seeds; correct `seeds` in the config, or use 'builtin'")
    source = "builtin" if folder is None else root.resolve().name
    seeds = []
    for path in sorted(root.rglob("*.py")):
        prefix = path.relative_to(root).with_suffix("").as_posix()
        for name, program in _functions(_parse(path)):
            seeds.append(Seed(id=f"{prefix}/{name}", source=source, program=program, entry_point=name))
    if not seeds:
        raise UserError(
            f"{root}: no seeds: no .py file there defines a public function; add some, or use 'builtin'"
        )
    return seeds


def _parse(path: Path) -> tuple[str, ast.Module]:
    try:
        text = path.read_text(encoding="utf-8")
        return text, ast.parse(text)
    except SyntaxError as error:
        raise UserError(
            f"{path}:{error.lineno}: not valid Python ({error.msg}); fix or remove the file"
        ) from error
    except (OSError, ValueError) as error:  # unreadable, not UTF-8, or with null bytes
        raise UserError(
            f"{path}: cannot be read as Python source ({error}); fix or remove the file"
        ) from error


def _functions(module: tuple[str, ast.Module]) -> list[tuple[str, str]]:
    """Name and self-contained program of each public function of a parsed module."""
    text, tree = module
    statements = [node for node in tree.body if not _is_main_guard(node)]
    binders: dict[str, list[ast.stmt]] = {}
    for statement in statements:
        for name in _bound_names(statement):
            binders.setdefault(name, []).append(statement)
    everywhere = [
        node for node in statements if isinstance(node, ast.ImportFrom) and _applies_everywhere(node)
    ]
    programs: dict[str, str] = {}  # a function defined twice counts once, as Python would have it
    for function in statements:
        if not isinstance(function, ast.FunctionDef) or function.name.startswith("_"):
            continue
        needed = {id(node) for node in everywhere}
        open_nodes: list[ast.stmt] = [function]
        while open_nodes:
            node = open_nodes.pop()
            if id(node) not in needed:
                needed.add(id(node))
                for name in _used_names(node):
                    open_nodes.extend(binders.get(name, ()))
        parts = [_source(text, node) for node in statements if id(node) in needed]
        programs[function.name] = "\n\n".join(parts) + "\n"
    return list(programs.items())


def _source(text: str, node: ast.stmt) -> str:
    """The statement's lines, decorators included."""
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])


def _is_main_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def _applies_everywhere(node: ast.ImportFrom) -> bool:
    return node.module == "__future__" or any(alias.name == "*" for alias in node.names)


def _bound_names(statement: ast.stmt) -> set[str]:
    """Names that a top-level statement binds in the module."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    names = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def _used_names(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
