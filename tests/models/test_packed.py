"""Packed rows give what one sequence a row gives: log-probabilities, entropies, gradients."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from acecoder_jax.data.packing import PackedRows, Tree, pack
from acecoder_jax.data.policy_rows import response_columns
from acecoder_jax.models.block_attention import block_attention
from acecoder_jax.models.config import config_from_hf
from acecoder_jax.models.cudnn import cudnn_attention
from acecoder_jax.models.decoder import attention
from acecoder_jax.models.packed import attention_kernel, packed_hidden, packed_log_probs, tree_mask
from tests.tiny_models import TINY_CONFIG, random_params
from tests.user_errors import user_error

CONFIG = config_from_hf(TINY_CONFIG | {"tie_word_embeddings": False, "model_type": "qwen2"}, "here")


@pytest.fixture(scope="module")
def split_model():
    return random_params(CONFIG, seed=5)


def random_trees(seed=0):
    draw = np.random.default_rng(seed)
    trees, item = [], 0
    for branches in (3, 1, 5, 2):
        sizes = draw.integers(1, 12, branches)
        completions = tuple(tuple(draw.integers(0, 300, size).tolist()) for size in sizes)
        prompt = tuple(draw.integers(0, 300, draw.integers(1, 10)).tolist())
        trees.append(Tree(prompt, completions, tuple(range(item, item + branches))))
        item += branches
    return trees


def one_row_each(trees):
    """Every completion in a row of its own, with its own copy of the prompt: nothing is shared."""
    flat = [Tree(t.prompt, (branch,), (item,)) for t in trees for branch, item in zip(t.branches, t.items)]
    singles = [pack([tree], 24) for tree in flat]
    names = [field.name for field in dataclasses.fields(PackedRows) if field.name != "last"]
    rows = PackedRows(
        **{name: np.concatenate([getattr(single, name) for single in singles]) for name in names}
    )
    rows.last = {item: (row, column) for row, s in enumerate(singles) for item, (_, column) in s.last.items()}
    return rows


def by_item(rows, values):
    """The values on each completion's tokens, in order."""
    found = {}
    for item in rows.last:
        row, column = np.nonzero(rows.item == item)
        order = np.argsort(rows.offset[row, column])
        found[item] = np.asarray(values)[row[order], column[order]]
    return found


@partial(jax.jit, static_argnums=(0, 3))
def compute(graph, params, inputs, temperature):
    model = nnx.merge(graph, params)
    return packed_log_probs(model, packed_hidden(model, inputs), inputs, temperature)


def log_probs_of(graph, params, rows, temperature=1.0):
    return compute(graph, params, rows.model_inputs, temperature)


def test_log_probs_and_entropies_equal_the_unpacked_ones(split_model):
    graph, params = split_model
    trees = random_trees()
    packed = pack(trees, 64)
    assert packed.tokens.shape[0] < len(trees)
    alone = one_row_each(trees)
    for left, right in zip(log_probs_of(graph, params, packed, 0.7), log_probs_of(graph, params, alone, 0.7)):
        left, right = by_item(packed, left), by_item(alone, right)
        assert set(left) == set(right) == set(range(11))
        for item in left:
            np.testing.assert_allclose(left[item], right[item], atol=2e-5)


def test_log_probs_are_those_of_the_plain_causal_model(split_model):
    graph, params = split_model
    tree = random_trees()[0]
    rows = pack([tree], 48)
    log_probs = by_item(rows, log_probs_of(graph, params, rows)[0])

    @jax.jit
    def plain_log_probs(ids):
        model = nnx.merge(graph, params)
        plain = {"tokens": ids, "positions": jnp.arange(ids.shape[1])[None], "tree": jnp.ones_like(ids)}
        hidden = packed_hidden(model, plain | {"branch": jnp.zeros_like(ids)})
        return jax.nn.log_softmax(model.logits(hidden), axis=-1)[0]

    for branch, item in zip(tree.branches, tree.items):
        ids = jnp.array([tree.prompt + branch])
        table = np.asarray(plain_log_probs(ids))
        start = len(tree.prompt)
        expected = [table[start + i - 1, token] for i, token in enumerate(branch)]
        np.testing.assert_allclose(log_probs[item], expected, atol=2e-5)


