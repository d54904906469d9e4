"""The shipped seeds: enough of them, documented, typed, and every docstring example true."""

import ast
import doctest
import importlib.util

import pytest

from acecoder_jax.synthesis.seed_files import BUILTIN, load_seeds

MODULES = sorted(path for path in BUILTIN.glob("*.py") if path.name != "__init__.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_docstring_example_holds(path):
    spec = importlib.util.spec_from_file_location(f"seeds_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    results = doctest.testmod(module)
    functions = sum(isinstance(node, ast.FunctionDef) for node in ast.parse(path.read_text()).body)
    assert results.failed == 0
    assert results.attempted >= 2 * functions


def test_there_are_enough_seeds_with_distinct_names():
    seeds = load_seeds()
    assert len(seeds) >= 600
    assert len({seed.entry_point for seed in seeds}) == len(seeds)
    folders = {seed.id.split("/")[0] for seed in seeds}
    assert {"strings", "lists", "numbers", "dictionaries", "recursion", "dates", "text_parsing"} <= folders


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_seed_has_type_hints_and_a_docstring_that_completes_the_request(path):
    functions = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    for function in functions:
        assert function.returns is not None, function.name
        assert all(argument.annotation is not None for argument in function.args.args), function.name
        docstring = ast.get_docstring(function) or ""
        assert docstring.startswith("Returns "), function.name
        assert docstring.isascii(), function.name
