"""The curation report: the paper's Table 1 and histograms, from counts by source and number of tests."""

from collections import Counter

from acecoder_jax.synthesis.curation import reason_lines, sizes_histogram, table, table_lines

BEFORE = Counter({("evol", 20): 3, ("evol", 10): 1, ("oss", 16): 2})
AFTER = Counter({("evol", 14): 2})


def test_the_papers_table():
    assert table(BEFORE, AFTER) == [
        {
            "subset": name,
            "questions_before": before,
            "tests_per_question_before": tests,
            "questions_after": after,
            "tests_per_question_after": left,
        }
        for name, before, tests, after, left in (
            ("evol", 4, 17.5, 2, 14.0),
            ("oss", 2, 16.0, 0, 0.0),
            ("all", 6, 17.0, 2, 14.0),
        )
    ]


def test_without_a_filter_there_is_no_before():
    rows = table(None, AFTER)
    assert [row["subset"] for row in rows] == ["evol", "all"] and "questions_before" not in rows[0]
    assert list(table_lines(rows))[0].split() == ["subset", "questions", "after", "tests/question"]
    assert list(table_lines(rows))[1].split() == ["evol", "2", "14.00"]


def test_the_histogram_adds_up_the_sources():
    assert sizes_histogram(BEFORE + Counter({("oss", 20): 5})) == {"10": 1, "16": 2, "20": 8}


def test_reasons_are_printed_by_their_number():
    assert list(reason_lines("tests", {"error": 2, "failed": 1300})) == [
        "tests dropped: 1,300 x failed",
        "tests dropped: 2 x error",
    ]
