"""The engine: same tokens whatever the batch, exact log-probabilities, every way a completion ends.

The reference is a plain loop without a cache: the whole model on the whole sequence for each next token.
"""

import dataclasses
import itertools
import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from acecoder_jax.data.packing import Tree, pack
from acecoder_jax.models.packed import packed_hidden, packed_log_probs
from acecoder_jax.sampling.engine import Engine
from acecoder_jax.sampling.requests import Request
from acecoder_jax.sampling.ring import RingCache
from acecoder_jax.sampling.stats import EngineStats
from acecoder_jax.sampling.warp import SamplingParams, draw, draws_of, warp

SAMPLING = SamplingParams(temperature=0.9, top_p=0.98)
NEW = 21  # not a multiple of the chunk


def make_engine(model, sampling=SAMPLING, **options):
    settings = {
        "max_prompt_tokens": 48,
        "max_new_tokens": NEW,
        "eos_ids": [],
        "slots": 8,
        "chunk": 8,
    } | options
    engine = Engine(model.config, model.graph, sampling, **settings)
    engine.load(model.params)
    return engine


def prompt_of(length, seed=0):
    return tuple(np.random.default_rng((seed, length)).integers(3, 300, length).tolist())


# 32 requests over seven prompts, among them one of a single token and one as long as is allowed.
PROMPTS = [prompt_of(length) for length in (1, 2, 7, 31, 32, 33, 48)]
REQUESTS = [Request(f"q{i % 7}#{i // 7}", PROMPTS[i % 7], 1000 + i) for i in range(32)]


@pytest.fixture(scope="module")
def model(tiny_model):
    return tiny_model.loaded


@pytest.fixture(scope="module")
def expected(model):
    """Every request's result when all are decoded at once."""
    return {sampled.id: sampled for sampled in make_engine(model, slots=32).generate(REQUESTS)}


def assert_same(sampled, expected):
    assert sampled.token_ids == expected.token_ids and sampled.finish_reason == expected.finish_reason
    np.testing.assert_allclose(sampled.log_probs, expected.log_probs, atol=1e-4)


def test_every_request_is_answered_once(expected):
    assert set(expected) == {request.id for request in REQUESTS}
    for request in REQUESTS:
        sampled = expected[request.id]
        assert sampled.prompt_ids == request.prompt_ids
        assert len(sampled.token_ids) == len(sampled.log_probs) == NEW and sampled.finish_reason == "length"
        assert all(type(token) is int for token in sampled.token_ids)
    assert len({sampled.token_ids for sampled in expected.values()}) == 32, "every seed draws its own text"


def test_a_plain_loop_without_a_cache_draws_the_same(model, expected):
    decoder = nnx.merge(model.graph, model.params)

    @jax.jit
    def next_token(ids, length, key):
        rows = {"tokens": ids, "positions": jnp.arange(64)[None], "tree": jnp.ones_like(ids)}
        hidden = packed_hidden(decoder, rows | {"branch": jnp.zeros_like(ids)})
        logits = decoder.logits(hidden)[:, length - 1]
        uniform = jax.random.uniform(jax.random.fold_in(key, length - 1))
        return draw(logits, uniform[None], draws_of([SAMPLING]))

    for request in REQUESTS[:4]:
        ids, log_probs = list(request.prompt_ids), []
        for _ in range(NEW):
            padded = jnp.zeros((1, 64), jnp.int32).at[0, : len(ids)].set(jnp.asarray(ids))
            token, log_prob = next_token(padded, len(ids), jax.random.key(request.seed))
            ids.append(int(token[0]))
            log_probs.append(float(log_prob[0]))
        sampled = expected[request.id]
        assert tuple(ids[len(request.prompt_ids) :]) == sampled.token_ids
        np.testing.assert_allclose(log_probs, sampled.log_probs, atol=1e-4)


@pytest.mark.parametrize(("slots", "chunk", "seed"), [(8, 8, 0), (4, 5, 1), (1, 8, 2), (64, 8, 3)])
def test_neither_order_nor_slots_nor_chunk_change_the_tokens(model, expected, slots, chunk, seed):
    shuffled = random.Random(seed).sample(REQUESTS, len(REQUESTS))
    if slots == 1:
        shuffled = shuffled[:5]
    results = list(make_engine(model, slots=slots, chunk=chunk).generate(shuffled))
    assert len(results) == len(shuffled)
    for sampled in results:
        assert_same(sampled, expected[sampled.id])


