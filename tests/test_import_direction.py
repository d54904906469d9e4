"""Who may import whom, read off every file's syntax tree: the design's picture, enforced.

records <- {data, sandbox client, models} <- {synthesis, sampling, training, rewards, benchmarks, report}
<- benches <- stages. `sandbox` imports only the standard library; `sandbox` and `synthesis` import no jax; nothing
imports a stage but the command line and the demo, which run them by name.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LEVELS = {
    "errors": 0,
    "data": 1,
    "models": 1,
    "synthesis": 2,
    "sampling": 2,
    "training": 2,
    "rewards": 2,
    "benchmarks": 2,
    "report": 2,
    "benches": 3,
}
JAX = {"jax", "jaxlib", "flax", "optax", "orbax", "grain"}
MAY_IMPORT_STAGES = {"__main__", "demo"}
# Never loaded unless asked for: values of a candidate that itself uses numpy, and the bench's comparison row.
IN_FUNCTIONS_OF_THE_SANDBOX = {"sandbox.jailed.rebuilt": {"numpy"}, "sandbox.bench": {"evalplus"}}
# The cluster backend is a module of its own and an extra; nothing else imports it (tested below).
MODULES_OF_EXTRAS = {"sandbox.ray_backend": {"ray"}}


def modules(package):
    """Dotted name -> file, for every file of a package."""
    files = sorted((ROOT / package).rglob("*.py"))
    return {".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): f for f in files}


def imports(name, tree, is_package=False):
    """Every module that a file imports, wherever in the file, relative imports resolved."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = name.split(".") if is_package else name.split(".")[:-1]
            prefix = ".".join(base[: len(base) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [prefix, node.module]))
            found.add(module)
            found |= {f"{module}.{alias.name}" for alias in node.names}  # a name may be a submodule
    return found


OURS, SANDBOX = modules("acecoder_jax"), modules("sandbox")
STAGES = {path.stem for path in (ROOT / "acecoder_jax").glob("*.py")} - {"__init__", "__main__", "errors"}


@cache
def imports_of(name):
    path = (OURS | SANDBOX)[name]
    return imports(name, ast.parse(path.read_text(), str(path)), path.name == "__init__.py")


def room(module):
    """`acecoder_jax.models.decoder` stands in the room `models`; the package itself stands in none."""
    parts = module.split(".")
    return parts[1] if parts[0] == "acecoder_jax" and len(parts) > 1 else None


def test_the_reader_of_imports_sees_them_all():
    tree = ast.parse("import a.b\nfrom . import c\nfrom ..d import e\ndef f():\n    from g.h import i as j")
    expected = {"a.b", "p.q", "p.q.c", "p.d", "p.d.e", "g.h", "g.h.i"}
    assert imports("p.q.r", tree) == expected
    assert imports("p.q.r", ast.parse("from . import c"), is_package=True) == {"p.q.r", "p.q.r.c"}


def test_every_room_has_a_level():
    folders = {
        path.name for path in (ROOT / "acecoder_jax").iterdir() if path.is_dir() and path.name[0] != "_"
    }
    assert folders <= set(LEVELS), "a new room needs its place in the picture"
    assert len(OURS) > 30 and len(SANDBOX) > 5 and {"sample", "score", "train_policy"} <= STAGES


@pytest.mark.parametrize("name", OURS)
def test_imports_never_point_up_the_picture(name):
    if room(name) in LEVELS:
        up = {t for t in imports_of(name) if LEVELS.get(room(t), 0) > LEVELS[room(name)]}
        assert not up


def test_rooms_form_no_circle():
    graph = {own: set() for own in LEVELS}
    for name in OURS:
        if room(name) in LEVELS:
            graph[room(name)] |= {room(t) for t in imports_of(name)} & set(LEVELS) - {room(name)}
    assert len(list(TopologicalSorter(graph).static_order())) == len(LEVELS)  # a circle raises CycleError
    assert "models" in graph["training"] and "data" in graph["models"]


