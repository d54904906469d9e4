"""The cache in pages: the reference of the kernel, the same tokens as from the ring, and what is chosen where."""

import dataclasses
import itertools
import random
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.pallas.ops.tpu.ragged_paged_attention import ref_ragged_paged_attention
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from acecoder_jax.models.config import config_from_hf
from acecoder_jax.sampling import layout, paged
from acecoder_jax.sampling.engine import Engine
from acecoder_jax.sampling.plan import prompt_rows
from acecoder_jax.sampling.requests import Request
from acecoder_jax.sampling.speculate import AUTO, Payoff
from acecoder_jax.sampling.warp import SamplingParams
from tests.same_samples import assert_same
from tests.tiny_models import TINY_CONFIG, random_params
from tests.user_errors import user_error

NEW = 32
# Prompts without a cached position, of a whole page, of part of one, and of both; siblings that have to wait, and
# long ones that are left over.
PROMPTS = [tuple(np.random.default_rng(n).integers(3, 300, n).tolist()) for n in (1, 17, 7, 30)]
REQUESTS = [
    Request(f"{p}#{i}", prompt, 10 * p + i % 4, SamplingParams(temperature=0.3), 3 if 0 < i < 5 else NEW - i)
    for p, prompt in enumerate(PROMPTS)
    for i in range(6)
]


@pytest.fixture(scope="module")
def model():
    """One layer sees eight positions, the other all."""
    config = config_from_hf(TINY_CONFIG, "tiny")
    config = dataclasses.replace(config, sliding_window=8, windowed_layers=(True, False))
    return config, *random_params(config)


def make_engine(model, attention="paged", **options):
    settings = {"max_prompt_tokens": 30, "max_new_tokens": NEW, "eos_ids": [], "slots": 12, "chunk": 4}
    config, graph, params = model
    engine = Engine(config, graph, SamplingParams(), attention=attention, **settings | options)
    engine.load(params)
    return engine


@pytest.fixture(scope="module")
def from_rings(model):
    return {s.id: s for s in make_engine(model, "xla", slots=32).generate(REQUESTS)}


def test_the_tokens_are_those_of_the_ring(model, from_rings, monkeypatch):
    """Refilled slots, siblings, a batch that shrinks; wide steps among plain ones while it is full."""
    chance, sizes = random.Random(1), []
    monkeypatch.setattr(Payoff, "expected", lambda self, slots: slots == 12 and chance.random() < 0.7)
    resize = paged.PagedCache.resize
    monkeypatch.setattr(
        paged.PagedCache, "resize", lambda old, slots, *a: sizes.append(slots.size) or resize(old, slots, *a)
    )
    engine = make_engine(model, speculate=3)
    assert engine.attention == "paged attention by XLA, 16 positions a page"
    assert_same(list(engine.generate(REQUESTS)), from_rings, atol=1e-5)
    assert sizes == [9, 6]
    assert engine.stats.wide_steps > 2 and engine.stats.right_guesses > 0
    assert engine.stats.decoded_tokens > 12 * 4 * engine.stats.wide_steps, "plain steps too"


@pytest.mark.slow
def test_nothing_compiles_anew_after_the_warm_up(model, from_rings, monkeypatch):
    """Plain and wide steps in any order, whatever the size of the batch."""
    chance = random.Random(1)
    monkeypatch.setattr(Payoff, "possible", lambda self, slots: True)
    monkeypatch.setattr(Payoff, "expected", lambda self, slots: chance.random() < 0.5)
    engine = make_engine(model, speculate=AUTO)
    engine.warm_up(samples=6)
    before = engine.compilations()
    assert_same(list(engine.generate(REQUESTS)), from_rings, atol=1e-5)
    shorter = [Request(f"{n}#{i}", (5,) * n, 9 * n + i, None, 1 + n) for n in range(1, 31) for i in range(6)]
    assert len(list(engine.generate(shorter))) == len(shorter)
    assert engine.compilations() == before and engine.stats.wide_steps > 20