def test_gradients_equal_the_unpacked_ones(split_model):
    graph, params = split_model
    trees = random_trees()
    weights = np.random.default_rng(9).normal(size=(11, 24)).astype(np.float32)  # (item, offset)

    def gradient(rows):
        mask = jnp.asarray(np.where(rows.item >= 0, weights[rows.item, rows.offset], 0))

        def loss(params):
            log_probs, entropies = log_probs_of(graph, params, rows)
            return jnp.sum((log_probs + 0.3 * entropies) * mask)

        return jax.grad(loss)(params)

    left, right = gradient(pack(trees, 64)), gradient(one_row_each(trees))
    for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4 * float(jnp.abs(b).max()))


def test_what_stands_in_other_branches_trees_and_rows_does_not_matter(split_model):
    graph, params = split_model
    first = Tree((1, 2, 3), ((4, 5, 6), (7, 8)), (0, 1))
    other = Tree((1, 2, 3), ((4, 5, 6), (200, 201)), (0, 1))
    here = pack([first, Tree((20, 21), ((22, 23),), (2,))], 24)
    there = pack([other, Tree((90, 91), ((92, 93),), (2,))], 24)
    left, right = (by_item(rows, log_probs_of(graph, params, rows)[0])[0] for rows in (here, there))
    np.testing.assert_array_equal(left, right)


