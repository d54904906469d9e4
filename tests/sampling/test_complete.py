"""Questions to completions: ids, seeds, decoded text and extracted programs."""

import pytest

from acecoder_jax.data.code import extract_program
from acecoder_jax.data.prompts import render_prompt
from acecoder_jax.data.records import Question
from acecoder_jax.sampling.complete import Sampler, request_seed, require_questions, sampling_config
from tests.user_errors import user_error


def question(name, tests=("assert f(1) == 2",)):
    return Question(name, "ours", f"Write a function for {name}.", tests, "f")


QUESTIONS = [question(f"lists/q#{i}") for i in range(3)]  # ids that themselves hold the separator


def make_sampler(model, **changes):
    config = sampling_config()
    config.update({"max_prompt_tokens": 96, "max_new_tokens": 12, "slots": 8} | changes)
    return Sampler(model, config)


@pytest.fixture(scope="module")
def sampler(tiny_model):
    return make_sampler(tiny_model.loaded)


def test_every_question_gets_its_samples(tiny_model, sampler):
    model = tiny_model.loaded
    completions = {c.id: c for c in sampler.sample(QUESTIONS, 2, seed=1)}
    assert set(completions) == {f"lists/q#{i}#{j}" for i in range(3) for j in range(2)}
    for completion in completions.values():
        (asked,) = [q for q in QUESTIONS if q.id == completion.question_id]
        assert completion.id.startswith(asked.id + "#")
        assert completion.prompt_ids == render_prompt(model.tokenizer, asked.prompt)
        assert completion.text == model.tokenizer.decode(completion.token_ids, skip_special_tokens=True)
        assert completion.program == extract_program(completion.text, "f")
        assert completion.model == model.fingerprint
        assert completion.finish_reason == ("stop" if completion.token_ids[-1] == 2 else "length")


def test_draws_depend_on_seed_question_and_number_alone(sampler):
    many = {c.id: c.token_ids for c in sampler.sample(QUESTIONS, 3, seed=1)}
    few = {c.id: c.token_ids for c in sampler.sample(QUESTIONS[1:2], 2, seed=1)}
    assert few == {name: many[name] for name in few}
    other = {c.id: c.token_ids for c in sampler.sample(QUESTIONS[1:2], 2, seed=2)}
    assert all(other[name] != few[name] for name in few)


def test_seeds_fit_32_bits_and_differ():
    seeds = {request_seed(s, f"q{q}", n) for s in range(5) for q in range(20) for n in range(20)}
    assert len(seeds) == 2000 and all(0 <= seed < 2**32 for seed in seeds)


def test_other_parameters_leave_their_mark(tiny_model):
    sampler = make_sampler(tiny_model.loaded)
    sampler.load(tiny_model.loaded.params, mark="step 3")
    (completion,) = sampler.sample(QUESTIONS[:1], 1, seed=0)
    assert completion.model == "step 3"


def test_too_long_a_prompt_is_refused_by_id_while_the_others_go_on(tiny_model, capsys):
    short = Question("short", "ours", "f", ("assert f(1) == 2",), "f")
    long = Question("long", "ours", "f " * 60, ("assert f(1) == 2",), "f")
    sampler = make_sampler(tiny_model.loaded, max_prompt_tokens=40)
    assert {c.id for c in sampler.sample([short, long], 2, 0)} == {"short#0", "short#1"}
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("long#0: refused") and "40" in line]) == 1


def test_several_greedy_samples_are_equal_and_said_to_be(tiny_model, capsys):
    sampler = make_sampler(tiny_model.loaded, temperature=0.0)
    completions = list(sampler.sample(QUESTIONS[:1], 4, 0))
    assert len(completions) == 4 and len({c.token_ids for c in completions}) == 1
    assert "all 4 samples" in capsys.readouterr().out


def test_no_samples_are_refused(sampler):
    user_error(lambda: list(sampler.sample(QUESTIONS, 0, 0)), "samples", "0", "at least 1")


def test_a_number_of_guesses_that_is_none_is_refused(tiny_model):
    user_error(
        lambda: make_sampler(tiny_model.loaded, speculate=-2), "config.sampling.speculate", "-2", "0 for none"
    )


def test_greedy_ones_beside_the_samples(tiny_model, sampler):
    together = {c.id: c for c in sampler.sample(QUESTIONS, 2, seed=1, greedy=True)}
    alone = {c.id: c for c in sampler.sample(QUESTIONS, 2, seed=1)}
    assert set(together) - set(alone) == {f"{question.id}#greedy" for question in QUESTIONS}
    assert all(together[name].token_ids == alone[name].token_ids for name in alone)
    greedy = make_sampler(tiny_model.loaded, temperature=0.0)
    for completion in greedy.sample(QUESTIONS, 1, seed=5):
        assert together[f"{completion.question_id}#greedy"].token_ids == completion.token_ids


def test_the_plan_is_printed(tiny_model, capsys):
    make_sampler(tiny_model.loaded)
    line = capsys.readouterr().out
    assert line.startswith("sampling: 8 slots: cache") and "laid out for decoding in" in line


def test_questions_that_nothing_can_be_measured_on_are_refused():
    require_questions(QUESTIONS, "folder")
    user_error(lambda: require_questions([], "folder"), "folder", "no questions")
    user_error(
        lambda: require_questions([*QUESTIONS, question("bare", ())], "folder"), "folder", "bare", "no tests"
    )
