"""The curation report: counts before and after in the form of the paper's Table 1, and histograms. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

# (source, number of tests) -> how many questions there are of it
Sizes = Counter[tuple[str, int]]

_COLUMNS = {
    "subset": "subset",
    "questions_before": "questions before",
    "tests_per_question_before": "tests/question",
    "questions_after": "questions after",
    "tests_per_question_after": "tests/question",
    "pairs": "pairs",
}


def table(before: Sizes | None, after: Sizes) -> list[dict[str, Any]]:
    """A row of counts for each source and one for all.

    Args:
      before: None for questions that no filter has seen, such as a benchmark's; their rows say nothing of it.
    """
    sides = {"before": before, "after": after}
    names = sorted({source for sizes in sides.values() if sizes is not None for source, _ in sizes})
    rows = []
    for name in [*names, "all"]:
        row: dict[str, Any] = {"subset": name}
        for side, sizes in sides.items():
            if sizes is None:
                continue
            of = [(tests, n) for (source, tests), n in sizes.items() if name in (source, "all")]
            questions = sum(n for _, n in of)
            row[f"questions_{side}"] = questions
            row[f"tests_per_question_{side}"] = sum(tests * n for tests, n in of) / max(1, questions)
        rows.append(row)
    return rows


def sizes_histogram(sizes: Sizes) -> dict[str, int]:
    """How many questions have how many tests."""
    counts: Counter[int] = Counter()
    for (_, tests), questions in sizes.items():
        counts[tests] += questions
    return {str(tests): counts[tests] for tests in sorted(counts)}


def table_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The table for people, with the columns that its rows have."""
    columns = [name for name in _COLUMNS if any(name in row for row in rows)]
    yield "  ".join(f"{_COLUMNS[column]:>16}" for column in columns)
    for row in rows:
        values = [row.get(column, "-") for column in columns]
        cells = [f"{value:.2f}" if isinstance(value, float) else str(value) for value in values]
        yield "  ".join(f"{cell:>16}" for cell in cells)


def reason_lines(what: str, reasons: Mapping[str, int]) -> Iterator[str]:
    """A line for each reason for which something was dropped, the commonest first."""
    for reason, number in sorted(reasons.items(), key=lambda item: -item[1]):
        yield f"{what} dropped: {number:,} x {reason}"