def test_the_mask_by_hand():
    tree = jnp.array([[1, 1, 1, 1, 2, 2, 0]])
    branch = jnp.array([[0, 0, 1, 2, 0, 1, 0]])
    expected = [
        [1, 0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0],
        [1, 1, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 1, 1, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ]
    assert np.asarray(tree_mask(tree, branch))[0].astype(int).tolist() == expected


def test_asking_for_responses_alone_changes_neither_values_nor_gradients(split_model):
    graph, params = split_model
    rows = pack(random_trees(), 128)
    mask = (rows.item >= 0).astype(np.float32)
    columns = response_columns(rows.item)
    assert columns.shape[1] < rows.item.shape[1], "the list is shorter than the row"
    draw = np.random.default_rng(9).normal(size=(2, *mask.shape)).astype(np.float32)

    @jax.jit
    def both(params, inputs):
        def loss(params):
            model = nnx.merge(graph, params)
            found = packed_log_probs(model, packed_hidden(model, inputs), inputs, 0.7)
            return sum(jnp.sum(values * mask * weight) for values, weight in zip(found, draw)), found

        return jax.grad(loss, has_aux=True)(params)

    whole, listed = (both(params, rows.model_inputs | more) for more in ({}, {"responses": columns}))
    for left, right in zip(whole[1], listed[1]):
        np.testing.assert_allclose(left * mask, right, atol=1e-6)
    for left, right in zip(jax.tree.leaves(whole[0]), jax.tree.leaves(listed[0]), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-5 * float(jnp.abs(left).max()))


@pytest.mark.parametrize("row_length", [17, 256, 300])
def test_any_row_length_works(split_model, row_length):
    """The vocabulary projection runs in slices of the row; lengths that no slice divides must work too."""
    graph, params = split_model
    tree = Tree((1, 2, 3), ((4, 5, 6), (7, 8)), (0, 1))
    rows, short = pack([tree], row_length), pack([tree], 8)
    left, right = (by_item(r, log_probs_of(graph, params, r)[0]) for r in (rows, short))
    for item in (0, 1):
        np.testing.assert_allclose(left[item], right[item], atol=2e-5)


def test_values_off_the_completions_are_finite(split_model):
    graph, params = split_model
    log_probs, entropies = log_probs_of(graph, params, pack([], 16, rows_multiple=2))
    assert bool(jnp.all(jnp.isfinite(log_probs))) and bool(jnp.all(jnp.isfinite(entropies)))


def test_the_attention_kernel_is_the_platforms():
    chosen = [attention_kernel("auto", platform, "bfloat16") for platform in ("tpu", "gpu", "cpu")]
    assert chosen == ["splash", "cudnn", "xla"]
    assert (
        attention_kernel("auto", "gpu", "float32") == "xla" and attention_kernel("xla", "tpu", "x") == "xla"
    )
    user_error(lambda: attention_kernel("flash", "gpu", "bfloat16"), "'flash'", "cudnn")
    user_error(lambda: attention_kernel("cudnn", "cpu", "bfloat16"), "not on cpu", "auto")
    user_error(lambda: attention_kernel("cudnn", "gpu", "float32"), "float32", "auto")


def test_the_call_that_cudnn_gets_is_our_attention():
    """With grouped heads and a packed mask, by the implementation of the same call that runs here."""
    draw = np.random.default_rng(0)
    queries = jnp.asarray(draw.normal(size=(2, 12, 4, 8)), jnp.float32)
    keys, values = (jnp.asarray(draw.normal(size=(2, 12, 2, 8)), jnp.float32) for _ in range(2))
    tree = jnp.asarray([[1] * 5 + [2] * 7, [1] * 10 + [0] * 2])
    branch = jnp.asarray([[0, 0, 1, 1, 2] + [0] * 7, [0] * 4 + [1] * 6 + [0] * 2])
    mask, real = tree_mask(tree, branch), np.asarray(tree > 0)
    expected = attention(queries, keys, values, mask)
    got = cudnn_attention(queries, keys, values, mask, implementation="xla")
    np.testing.assert_allclose(np.asarray(got)[real], np.asarray(expected)[real], atol=1e-5)


def mixed_and_gradients(kernel, mask, dtype=jnp.float32):
    """What an attention gives for random inputs, and the gradients of queries, keys and values."""
    rows, time = mask.shape[:2]
    draw = np.random.default_rng(time)
    shapes = (rows, time, 4, 8), (rows, time, 2, 8), (rows, time, 2, 8)
    arrays = [jnp.asarray(draw.normal(size=shape), dtype) for shape in shapes]
    # Whoever looks nowhere gives what must not be used.
    used = np.asarray(mask).any(axis=2)[:, :, None, None]
    weight = jnp.asarray(draw.normal(size=shapes[0]) * used, jnp.float32)

    @jax.jit
    def both(queries, keys, values, mask):
        mixed = kernel(queries, keys, values, mask)
        return jnp.sum(mixed.astype(jnp.float32) * weight), mixed

    gradients, mixed = jax.grad(both, argnums=(0, 1, 2), has_aux=True)(*arrays, mask)
    assert bool(jnp.all(jnp.isfinite(mixed)))
    return [jnp.where(used, mixed, 0), *gradients]


@pytest.mark.parametrize("time", [5, 128, 300])
def test_attention_by_blocks_is_attention(time):
    """Values and gradients, for rows that fill a part of a block, a whole one, and several."""
    mask = np.tril(np.random.default_rng(time).random((2, time, time)) < 0.1) | np.eye(time, dtype=bool)
    ours, expected = (
        mixed_and_gradients(kernel, jnp.asarray(mask)) for kernel in (block_attention, attention)
    )
    for got, wanted in zip(ours, expected):
        np.testing.assert_allclose(got, wanted, atol=1e-5)


@pytest.mark.parametrize(("dtype", "tolerance"), [(jnp.float32, 1e-5), (jnp.bfloat16, 0.05)])
def test_blocks_that_nobody_sees_are_left_out(dtype, tolerance):
    """Trees that end in the middle of blocks, branches of a block's length, and rows that end early or are empty."""
    tree, branch = np.zeros((2, 3, 700), int)
    tree[0, :130], tree[0, 130:650] = 1, 2
    branch[0, 150:280], branch[0, 280:410], branch[0, 410:650] = 1, 2, 3
    tree[1, :40] = 1
    mask = tree_mask(jnp.asarray(tree), jnp.asarray(branch))
    seen = np.asarray(mask)[:, :640, :640].reshape(3, 10, 64, 10, 64).any(axis=(0, 2, 4))
    assert seen.sum() < 55, "the causal half has blocks that nobody sees"
    ours, expected = (mixed_and_gradients(kernel, mask, dtype) for kernel in (block_attention, attention))
    for got, wanted in zip(ours, expected):
        np.testing.assert_allclose(
            got.astype(jnp.float32), wanted.astype(jnp.float32), atol=tolerance * float(jnp.abs(wanted).max())
        )


def test_no_query_sees_what_its_mask_hides():
    """Not a bit of the result depends on it, be it in a block that is left out or beside one that is seen."""
    mask = tree_mask(jnp.asarray([[1] * 200 + [2] * 184]), jnp.zeros((1, 384), int))
    draw = np.random.default_rng(0)
    one, other = (jnp.asarray(draw.normal(size=(1, 384, 2, 8)), jnp.float32) for _ in range(2))
    mixed = jnp.concatenate([other[:, :200], one[:, 200:]], axis=1)
    left, right = (block_attention(one, x, x, mask)[:, 200:] for x in (one, mixed))
    np.testing.assert_array_equal(left, right)