@pytest.mark.parametrize("name", OURS)
def test_nothing_imports_a_stage(name):
    stages = {target for target in imports_of(name) if room(target) in STAGES and room(target) != room(name)}
    if room(name) not in MAY_IMPORT_STAGES:
        assert not stages


@pytest.mark.parametrize("name", SANDBOX)
def test_the_sandbox_imports_only_the_standard_library(name):
    roots = {target.split(".")[0] for target in imports_of(name)}
    assert roots - set(sys.stdlib_module_names) - {"sandbox"} <= (
        IN_FUNCTIONS_OF_THE_SANDBOX | MODULES_OF_EXTRAS
    ).get(name, set())


@pytest.mark.parametrize("name", IN_FUNCTIONS_OF_THE_SANDBOX)
def test_the_sandboxs_exceptions_are_imported_inside_functions_only(name):
    if name not in SANDBOX:
        pytest.skip(f"{name} is gone: take it off the list")
    top = ast.Module(
        [n for n in ast.parse(SANDBOX[name].read_text()).body if not isinstance(n, ast.FunctionDef)], []
    )
    roots = {target.split(".")[0] for target in imports(name, top)}
    assert not roots & IN_FUNCTIONS_OF_THE_SANDBOX[name]


@pytest.mark.parametrize("extra", MODULES_OF_EXTRAS)
def test_nothing_else_imports_a_module_of_an_extra(extra):
    others = [name for name in SANDBOX if name != extra]
    assert not [name for name in others if extra in imports_of(name)]


def test_records_import_only_the_standard_library_and_errors():
    outside = {
        target for target in imports_of("acecoder_jax.data.records") if target.split(".")[0] != "acecoder_jax"
    }
    assert {target.split(".")[0] for target in outside} <= set(sys.stdlib_module_names)
    assert {room(t) for t in imports_of("acecoder_jax.data.records")} - {None} == {"errors"}


def test_only_clients_of_the_sandbox_import_it():
    """Rooms that make arrays never start processes; stages, rewards and the like reach the sandbox."""
    users = {room(name) for name in OURS if any(t.split(".")[0] == "sandbox" for t in imports_of(name))}
    assert not users & {"models", "sampling", "training", "report"}


@pytest.mark.parametrize("name", [n for n in OURS if room(n) == "synthesis"] + [*SANDBOX])
def test_sandbox_and_synthesis_name_no_jax(name):
    assert not {target.split(".")[0] for target in imports_of(name)} & JAX


def test_importing_sandbox_and_synthesis_loads_no_jax():
    """Whatever the syntax says: what is loaded in the end, straight or through other rooms."""
    names = [n for n in OURS if room(n) == "synthesis" and ".seeds." not in n] + ["sandbox"]
    names += ["acecoder_jax.data.records", "acecoder_jax.data.folders", "acecoder_jax.errors"]
    code = (
        f"import importlib, sys\nfor n in {names!r}: importlib.import_module(n)\nprint(sorted(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    loaded = set(ast.literal_eval(result.stdout))
    assert "sandbox" in loaded and not {name.split(".")[0] for name in loaded} & JAX


def test_importing_the_sandbox_loads_the_standard_library_alone():
    code = "import sys\nbefore = set(sys.modules)\nimport sandbox\nprint(sorted(set(sys.modules) - before))"
    result = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    loaded = {name.split(".")[0] for name in ast.literal_eval(result.stdout)}
    assert loaded <= set(sys.stdlib_module_names) | {"sandbox"}


def test_importing_the_command_line_is_light():
    """`acecoder --help` must not wait for jax: stages are imported when they run."""
    code = "import sys, acecoder_jax.__main__\nprint(sorted(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert not {name.split(".")[0] for name in ast.literal_eval(result.stdout)} & {
        "jax",
        "torch",
        "transformers",
    }