@pytest.mark.timeout(300)
def test_each_device_has_its_slots_and_heads(model, from_rings, monkeypatch):
    """Two groups of two; the pages stay where they were made."""
    mesh, places = layout.mesh_of(jax.devices()[:4], 2), []
    begin = paged.PagedCache.begin

    def watched(cache, seating):
        places.extend(leaf.sharding for leaf in cache.layers)
        return begin(cache, seating)

    monkeypatch.setattr(paged.PagedCache, "begin", watched)
    assert_same(list(make_engine(model, mesh=mesh, slots=8).generate(REQUESTS)), from_rings, atol=1e-5)
    split = NamedSharding(mesh, P("data", None, "tensor"))
    assert len(places) > 4 and all(place.is_equivalent_to(split, 4) for place in places)


@pytest.mark.parametrize(
    ("heads", "dtype", "window", "tolerance"), [(6, "float32", 5, 1e-6), (14, "bfloat16", None, 2e-2)]
)
def test_both_ways_to_attend_are_the_reference_of_the_kernel(monkeypatch, window, heads, dtype, tolerance):
    """Two slots of different lengths, three positions each, pages in any order; heads that need filling up."""
    draw = np.random.default_rng(3)
    pages = jnp.asarray(draw.normal(size=(20, 4, 4, 8)), dtype)
    queries = jnp.asarray(draw.normal(size=(2, 3, heads, 8)), dtype)
    table = jnp.asarray(draw.permutation(20)[:10].reshape(2, 5).astype(np.int32))
    positions = jnp.asarray(np.array([[0], [15]]) + np.arange(3), jnp.int32)
    lengths, starts, slots = positions[:, -1] + 1, jnp.array([0, 3, 6], jnp.int32), jnp.array([2], jnp.int32)
    asked = []

    def reference(*arrays, sm_scale, sliding_window, **blocks):
        asked.append((arrays[0].shape[1], blocks))
        return ref_ragged_paged_attention(*arrays, sm_scale=sm_scale, sliding_window=sliding_window)

    with jax.numpy_dtype_promotion("standard"):
        plain = {"sm_scale": 8**-0.5, "sliding_window": window}
        expected = reference(queries.reshape(6, heads, 8), pages, lengths, table, starts, slots, **plain)
    monkeypatch.setattr(paged, "ragged_paged_attention", reference)
    for attend in (paged.by_kernel, paged.gathered):
        mixed = attend(queries, pages, table, positions, window)
        assert mixed.dtype == queries.dtype
        found, wanted = (np.asarray(x, np.float32).reshape(6, heads, 8) for x in (mixed, expected))
        np.testing.assert_allclose(found, wanted, atol=tolerance)
    given, blocks = asked[1]
    assert given == (6 if heads == 6 else 16), "seven bfloat16 queries of a key head become eight"
    assert blocks["num_kv_pages_per_block"] == 5 and blocks["num_queries_per_block"] == 6


def test_a_number_that_is_not_finite_is_not_written_and_fails_its_own_position():
    draw = np.random.default_rng(4)
    queries, keys, values = (jnp.asarray(draw.normal(size=(2, 3, n, 8)), jnp.float32) for n in (4, 2, 2))
    pages, table = jnp.zeros((4, 4, 4, 8)), jnp.array([[0, 1], [2, 3]], jnp.int32)
    positions = jnp.array([[2, 3, 4], [0, 1, 2]], jnp.int32)
    arrays = pages, table, positions
    options = {"window": None, "kernel": False}
    expected, whole = paged._write_and_attend(queries, keys, values, *arrays, **options)
    for broken in (keys.at[0, 1, 1, 3].set(jnp.nan), keys.at[0, 1, 1, 3].set(jnp.inf)):
        mixed, written = paged._write_and_attend(queries, broken, values, *arrays, **options)
        assert bool(jnp.all(jnp.isfinite(written))) and bool(jnp.all(written[2:] == whole[2:]))
        lost = ~jnp.isfinite(mixed)
        assert bool(jnp.all(lost[0, 1, 2:])) and int(lost.sum()) == 2 * 8, "the queries of that head, there"
        np.testing.assert_array_equal(mixed[1], expected[1])
        np.testing.assert_array_equal(mixed[0, 0], expected[0, 0])


