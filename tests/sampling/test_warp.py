"""Warping against references that sort; draws over a grid of uniforms against the probabilities."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acecoder_jax.sampling.warp import SamplingParams, draw, draws_of, warp
from tests.user_errors import user_error

VOCAB = 700  # more than two blocks of the cumulative sum, the last one padded


jitted_warp, jitted_draw = jax.jit(warp), jax.jit(draw)


def same(params, rows):
    """One setting for all rows."""
    return draws_of([params] * rows)


def random_logits(rows=6, vocab=VOCAB, scale=3.0, seed=0):
    return (scale * np.random.default_rng(seed).normal(size=(rows, vocab))).astype(np.float32)


def softmax(logits):
    values = np.exp(logits - logits.max(-1, keepdims=True), dtype=np.float64)
    return values / values.sum(-1, keepdims=True)


def kept(logits, **params):
    return np.isfinite(np.asarray(jitted_warp(logits, same(SamplingParams(**params), len(logits)))))


def top_k_by_sorting(probs, k):
    keep = np.zeros(probs.shape, bool)
    np.put_along_axis(keep, np.argsort(-probs, axis=-1)[:, :k], True, axis=-1)
    return keep


def top_p_by_sorting(probs, p):
    order = np.argsort(-probs, axis=-1)
    before = np.cumsum(np.take_along_axis(probs, order, -1), -1) - np.take_along_axis(probs, order, -1)
    keep = np.zeros(probs.shape, bool)
    np.put_along_axis(keep, order, before < p, axis=-1)
    return keep


@pytest.mark.parametrize("k", [1, 2, 5, 50, 699, 700, 5000])
def test_top_k_keeps_what_sorting_keeps(k):
    logits = random_logits()
    np.testing.assert_array_equal(kept(logits, top_k=k), top_k_by_sorting(softmax(logits), k))


@pytest.mark.parametrize("p", [0.01, 0.3, 0.5, 0.9, 0.95, 0.999])
def test_top_p_keeps_what_sorting_keeps(p):
    logits = random_logits()
    np.testing.assert_array_equal(kept(logits, top_p=p), top_p_by_sorting(softmax(logits), p))


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 1.0])
def test_min_p_keeps_what_is_likely_enough(share):
    logits = random_logits()
    probs = softmax(logits)
    np.testing.assert_array_equal(kept(logits, min_p=share), probs >= share * probs.max(-1, keepdims=True))


def test_cuts_apply_at_the_temperature_and_together():
    logits = random_logits()
    probs = softmax(logits / 0.5)
    expected = top_k_by_sorting(probs, 10) & top_p_by_sorting(probs, 0.9)
    np.testing.assert_array_equal(kept(logits, temperature=0.5, top_k=10, top_p=0.9), expected)
    warped = np.asarray(jitted_warp(logits, same(SamplingParams(temperature=0.5, top_k=10, top_p=0.9), 6)))
    np.testing.assert_allclose(warped[expected], logits[expected] / 0.5, rtol=1e-6)


values_of_some_sizes = st.sampled_from([2, 9, 40]).flatmap(
    lambda size: st.lists(st.floats(-30, 30, width=32), min_size=size, max_size=size)
)


@given(values_of_some_sizes, st.sampled_from([1, 4]), st.sampled_from([0.1, 0.5, 0.95]))
def test_ties_are_kept_and_the_best_token_never_cut(values, k, p):
    logits = np.array([values], np.float32)
    probs = np.asarray(jax.nn.softmax(logits, axis=-1))[0]
    for keep in (kept(logits, top_k=k)[0], kept(logits, top_p=p)[0]):
        assert keep[probs.argmax()]
        threshold = probs[keep].min()
        assert np.all(keep[probs > threshold])
    assert kept(logits, top_k=k)[0].sum() >= min(k, len(values))
    assert probs[kept(logits, top_p=p)[0]].sum() >= min(p, probs.sum()) - 1e-5


def test_ties_at_the_threshold_are_all_kept():
    logits = np.log(np.array([[0.4, 0.2, 0.2, 0.2]], np.float32))
    assert kept(logits, top_k=2)[0].tolist() == [True] * 4
    assert kept(logits, top_p=0.5)[0].tolist() == [True] * 4
    assert kept(logits, top_k=1)[0].tolist() == [True, False, False, False]


def test_one_certain_token_survives_every_cut():
    logits = np.full((2, VOCAB), -100.0, np.float32)
    logits[:, 17] = 100.0
    for params in ({"top_p": 0.9}, {"top_k": 3, "top_p": 0.5, "min_p": 0.1}):
        tokens, log_probs = jitted_draw(logits, jnp.array([0.0, 0.999]), same(SamplingParams(**params), 2))
        assert tokens.tolist() == [17, 17] and log_probs.tolist() == [0.0, 0.0]


PARAMS = [
    SamplingParams(),
    SamplingParams(temperature=0.7),
    SamplingParams(temperature=0.8, top_p=0.9),
    SamplingParams(top_k=7),
    SamplingParams(temperature=1.3, top_p=0.95, top_k=40, min_p=0.02),
]


@pytest.mark.parametrize("params", PARAMS, ids=str)
def test_a_grid_of_uniforms_draws_every_token_by_its_probability(params):
    logits, grid = random_logits(1)[0], 20_000
    uniforms = (np.arange(grid, dtype=np.float32) + 0.5) / grid
    run = jax.jit(lambda u: draw(jnp.broadcast_to(logits[None], (u.shape[0], VOCAB)), u, same(params, 5000)))
    tokens, log_probs = (np.concatenate(part) for part in zip(*(run(u) for u in uniforms.reshape(4, -1))))
    masked = np.where(kept(logits[None], **vars(params))[0], logits / params.temperature, -np.inf)
    probs = softmax(masked[None])[0]
    counts = np.bincount(tokens, minlength=VOCAB)
    # A token owns one interval of the uniforms: its count is its length times the grid, give or take one at
    # each end and float32 rounding of the interval's place.
    assert np.abs(counts - probs * grid).max() <= 2
    assert np.all(counts[probs == 0] == 0)
    np.testing.assert_allclose(log_probs, np.log(probs[tokens]), atol=1e-5)
    assert np.all(np.diff(tokens) >= 0), "the draw inverts the cumulative distribution"


@pytest.mark.parametrize("vocab", [1, 256, 257, 49_152])
def test_the_ends_of_the_unit_interval_draw_tokens_that_exist(vocab):
    logits = random_logits(2, vocab)
    uniforms = jnp.array([0.0, np.nextafter(np.float32(1), np.float32(0))])
    for params in (SamplingParams(), SamplingParams(top_k=3), SamplingParams(top_p=0.5)):
        tokens, log_probs = jitted_draw(logits, uniforms, same(params, 2))
        keep = (
            np.flatnonzero(kept(logits[:1], **vars(params))[0]),
            np.flatnonzero(kept(logits[1:], **vars(params))[0]),
        )
        assert tokens[0] == keep[0][0] and tokens[1] == keep[1][-1]
        assert np.all(np.isfinite(log_probs))


def test_a_cut_token_is_never_drawn_even_at_the_edges_of_blocks():
    logits = np.full((1, 768), 0.0, np.float32)
    allowed = [0, 255, 256, 511, 512, 767]
    logits[0, allowed] = 5.0
    uniforms = np.linspace(0, 1, 3001, dtype=np.float32)[:-1]
    run = jax.jit(
        lambda u: draw(jnp.broadcast_to(logits, (u.shape[0], 768)), u, same(SamplingParams(top_k=6), 3000))[0]
    )
    assert sorted(set(np.asarray(run(uniforms)).tolist())) == allowed


def test_temperature_zero_takes_the_most_likely_token():
    logits = random_logits()
    for uniform in (0.0, 0.5, 0.999):
        tokens, log_probs = jitted_draw(
            logits, jnp.full(6, uniform), same(SamplingParams(temperature=0, top_k=3), 6)
        )
        np.testing.assert_array_equal(tokens, logits.argmax(-1))
        np.testing.assert_allclose(log_probs, np.log(softmax(logits).max(-1)), atol=1e-5)


def test_every_row_has_its_own_settings():
    logits, uniforms = random_logits(10), np.random.default_rng(1).random(10, np.float32)
    rows = [*PARAMS, SamplingParams(temperature=0)] + PARAMS[:4]
    together = jitted_draw(logits, uniforms, draws_of(rows))
    alone = [
        jitted_draw(logits[i : i + 1], uniforms[i : i + 1], same(params, 1)) for i, params in enumerate(rows)
    ]
    assert together[0].tolist() == [int(tokens[0]) for tokens, _ in alone]
    np.testing.assert_allclose(together[1], [float(values[0]) for _, values in alone], atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("params", [*PARAMS, SamplingParams(temperature=0)], ids=str)
def test_logits_that_are_not_finite_show_in_their_own_row_only(bad, params):
    logits = random_logits(3)
    logits[1, 300] = bad
    tokens, log_probs = jitted_draw(logits, jnp.full(3, 0.5), same(params, 3))
    assert np.isfinite(log_probs).tolist() == [True, False, True]
    assert np.all((tokens >= 0) & (tokens < VOCAB))


@pytest.mark.parametrize(
    "values", [{"temperature": -1.0}, {"top_p": 0.0}, {"top_p": 1.5}, {"top_k": -1}, {"min_p": float("nan")}]
)
def test_what_is_no_distribution_is_refused(values):
    user_error(lambda: SamplingParams(**values), *values)