def test_log_probs_are_those_that_training_computes(model):
    requests = [Request(f"{i}#{j}", PROMPTS[i], 10 * i + j) for i in range(7) for j in range(3)]
    sampled = {s.id: s for s in make_engine(model, SamplingParams(temperature=0.8)).generate(requests)}
    trees = [
        Tree(prompt, tuple(sampled[f"{i}#{j}"].token_ids for j in range(3)), tuple(range(3 * i, 3 * i + 3)))
        for i, prompt in enumerate(PROMPTS)
    ]
    rows = pack(trees, 128)

    @jax.jit
    def log_probs(params, inputs):
        decoder = nnx.merge(model.graph, params)
        return packed_log_probs(decoder, packed_hidden(decoder, inputs), inputs, 0.8)[0]

    values = log_probs(model.params, rows.model_inputs)
    for i, j in itertools.product(range(7), range(3)):
        row, end = rows.last[3 * i + j]
        ours = np.asarray(values)[row, end + 1 - NEW : end + 1]
        np.testing.assert_allclose(ours, sampled[f"{i}#{j}"].log_probs, atol=1e-4)


def test_drawn_tokens_follow_the_models_distribution(model):
    """Many seeds of one prompt: the first token's frequencies are its probabilities (4 sigma at most)."""
    count, prompt = 1024, PROMPTS[2]
    engine = make_engine(model, SamplingParams(temperature=0.7), max_new_tokens=1, slots=128, chunk=1)
    drawn = [s.token_ids[0] for s in engine.generate([Request(str(i), prompt, i) for i in range(count)])]
    decoder = nnx.merge(model.graph, model.params)
    rows = pack([Tree(prompt[:1], (prompt[1:],), (0,))], len(prompt)).model_inputs
    logits = decoder.logits(packed_hidden(decoder, rows))[:, -1]
    probs = np.asarray(jax.nn.softmax(warp(logits, draws_of([SamplingParams(temperature=0.7)])), axis=-1))[0]
    counts = np.bincount(drawn, minlength=300)
    sigma = np.sqrt(count * probs * (1 - probs))
    likely = probs > 0.01
    assert likely.sum() > 5
    assert np.all(np.abs(counts - count * probs)[likely] < 4 * sigma[likely] + 1)


def test_greedy_ignores_the_seed(model):
    engine = make_engine(model, SamplingParams(temperature=0))
    results = {s.id: s.token_ids for s in engine.generate([Request(str(i), PROMPTS[4], i) for i in range(3)])}
    assert len(set(results.values())) == 1


def test_an_end_of_sequence_id_ends_a_completion_and_is_kept(model, expected):
    # Ids that are drawn somewhere in the middle of some completions; the two of them end what they appear in.
    ends = {expected["q2#0"].token_ids[4], expected["q5#1"].token_ids[9]}
    engine = make_engine(model, eos_ids=sorted(ends))
    stopped = 0
    for sampled in engine.generate(REQUESTS):
        full = expected[sampled.id]
        place = next((i for i, token in enumerate(full.token_ids) if token in ends), None)
        cut = NEW if place is None else place + 1
        assert sampled.token_ids == full.token_ids[:cut] and len(sampled.log_probs) == cut
        assert sampled.finish_reason == ("length" if place is None else "stop")
        stopped += place is not None
    assert 2 <= stopped < 32
    assert engine.stats.useful_tokens < engine.stats.decoded_tokens


@pytest.mark.parametrize("length", [1, 5, 8, 9, NEW])
def test_the_stop_rule_cuts_at_the_shortest_prefix_where_it_holds(model, expected, length):
    engine = make_engine(model, stop=lambda ids: len(ids) >= length)
    for sampled in engine.generate(REQUESTS[:8]):
        assert sampled.token_ids == expected[sampled.id].token_ids[:length]
        assert sampled.log_probs == pytest.approx(expected[sampled.id].log_probs[:length], abs=1e-4)
        assert sampled.finish_reason == "stop"


def test_a_stop_rule_on_the_content(model, expected):
    wanted = expected["q3#0"].token_ids[6]
    engine = make_engine(model, stop=lambda ids: wanted in ids)
    for sampled in engine.generate(REQUESTS):
        full = expected[sampled.id].token_ids
        cut = full.index(wanted) + 1 if wanted in full else NEW
        assert sampled.token_ids == full[:cut]
        assert sampled.finish_reason == ("stop" if wanted in full else "length")


