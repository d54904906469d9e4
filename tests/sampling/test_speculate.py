"""Guessing ahead: the same tokens as without, whatever is guessed, and only where it pays."""

import dataclasses
import random
from collections import deque

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acecoder_jax.models.config import config_from_hf
from acecoder_jax.sampling import layout
from acecoder_jax.sampling.engine import Engine
from acecoder_jax.sampling.requests import Request
from acecoder_jax.sampling.seats import Seats, make_groups
from acecoder_jax.sampling.speculate import AUTO, AUTO_GUESSES, Payoff, count_draws, guess
from acecoder_jax.sampling.warp import SamplingParams
from tests.same_samples import assert_same
from tests.tiny_models import TINY_CONFIG, random_params

NEW = 32  # a whole ring: guesses near a completion's end reach past it
COLD = SamplingParams(temperature=0.3)
PROMPTS = [tuple(np.random.default_rng(n).integers(3, 300, n).tolist()) for n in (1, 6, 30)]
# Of each prompt eight, of which the last four are the first again: they begin later, and are guessed.
REQUESTS = [
    Request(f"{p}#{i}", prompt, 10 * p + i % 4, COLD if i % 2 else None, NEW - i % 4)
    for p, prompt in enumerate(PROMPTS)
    for i in range(8)
]


def make_engine(model, speculate=0, **options):
    settings = {"max_prompt_tokens": 32, "max_new_tokens": NEW, "eos_ids": [], "slots": 4, "chunk": 4}
    config, graph, params = model
    engine = Engine(config, graph, SamplingParams(), speculate=speculate, **settings | options)
    engine.load(params)
    return engine


@pytest.fixture(scope="module")
def model():
    """One layer sees eight positions, the other all."""
    config = config_from_hf(TINY_CONFIG, "tiny")
    config = dataclasses.replace(config, sliding_window=8, windowed_layers=(True, False))
    return config, *random_params(config)


@pytest.fixture(scope="module")
def plain(model):
    return {s.id: s for s in make_engine(model).generate(REQUESTS)}


def test_the_tokens_are_those_of_plain_decoding(model, plain):
    """Slots get ahead of each other, and are refilled; what a sibling wrote is not decoded one by one."""
    engine = make_engine(model, 3)
    assert_same(list(engine.generate(REQUESTS)), plain, atol=1e-4)
    stats, tokens = engine.stats, sum(len(s.token_ids) for s in plain.values())
    assert stats.useful_tokens == tokens
    assert tokens / 4 < stats.right_guesses < stats.guessed_tokens
    # Each busy slot draws one token a step, and one more for each right guess (some past a completion's end).
    assert tokens <= stats.guessed_tokens / 3 + stats.right_guesses <= tokens + 3 * len(REQUESTS)


def test_plain_and_wide_steps_in_any_order(model, plain, monkeypatch):
    chance = random.Random(1)
    monkeypatch.setattr(Payoff, "expected", lambda self, slots: chance.random() < 0.5)
    engine = make_engine(model, 3)
    assert_same(list(engine.generate(REQUESTS)), plain, atol=1e-4)
    assert 0 < 4 * 4 * engine.stats.wide_steps < engine.stats.decoded_tokens


def test_several_devices(model, plain):
    """Two groups of two; nothing is sent between them beside what plain steps send."""
    engine = make_engine(model, 3, mesh=layout.mesh_of(jax.devices()[:4], 2))
    assert_same(list(engine.generate(REQUESTS)), plain, atol=1e-4)


def test_an_eight_bit_cache(model, plain):
    """Where the same tokens were drawn, nearly the same log-probabilities."""
    differences = []
    for sampled in make_engine(model, 3, cache_dtype="int8").generate(REQUESTS):
        full = plain[sampled.id]
        same = [a == b for a, b in zip(sampled.token_ids, full.token_ids)]
        until = same.index(False) if False in same else len(same)
        differences += [abs(a - b) for a, b in zip(sampled.log_probs[:until], full.log_probs)]
    assert len(differences) > 200 and np.mean(differences) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("speculate", [2, AUTO])
def test_nothing_compiles_anew_after_the_warm_up(model, speculate, monkeypatch):
    """Wide steps while the ring grows and the batch shrinks, and the tokens stay the same."""
    requests = [
        Request(f"{n}#{i}", (5,) * n, 9 * n + i, None, 1 + (n + 7 * i) % 40)
        for n in range(1, 33)
        for i in range(8)
    ]
    settings = {"slots": 32, "max_new_tokens": 40}
    expected = {s.id: s for s in make_engine(model, **settings).generate(requests)}
    engine = make_engine(model, speculate, **settings)
    engine.warm_up(samples=8)
    before = engine.compilations()
    if speculate == AUTO:  # as if it paid wherever it may be tried
        monkeypatch.setattr(Payoff, "expected", Payoff.possible)
    assert_same(list(engine.generate(requests)), expected, atol=1e-4)
    assert engine.stats.wide_steps > 0 and engine.compilations() == before


