"""Compiled sizes and the memory they take, against the sizes of the arrays themselves."""

import dataclasses

import jax
import pytest

from acecoder_jax.models.config import config_from_hf
from acecoder_jax.models.huggingface import abstract_params
from acecoder_jax.sampling import plan
from acecoder_jax.sampling.ring import empty_cache
from acecoder_jax.sampling.view import decode_view
from tests.tiny_models import TINY_CONFIG
from tests.user_errors import user_error

CONFIG = config_from_hf(TINY_CONFIG, "tiny")
ASKED = {
    "slots": 8,
    "prompt": 64,
    "ring": 96,
    "lanes": 1,
    "dtype": "float32",
    "cache_dtype": "float32",
    "eight_bit": False,
}


@pytest.mark.parametrize("length", [1, 32, 33, 48, 49, 100, 2048, 2049])
def test_a_prompt_bucket_is_at_most_a_quarter_longer(length):
    bucket = plan.prompt_bucket(length)
    assert length <= bucket <= max(32, length + 15, 1.25 * length) and bucket % 16 == 0


@pytest.mark.parametrize("new", [1, 31, 32, 33, 96, 256, 2048])
def test_the_rings_widths_grow_to_a_whole_completion(new):
    widths = plan.ring_widths(new)
    assert widths == sorted(set(widths)) and len(widths) <= 4
    assert new <= widths[-1] < new + 32 and all(width % 32 == 0 for width in widths)


@pytest.mark.parametrize(("slots", "shards"), [(128, 1), (4, 1), (1, 1), (64, 8), (16, 4), (96, 1)])
def test_the_tail_shrinks_in_steps_of_whole_shards(slots, shards):
    ladder = plan.slot_ladder(slots, shards)
    assert ladder[0] == slots and all(size % shards == 0 for size in ladder)
    assert all(
        smaller >= 0.6 * larger or smaller <= 8 * shards for larger, smaller in zip(ladder, ladder[1:])
    )
    assert plan.slot_ladder(128, 1) == [128, 96, 64, 48, 32, 24, 16, 12, 8]


def test_prompts_of_full_batches_and_of_stragglers_have_rows():
    assert plan.prompt_rows(128, 8, 1) == 28
    assert plan.prompt_rows(64, 1, 1) == 64
    assert plan.prompt_rows(4, 8, 1) == 4
    assert plan.prompt_rows(64, 8, 8) == 8 * 5


@pytest.mark.parametrize("cache_dtype", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("eight_bit", [False, True])
def test_the_plan_counts_the_arrays_bytes(cache_dtype, eight_bit):
    found = plan.plan_memory(CONFIG, **ASKED | {"cache_dtype": cache_dtype, "eight_bit": eight_bit})
    cache = jax.eval_shape(lambda: empty_cache(CONFIG, 8, 8, 64, 96, cache_dtype))
    assert found.cache == pytest.approx(_bytes(cache) * 1.5), "and one of two layers twice"
    graph, params = abstract_params(CONFIG)
    view = decode_view.eval_shape(graph, params, "float32", eight_bit)
    assert found.weights == pytest.approx(_bytes(view), rel=0.1), "norms and scales left out"


def test_as_many_slots_as_fit():
    whole = plan.plan_memory(CONFIG, **ASKED | {"slots": 64})
    needed = (whole.cache + whole.weights + whole.work) / 0.9
    chosen = plan.plan_memory(CONFIG, **ASKED | {"slots": 0, "free": needed + 1})
    assert chosen.slots == 64
    assert plan.plan_memory(CONFIG, **ASKED | {"slots": 0, "free": needed - 1}).slots == 48
    assert plan.plan_memory(CONFIG, **ASKED | {"slots": 0, "free": 1e12}).slots == 256
    assert plan.plan_memory(CONFIG, **ASKED | {"slots": 0, "free": 1e12, "shards": 4}).slots == 1024
    assert "64 slots: cache" in str(whole)


def test_what_does_not_fit_is_refused_with_what_would():
    needed = sum(dataclasses.astuple(plan.plan_memory(CONFIG, **ASKED | {"slots": 48}))[1:4]) / 0.9
    user_error(
        lambda: plan.plan_memory(CONFIG, **ASKED | {"slots": 64, "free": needed}), "at most 48", "int8"
    )
    user_error(
        lambda: plan.plan_memory(CONFIG, **ASKED | {"slots": 0, "free": 1.0}), "8 slots", "more devices"
    )


def _bytes(tree):
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