def test_an_end_of_sequence_before_the_stop_rule_wins(model, expected):
    full = expected["q1#0"].token_ids
    first = full.index(full[3])
    engine = make_engine(model, eos_ids=[full[3]], stop=lambda ids: len(ids) >= first + 3)
    (sampled,) = engine.generate([r for r in REQUESTS if r.id == "q1#0"])
    assert sampled.token_ids == full[: first + 1] and sampled.finish_reason == "stop"


@pytest.mark.parametrize("limit", [1, 8, 9])
def test_the_limit_cuts_inside_a_chunk(model, expected, limit):
    for sampled in make_engine(model, max_new_tokens=limit).generate(REQUESTS[:8]):
        assert sampled.token_ids == expected[sampled.id].token_ids[:limit]
        assert sampled.finish_reason == "length"


def test_the_tail_shrinks_and_draws_the_same(model, expected, monkeypatch):
    sizes = []
    resize = RingCache.resize
    monkeypatch.setattr(
        RingCache, "resize", lambda old, slots, *a: sizes.append(slots.size) or resize(old, slots, *a)
    )
    # All but three requests of a long run stop at once, so that few slots are left with much to do.
    long = {expected[name].token_ids[:1] for name in ("q0#0", "q3#1", "q6#2")}
    engine = make_engine(model, slots=32, stop=lambda ids: ids[:1] not in long)
    results = {s.id: s for s in engine.generate(REQUESTS)}
    assert sizes and sizes == sorted(sizes, reverse=True) and sizes[-1] < 16
    assert len(results) == 32
    for name in ("q0#0", "q3#1", "q6#2"):
        assert_same(results[name], expected[name])


def test_nothing_compiles_anew_after_the_warm_up(model):
    """Prompts of every length, a ring that grows, a tail that shrinks."""
    engine = make_engine(model, slots=16, max_new_tokens=70)
    engine.warm_up(samples=3)
    assert engine.stats == EngineStats(), "what was compiled with is no prompt, and its time nobody's"
    before = engine.compilations()
    lengths = [*range(1, 49)]
    requests = [
        Request(f"{n}#{i}", prompt_of(n), 100 * n + i, None, 1 + n) for n in lengths for i in range(3)
    ]
    results = list(engine.generate(requests))
    assert engine.compilations() == before
    assert sorted(len(s.token_ids) for s in results) == sorted(1 + n for n in lengths for _ in range(3))
    assert engine.stats.admitting_busy >= 0.95 * engine.stats.admitting_slots


def test_a_prompt_is_prefilled_once_whatever_its_samples(model):
    engine = make_engine(model, slots=4)
    list(engine.generate(REQUESTS))
    assert engine.stats.prefilled_tokens == sum(len(prompt) - 1 for prompt in PROMPTS)


def test_the_same_prompt_twice_with_one_seed_gives_the_same_text(model):
    results = list(make_engine(model).generate([Request("a", PROMPTS[2], 5), Request("b", PROMPTS[2], 5)]))
    assert results[0].token_ids == results[1].token_ids


def test_loading_other_parameters_changes_what_is_drawn(model, expected):
    engine = make_engine(model)
    engine.load(jax.tree.map(lambda leaf: 1.1 * leaf, model.params))
    assert any(s.token_ids != expected[s.id].token_ids for s in engine.generate(REQUESTS[:8]))
    engine.load(model.params)
    for sampled in engine.generate(REQUESTS[:8]):
        assert_same(sampled, expected[sampled.id])


def test_parameters_that_change_in_flight_are_never_mixed(model, expected):
    """Who has a slot finishes on the old ones; the others, also siblings of the same prompt, start on the new."""
    other = jax.tree.map(lambda leaf: 1.1 * leaf, model.params)
    fresh = make_engine(model)
    fresh.load(other)
    on_new = {s.id: s for s in fresh.generate(REQUESTS)}
    engine = make_engine(model)
    engine.load(model.params, "old")
    running = engine.generate(REQUESTS)
    results = [next(running)]
    engine.load(other, "new")
    results += running
    versions = [sampled.version for sampled in results]
    assert versions == ["old"] * 8 + ["new"] * 24, "eight slots were taken"
    for sampled in results:
        assert_same(sampled, (expected if sampled.version == "old" else on_new)[sampled.id])


