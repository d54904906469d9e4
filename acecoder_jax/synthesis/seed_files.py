"""Seeds from Python files: the shipped ones, a folder of one's own, or an installed package.

The first box of the picture. Files are read with `ast` and never imported, so a seed's code first runs in
the sandbox. Each public top-level function becomes one seed: its source, together with the module's imports
and the top-level definitions that it uses.
"""

from __future__ import annotations

import ast
import doctest
import fnmatch
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from acecoder_jax.data.records import Seed
from acecoder_jax.errors import UserError

BUILTIN = Path(__file__).parent / "seeds"
LONGEST_PROGRAM = 20_000  # characters; a teacher has to read it
_LONGEST_FILE = 2**20  # bytes; parsing takes about a thousand times as much memory


@dataclass(frozen=True)
class Found:
    """A seed that a reader found.

    Attributes:
      seed: the seed.
      own: the part of its program that is compared for near duplicates. All of it, but for one of many
        functions of a module, whose program repeats what the module's functions share: the function alone.
    """

    seed: Seed
    own: str


@dataclass(frozen=True)
class Dropped:
    """Code that becomes no seed: where it stands, a short reason that is counted, a detail for people."""

    id: str
    reason: str
    detail: str = ""


def load_seeds(folder: str | Path | None = None) -> list[Seed]:
    """The seeds of a folder, or the shipped ones, as a list; see `read_folder`."""
    root, source = (BUILTIN, "builtin") if folder is None else (Path(folder), Path(folder).resolve().name)
    return [item.seed for item in read_folder(root, source) if isinstance(item, Found)]


def read_folder(
    root: Path, source: str, longest: int = LONGEST_PROGRAM, files: str = "*.py"
) -> Iterator[Found | Dropped]:
    """Read every public top-level function below a folder, in the order of paths and lines.

    Args:
      root: where the `.py` files are.
      source: the collection's name.
      longest: characters that a program may have.
      files: the pattern of the files' names.

    Yields:
      Seeds with ids such as `strings/count_vowels`: the file's path without `.py`, then the function's name.

    Raises:
      UserError: the folder is missing, holds no function, or a file is not valid Python.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder of seeds; correct `seeds` in the config, or use 'builtin'")
    nothing = True
    for path in python_files(root, files):
        for item in _read_file(path, path.relative_to(root).with_suffix("").as_posix(), source, longest):
            nothing = False
            yield item
    if nothing:
        raise UserError(
            f"{root}: no seeds: no .py file there defines a public function; add some, or use 'builtin'"
        )


def python_files(root: Path, files: str = "*.py") -> list[Path]:
    found = (path for path in root.rglob("*.py") if fnmatch.fnmatch(path.name, files))
    return sorted(path for path in found if path.is_file())


def read_package(name: str, longest: int = LONGEST_PROGRAM) -> Iterator[Found | Dropped]:
    """Read the functions with doctests of an installed package, which is not imported.

    Yields:
      Seeds with ids such as `toolz/itertoolz/groupby`; and what is left out: functions without a doctest,
      functions that need another part of the package, and files that cannot be parsed.

    Raises:
      UserError: see `package_files`.
    """
    package = import_name(name)
    for prefix, path in package_files(name):
        try:
            items = list(_read_file(path, prefix, package, longest))
        except UserError as error:
            yield Dropped(prefix, "not valid Python", str(error))
            continue
        for item in items:
            yield _of_package(item, package) if isinstance(item, Found) else item


def package_files(name: str) -> list[tuple[str, Path]]:
    """The Python files of an installed package but its tests, each after the prefix of its functions' ids.

    Raises:
      UserError: the package is not installed, or holds no Python file.
    """
    package = import_name(name)
    # For a name without dots this looks through the folders of sys.path and imports nothing.
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None:
        raise UserError(
            f"package:{name}: no such package is installed; `pip install` it, and give the name it is imported by"
        )
    if spec.submodule_search_locations is None:
        origin = spec.origin or ""
        files = [(package, Path(origin))] if origin.endswith(".py") else []
    else:
        roots = map(Path, spec.submodule_search_locations)
        found = [(path.relative_to(root), path) for root in roots for path in python_files(root)]
        files = [
            ("/".join([package, *inside.with_suffix("").parts]).removesuffix("/__init__"), path)
            for inside, path in found
            if not any(part.startswith("test") for part in inside.parts)
        ]
    if not files:
        raise UserError(f"package:{name}: holds no Python source; give another package")
    return files


def import_name(package: str) -> str:
    """`more_itertools` for `more-itertools`."""
    return package.replace("-", "_")


def _of_package(item: Found, package: str) -> Found | Dropped:
    tree = ast.parse(item.seed.program)
    function = next(node for node in tree.body if getattr(node, "name", None) == item.seed.entry_point)
    if not _has_doctest(function):
        return Dropped(item.seed.id, "no doctest")
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names = ["." * node.level + (node.module or "")]
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for imported in names:
            if imported.split(".")[0] in ("", package):
                return Dropped(item.seed.id, "needs the rest of its package", f"imports {imported}")
    return item


def _has_doctest(function: ast.AST) -> bool:
    docstring = ast.get_docstring(function) if isinstance(function, ast.FunctionDef) else None
    try:
        return bool(doctest.DocTestParser().get_examples(docstring or ""))
    except ValueError:  # malformed examples
        return False


def _read_file(path: Path, prefix: str, source: str, longest: int) -> Iterator[Found | Dropped]:
    if path.stat().st_size > _LONGEST_FILE:
        yield Dropped(prefix, "file too long", f"{path.stat().st_size / 2**20:.1f} MiB")
        return
    for name, (program, own) in module_functions(*_parse(path)).items():
        id = f"{prefix}/{name}"
        if len(program) > longest:
            yield Dropped(id, "program too long", f"{len(program):,} characters")
        else:
            yield Found(Seed(id=id, source=source, program=program, entry_point=name), own)


def _parse(path: Path) -> tuple[str, ast.Module]:
    try:
        text = path.read_text(encoding="utf-8")
        return text, ast.parse(text)
    except SyntaxError as error:
        raise UserError(
            f"{path}:{error.lineno}: not valid Python ({error.msg}); fix or remove the file"
        ) from error
    except (OSError, ValueError, RecursionError, MemoryError) as error:  # not UTF-8, null bytes, too deep
        raise UserError(
            f"{path}: cannot be read as Python source ({error}); fix or remove the file"
        ) from error


def module_functions(text: str, tree: ast.Module) -> dict[str, tuple[str, str]]:
    """For each public function of a parsed module: its self-contained program, and its own source alone."""
    statements = [node for node in tree.body if not _is_main_guard(node)]
    binders: dict[str, list[ast.stmt]] = {}
    for statement in statements:
        for name in _bound_names(statement):
            binders.setdefault(name, []).append(statement)
    everywhere = [
        node for node in statements if isinstance(node, ast.ImportFrom) and _applies_everywhere(node)
    ]
    programs: dict[str, tuple[str, str]] = {}  # a function defined twice counts once, as Python would have it
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
        programs[function.name] = "\n\n".join(parts) + "\n", _source(text, function)
    return programs


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
