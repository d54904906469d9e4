"""Wrong programs: one change each, valid Python, and mostly really wrong."""

import ast
import random

from acecoder_jax.synthesis.mutants import mutants

PROGRAM = '''def f(numbers: list[int], low: int = 0) -> int:
    """Counts, 3 of them."""
    if not numbers:
        raise ValueError("at least 1 number")
    total = 0
    for number in numbers:
        if number > low and number % 2 == 0:
            total += number
    return total
'''


def test_every_mutant_is_another_program_with_one_changed_line():
    original = ast.unparse(ast.parse(PROGRAM)).splitlines()
    made = mutants(PROGRAM, 100, random.Random(0))
    assert len(made) == len(set(made)) >= 10
    for program in made:
        lines = program.splitlines()
        ast.parse(program)
        assert sum(a != b for a, b in zip(original, lines, strict=True)) == 1, program


def test_documentation_annotations_and_messages_stay():
    for program in mutants(PROGRAM, 100, random.Random(0)):
        assert "Counts, 3 of them." in program and "at least 1 number" in program
        assert "def f(numbers: list[int], low: int=" in program


def test_most_mutants_answer_otherwise():
    def run(program):
        space = {}
        exec(program, space)
        values = []
        for numbers, low in (([1, 2, 3, 4], 0), ([2, 4, 6], 2), ([0, -2, 5, 8], -3), ([7], 1)):
            try:
                values.append(space["f"](numbers, low))
            except Exception as error:
                values.append(type(error))
        return values

    made = mutants(PROGRAM, 100, random.Random(0))
    assert sum(run(program) != run(PROGRAM) for program in made) > 0.8 * len(made)


def test_the_number_is_a_limit_and_chance_comes_from_the_source_alone():
    assert len(mutants(PROGRAM, 4, random.Random(0))) == 4
    assert mutants(PROGRAM, 4, random.Random(0)) == mutants(PROGRAM, 4, random.Random(0))
    assert mutants(PROGRAM, 4, random.Random(0)) != mutants(PROGRAM, 4, random.Random(1))


def test_a_program_of_ten_megabytes_is_not_parsed():
    assert mutants("def f(x):\n    return x + 1\n#" + "x" * 10_000_000, 3, random.Random(0)) == []


def test_what_does_not_parse_or_change_has_none():
    assert mutants("def f(:", 5, random.Random(0)) == []
    assert mutants("def f(x):\n    pass\n", 5, random.Random(0)) == []