SIZES = {"prompt": 2048, "new": 2048, "step": 16}
QWEN = dataclasses.replace(config_from_hf(TINY_CONFIG, "q"), num_heads=28, num_kv_heads=4, head_dim=128)


def slice_of(platform, tensor=1):
    """A mesh as far as the choice looks at it."""
    devices = np.array([SimpleNamespace(platform=platform)])
    return SimpleNamespace(devices=devices, shape={"data": 2, "fsdp": 1, "tensor": tensor})


def choose(asked, config, mesh, dtype="bfloat16"):
    return paged.choose_paging(asked, config, dtype, mesh, **SIZES)


@pytest.mark.parametrize("tensor", [1, 2, 4])
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_a_tpu_takes_pages_where_the_kernel_takes_the_heads(tensor, dtype):
    paging, said = choose("auto", QWEN, slice_of("tpu", tensor), dtype)
    assert (paging.page, paging.own, paging.kernel, paging.shards) == (128, 18, True, 2)
    assert paging.own * 128 >= 127 + 2047 + 16 and "Pallas" in said and "128" in said


def test_elsewhere_rings_are_the_rule_and_pages_what_is_asked_for():
    assert choose("auto", QWEN, slice_of("cpu")) == choose("xla", QWEN, slice_of("tpu"))
    assert choose("auto", QWEN, slice_of("gpu")) == (None, "attention by XLA")
    paging, said = choose("paged", QWEN, slice_of("gpu"))
    assert not paging.kernel and "XLA" in said


@pytest.mark.parametrize(
    ("changes", "dtype", "tensor", "word"),
    [
        ({"head_dim": 64}, "bfloat16", 1, "head_dim is 64"),
        ({"num_kv_heads": 3}, "bfloat16", 1, "3 key heads"),
        ({}, "bfloat16", 8, "4 key heads do not divide over 8"),
        ({}, "int8", 1, "int8"),
    ],
)
def test_what_the_kernel_does_not_take_falls_back_and_says_so(changes, dtype, tensor, word):
    config, mesh = dataclasses.replace(QWEN, **changes), slice_of("tpu", tensor)
    paging, said = choose("auto", config, mesh, dtype)
    assert paging is None and "not paged" in said and word in said
    user_error(lambda: choose("paged", config, mesh, dtype), "config.sampling.attention", word)


def test_an_unknown_word_is_refused():
    user_error(lambda: choose("pages", QWEN, None), "'pages'", "auto, paged, xla")


def test_the_plan_counts_the_pages(model):
    engine = make_engine(model)
    assert (engine.attention, prompt_rows(12, 1, 1)) == ("paged attention by XLA, 16 positions a page", 12)
    cache = jax.eval_shape(
        lambda: layout.empty_cache(model[0], 12, 12, 32, 0, "float32", None, engine._setup.paging)
    )
    assert cache.sizes == (12, 12)
    size = sum(leaf.size * 4 for leaf in jax.tree.leaves(cache))
    assert engine.plan.cache == pytest.approx(1.5 * size), "and one of two layers twice"


def test_a_slots_pages_are_its_prompts_and_then_its_own():
    """Two shards of two slots and two rows; numbers count from each shard's first page."""
    paging = paged.Paging(4, 3, 2, False, None)
    cache = paged.empty_cache(QWEN, 4, 4, 8, "float32", paging)
    assert (cache.slots, cache.per_row, cache.sizes) == (2, 2, (4, 4))
    seating = SimpleNamespace(
        prompt=jnp.array([0, 8, 5, 3], jnp.int32),
        place=jnp.array([[0, 2], [3, 1]], jnp.int32),  # rows 0, 1 and 1, 0
        lanes=jnp.zeros((2, 2, 2), jnp.int32),
    )
    table = np.asarray(cache._table(seating)).tolist()
    rows = [6, 8, 8, 6]  # the first page of each one's row
    expected = [[0, 1, 2], [rows[1], rows[1] + 1, 3, 4, 5], [rows[2], 0, 1, 2], [3, 4, 5]]
    for found, pages in zip(table, expected):
        assert found[: len(pages)] == pages and set(found) <= set(range(10))
    for first, second in itertools.combinations(range(2), 2):
        assert not set(expected[first]) & set(expected[second])