def seated(*texts, prompt=(1, 2, 3, 4)):
    """One running request for each text so far, all of one prompt."""
    seats = Seats(1, len(texts), 1, len(texts))
    seats.admit(make_groups([Request(str(i), prompt, i) for i in range(len(texts))], len(texts)))
    for run, text in zip(seats.slots, texts):
        run.tokens = list(text)
    return seats


def test_guesses_follow_the_prompt_the_own_text_and_siblings():
    assert guess(seated([9, 1, 2]), 3).tolist() == [[3, 4, 9]], "prompt, then the own text after it"
    assert guess(seated([7, 8, 5, 7, 8]), 2).tolist() == [[5, 7]]
    assert guess(seated([], [6, 7, 8, 9]), 3).tolist()[0] == [6, 7, 8], "what a sibling began with"
    assert guess(seated([77]), 2).tolist() == [[0, 0]], "nothing is known"


def test_the_longest_match_wins_and_the_latest_of_those():
    assert guess(seated([5, 6, 7, 9, 6, 7, 1, 5, 6, 7]), 1).tolist() == [[9]], "three tokens over two"
    seats = seated([5, 6, 10, 5, 6, 20, 5, 6])
    assert guess(seats, 1).tolist() == [[20]]
    seats.slots[0].tokens += [30, 5, 6]
    assert guess(seats, 1).tolist() == [[30]], "it reads on"


def test_texts_of_siblings_that_are_done_stay_known():
    seats = seated([6, 7, 8], [6])
    seats.leave(0)
    assert guess(seats, 2).tolist() == [[0, 0], [7, 8]], "an empty slot guesses nothing"


def test_other_prompts_texts_are_not_looked_at():
    seats = Seats(1, 2, 2, 1)
    seats.admit(deque(make_groups([Request("a", (1, 2), 0), Request("b", (1, 3), 0)], 1)))
    seats.slots[0].tokens = [5, 6, 7]
    seats.slots[1].tokens = [5]
    assert guess(seats, 1).tolist() == [[0], [0]]


@given(
    st.lists(st.tuples(st.lists(st.integers(0, 2), min_size=3, max_size=3)), min_size=1, max_size=4),
    st.data(),
)
def test_draws_count_up_to_the_first_surprise(rows, data):
    guesses = np.array([row[0] for row in rows])
    width = data.draw(st.integers(1, 4))
    drawn = np.array(
        data.draw(
            st.lists(
                st.lists(st.integers(0, 2), min_size=width, max_size=width),
                min_size=len(rows),
                max_size=len(rows),
            )
        )
    )
    for count, ours, theirs in zip(count_draws(guesses, drawn), guesses, drawn):
        assert 1 <= count <= width
        assert all(ours[i] == theirs[i] for i in range(count - 1))
        assert count == width or ours[count - 1] != theirs[count - 1]


def note(payoff, slots, wide, seconds):
    payoff.note_time(slots, wide, 100.0)  # compiled
    payoff.note_time(slots, wide, seconds)


def test_it_is_tried_where_plain_steps_of_as_many_rows_are_cheap_enough():
    payoff = Payoff(AUTO, 64)
    assert AUTO_GUESSES == 3 and not payoff.possible(32) and payoff.possible(16)
    assert not payoff.expected(16), "nothing is known"
    note(payoff, 64, False, 1.5)
    note(payoff, 16, False, 1.0)
    assert not payoff.expected(16)
    payoff.note_draws(np.array([1, 2, 3]))
    assert payoff.tokens_per_step == 2 and payoff.expected(16)
    note(payoff, 8, False, 0.7)
    assert not payoff.expected(8), "2 tokens for 2.1 times the time"
    note(payoff, 32, False, 1.3)
    assert payoff.expected(8)


def test_it_switches_itself_off_where_it_does_not_pay_and_on_again():
    payoff = Payoff(AUTO, 64)
    note(payoff, 64, False, 1.2)
    note(payoff, 16, False, 1.0)
    payoff.note_draws(np.array([1, 2]))
    assert payoff.expected(16)
    payoff.note_time(16, True, 50.0)
    assert payoff.expected(16), "the first was compiled"
    payoff.note_time(16, True, 1.9)
    assert not payoff.expected(16)
    for _ in range(50):
        payoff.note_draws(np.array([4, 3]))
    assert 3 < payoff.tokens_per_step < 3.5 and payoff.expected(16)


def test_a_number_is_taken_at_its_word_and_none_is_never():
    assert Payoff(2, 8).expected(8) and Payoff(2, 8).width == 3
    assert not Payoff(0, 8).expected(8) and not Payoff(0, 8).possible(1)
