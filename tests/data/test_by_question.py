"""Questions by id and what belongs to each, read from disk when it is asked for."""

import pytest

from acecoder_jax.data.by_question import ByQuestion, Questions
from acecoder_jax.data.folders import open_records
from acecoder_jax.data.records import Completion
from tests.made_records import completion, folder_of, question
from tests.user_errors import user_error

QUESTIONS = [question("b"), question("a", tests=3), question("c")]
ANSWERS = [completion(name, number) for number in range(3) for name in ("a", "x", "b")]


@pytest.fixture
def questions(tmp_path):
    return Questions(folder_of(tmp_path / "questions", QUESTIONS))


def answers(questions, tmp_path, records=ANSWERS):
    folder = folder_of(tmp_path / "answers", records)
    return ByQuestion(open_records(folder, Completion), questions)


def test_questions_are_a_mapping_in_the_folders_order(questions):
    assert list(questions) == ["b", "a", "c"] and list(questions.values()) == QUESTIONS
    assert questions["a"] == QUESTIONS[1] and len(questions) == 3 and bool(questions)
    assert "a" in questions and "x" not in questions and questions.get("x") is None


def test_answers_are_found_by_question_in_their_order(questions, tmp_path):
    found = answers(questions, tmp_path)
    assert [answer.id for answer in found["a"]] == ["a#0", "a#1", "a#2"]
    assert [answer.id for answer in found["b"]] == ["b#0", "b#1", "b#2"]
    assert found["c"] == [] and found["a"][0] == ANSWERS[0]
    assert len(found) == 6 and found.foreign == 3


def test_nothing_at_all_is_no_answer(questions, tmp_path):
    found = answers(questions, tmp_path, [])
    assert found["a"] == [] and len(found) == found.foreign == 0


def test_two_questions_of_one_id_are_refused(tmp_path):
    folder = folder_of(tmp_path / "twice", [question("a"), question("b"), question("a")])
    user_error(lambda: Questions(folder), folder, "two records with the id 'a'")
