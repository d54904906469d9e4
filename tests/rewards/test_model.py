"""The model reward: packed scoring equals scoring each completion alone, end-of-sequence state read."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from acecoder_jax.models.config import config_from_hf
from acecoder_jax.models.decoder import RewardModel, attention
from acecoder_jax.models.folders import LoadedModel
from acecoder_jax.rewards.model import RewardScorer
from acecoder_jax.training.mesh import make_mesh, param_shardings
from tests.made_records import completion
from tests.tiny_models import TINY_CONFIG, random_params, tiny_tokenizer

EOS = 2
ROW = 64


@pytest.fixture(scope="module")
def reward_model():
    config = config_from_hf(TINY_CONFIG, "here")
    _, backbone = random_params(config, seed=4)
    graph, params = nnx.split(RewardModel(config, nnx.Rngs(0)))
    values = {"backbone": nnx.to_pure_dict(backbone), "score": jax.random.normal(jax.random.key(1), (32,))}
    nnx.replace_by_pure_dict(params, values)
    extra = {"reward_mean": 0.5, "reward_spread": 2.0}
    return LoadedModel(config, TINY_CONFIG, graph, params, tiny_tokenizer(), "reward", extra)


@pytest.fixture(scope="module")
def texts():
    """Prompts of one to 20 tokens, one to 6 completions each, some of which end with its id."""
    draw = np.random.default_rng(0)
    made = []
    for _ in range(6):
        prompt = tuple(draw.integers(3, 300, draw.integers(1, 21)).tolist())
        for _ in range(draw.integers(1, 7)):
            ids = draw.integers(3, 300, draw.integers(1, 13)).tolist()
            made.append((prompt, tuple(ids + [EOS] * int(draw.integers(0, 2)))))
    return [made[i] for i in draw.permutation(len(made))]


@pytest.fixture(scope="module")
def alone(reward_model):
    """The reward of one text by the plain causal model, nothing packed."""
    model = nnx.merge(reward_model.graph, reward_model.params)

    @jax.jit
    def states(tokens, length):
        times = jnp.arange(ROW)[None]
        mask = times[:, :, None] >= times[:, None, :]
        hidden, _ = model.backbone.hidden(
            tokens, times, lambda q, k, v: (attention(q, k, v, mask), None), jnp.dtype("float32"), "none"
        )
        return model.rewards(hidden[0, length - 1][None])[0]

    def score(ids):
        tokens = np.zeros((1, ROW), np.int32)
        tokens[0, : len(ids)] = ids
        return float(states(jnp.asarray(tokens), len(ids)))

    return score


def scorer_of(model, row_length=ROW, **changes):
    return RewardScorer(model.graph, model.params, EOS, row_length=row_length, **changes)


def test_packed_scores_are_those_of_each_text_alone(reward_model, texts, alone):
    expected = [alone((*prompt, *ids, *([EOS] if ids[-1] != EOS else []))) for prompt, ids in texts]
    assert np.std(expected) > 0.1
    np.testing.assert_allclose(scorer_of(reward_model).score_ids(texts), expected, atol=1e-4)


def test_an_end_that_is_missing_is_added(reward_model):
    with_it, without = scorer_of(reward_model).score_ids([((1, 5), (7, 8, EOS)), ((1, 5), (7, 8))])
    assert with_it == pytest.approx(without, abs=1e-5)


def test_neither_company_nor_order_changes_a_score(reward_model, texts):
    scorer = scorer_of(reward_model)
    together = scorer.score_ids(texts)
    np.testing.assert_allclose(scorer.score_ids(texts[::-1])[::-1], together, atol=1e-5)
    np.testing.assert_allclose(scorer.score_ids(texts[3:4]), together[3:4], atol=1e-5)


def test_scores_are_shifted_scaled_and_clipped(reward_model, texts):
    raw = np.array(scorer_of(reward_model).score_ids(texts))
    answers = [completion("q", i, prompt_ids=prompt, token_ids=ids) for i, (prompt, ids) in enumerate(texts)]
    plain = RewardScorer.from_model(reward_model, ROW, float("inf")).score(answers)
    np.testing.assert_allclose(plain, (raw - 0.5) / 2.0, atol=1e-6)
    limit = float(np.median(np.abs(plain)))
    clipped = RewardScorer.from_model(reward_model, ROW, limit).score(answers)
    np.testing.assert_allclose(clipped, np.clip(plain, -limit, limit), atol=1e-6)
    assert max(clipped) == limit and all(isinstance(value, float) for value in clipped)


def test_what_is_too_long_is_cut_to_the_row(reward_model, alone):
    """The prompt keeps its end, the completion its beginning."""
    prompt, ids = tuple(range(3, 63)), tuple(range(70, 140))
    (cut,) = scorer_of(reward_model).score_ids([(prompt, ids)])
    assert cut == pytest.approx(alone((*prompt[-32:], *ids[:32])), abs=1e-4)


def test_no_texts_have_no_scores(reward_model):
    assert scorer_of(reward_model).score_ids([]) == []


def test_over_a_mesh_the_scores_are_the_same(reward_model, texts):
    mesh = make_mesh(data=2, fsdp=2, tensor=2)
    places = param_shardings(reward_model.params, mesh)
    split = RewardScorer(
        reward_model.graph, jax.device_put(reward_model.params, places), EOS, row_length=ROW, mesh=mesh
    )
    whole = RewardScorer(reward_model.graph, reward_model.params, EOS, row_length=ROW)
    np.testing.assert_allclose(split.score_ids(texts), whole.score_ids(texts), atol=1e-4)
