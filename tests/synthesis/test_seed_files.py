"""Reading seeds from files without running them."""

import pytest

from acecoder_jax.errors import UserError
from acecoder_jax.synthesis.seed_files import load_seeds

OWN = '''
"""A module of one's own."""
from __future__ import annotations
import math
import os.path as paths
from collections import Counter, deque

RATE = 3

def _scaled(x):
    return x * RATE

def tripled(x: int) -> int:
    """Returns three times `x`."""
    return _scaled(x)

def root(x: float) -> float:
    """Returns the root of `x`."""
    return math.sqrt(x)

def counted(words: list[str]) -> dict[str, int]:
    """Returns counts."""
    return dict(Counter(words))

if __name__ == "__main__":
    raise SystemExit("seeds are never run in this process")
raise RuntimeError("nor imported")
'''


def test_builtin_seeds_carry_their_imports_and_nothing_else():
    seeds = {seed.id: seed for seed in load_seeds()}
    vowels = seeds["strings/count_vowels"]
    assert vowels.source == "builtin"
    assert vowels.entry_point == "count_vowels"
    assert vowels.program.startswith("def count_vowels(text: str) -> int:")
    assert vowels.program.count("def ") == 1
    assert seeds["dates/is_weekend"].program.startswith("import datetime\n\ndef is_weekend")
    assert "import calendar" not in seeds["dates/is_weekend"].program


def test_a_folder_of_ones_own_keeps_what_each_function_uses(tmp_path):
    (tmp_path / "mine" / "deep").mkdir(parents=True)
    (tmp_path / "mine" / "deep" / "module.py").write_text(OWN)
    seeds = {seed.id: seed for seed in load_seeds(tmp_path / "mine")}
    assert list(seeds) == ["deep/module/tripled", "deep/module/root", "deep/module/counted"]
    tripled = seeds["deep/module/tripled"]
    assert tripled.source == "mine"
    assert "RATE = 3" in tripled.program
    assert "def _scaled" in tripled.program
    assert "math" not in tripled.program
    assert "import math" in seeds["deep/module/root"].program
    assert "from collections import Counter" in seeds["deep/module/counted"].program
    assert "raise" not in tripled.program
    names: dict = {}
    exec(tripled.program, names)
    assert names["tripled"](4) == 12


def test_a_function_defined_twice_is_one_seed(tmp_path):
    (tmp_path / "twice.py").write_text("def f(x: int):\n    return 1\n\ndef f(x: int):\n    return 2\n")
    (seed,) = load_seeds(tmp_path)
    names: dict = {}
    exec(seed.program, names)
    assert names["f"](0) == 2


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "no .py file there defines a public function"),
        ({"empty.py": b"X = 1\n"}, "no .py file there defines a public function"),
        ({"good.py": b"def f(x): return x\n", "bad.py": b"def f(:\n"}, "bad.py:1: not valid Python"),
        ({"latin.py": b"# caf\xe9\n"}, "latin.py: cannot be read"),
        ({"null.py": b"x = 1\0\n"}, "null.py"),
    ],
)
def test_bad_folders_end_with_one_clear_line(tmp_path, files, words):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        load_seeds(tmp_path)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UserError, match="nowhere: no such folder of seeds"):
        load_seeds(tmp_path / "nowhere")