@pytest.mark.parametrize("options", [{"dtype": "bfloat16"}, {"weights_dtype": "int8"}])
def test_narrow_weights_decode_every_request(model, options):
    results = list(make_engine(model, **options).generate(REQUESTS[:8]))
    assert len(results) == 8 and all(len(s.token_ids) == NEW for s in results)


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_a_narrow_cache_gives_nearly_the_same_log_probs(model, expected, dtype):
    """Where the same tokens were drawn: the distribution is nearly the same."""
    differences = []
    for sampled in make_engine(model, cache_dtype=dtype).generate(REQUESTS):
        full = expected[sampled.id]
        same = [a == b for a, b in zip(sampled.token_ids, full.token_ids)]
        until = same.index(False) if False in same else NEW
        differences += [abs(a - b) for a, b in zip(sampled.log_probs[:until], full.log_probs)]
    assert len(differences) > 200 and np.mean(differences) < 0.05


def test_every_request_has_its_own_way(model, expected):
    """Temperature, cuts, length and stop ids of one do not touch the others."""
    ends = expected["q3#1"].token_ids[5]
    ways = {
        "q0#0": {"sampling": SamplingParams(temperature=0.0)},
        "q1#0": {"sampling": SamplingParams(temperature=1.3, top_k=5, min_p=0.01)},
        "q2#0": {"max_new_tokens": 3},
        "q3#1": {"stop_ids": (ends,)},
    }
    asked = [Request(r.id, r.prompt_ids, r.seed, **ways.get(r.id, {})) for r in REQUESTS]
    results = {s.id: s for s in make_engine(model).generate(asked)}
    alone = {s.id: s for s in make_engine(model).generate([r for r in asked if r.id in ways])}
    for request in asked:
        assert_same(results[request.id], (alone if request.id in ways else expected)[request.id])
    assert results["q0#0"].token_ids != expected["q0#0"].token_ids
    assert len(results["q2#0"].token_ids) == 3 and results["q2#0"].finish_reason == "length"
    assert results["q3#1"].token_ids[-1] == ends and results["q3#1"].finish_reason == "stop"


def test_no_requests_give_no_results(model):
    assert list(make_engine(model).generate([])) == []


def test_requests_that_cannot_be_taken_are_refused_by_id_while_the_others_go_on(model, expected):
    engine = make_engine(model, max_prompt_tokens=40)
    bad = [
        Request("lists/a#0", (), 0),
        Request("lists/b#0", prompt_of(41), 0),
        Request("lists/c#0", PROMPTS[1], 0, None, NEW + 1),
    ]
    results = {s.id: s for s in engine.generate([*bad, *REQUESTS[:2]])}
    for name, word in zip(("lists/a#0", "lists/b#0", "lists/c#0"), ("empty", "41", str(NEW + 1))):
        assert results[name].finish_reason == "refused" and word in results[name].error
        assert results[name].token_ids == ()
    for request in REQUESTS[:2]:
        assert_same(results[request.id], expected[request.id])


@pytest.mark.parametrize(
    "options",
    [
        {"cache_dtype": "float32"},
        {"cache_dtype": "int8"},
        pytest.param({"attention": "paged"}, marks=pytest.mark.slow),
    ],
)
def test_numbers_that_are_not_finite_fail_their_own_request_only(model, options):
    """A token whose embedding is broken: who reads it fails, and neither neighbours nor later guests of the slot."""
    engine = make_engine(model, slots=4, **options)
    plain = {s.id: s for s in engine.generate(REQUESTS[:20])}
    seen = {token for s in plain.values() for token in s.prompt_ids + s.token_ids}
    poison = next(token for token in range(3, 300) if token not in seen)
    flat = dict(nnx.to_flat_state(model.params))
    embedding = flat[("embedding",)]
    flat[("embedding",)] = embedding.replace(embedding[...].at[poison].set(jnp.nan))
    head = engine._weights.view.head  # tied: this one must stay sound, or nobody could draw
    engine.load(nnx.from_flat_state(list(flat.items())))
    view = engine._weights.view._replace(head=head)
    engine._weights = dataclasses.replace(engine._weights, view=view)
    broken = [Request(f"bad#{i}", (5, poison, 6, 7), i) for i in range(3)]
    results = {s.id: s for s in engine.generate([*broken, *REQUESTS[:20]])}
    for request in broken:
        sampled = results[request.id]
        assert (
            sampled.finish_reason == "failed" and "after 0 tokens" in sampled.error and not sampled.token_ids
        )
    for request in REQUESTS[:20]:
        assert_same(results[request.id], plain[request.id])
