"""The optimizer step: the same whatever the microbatches and devices."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from jax.sharding import PartitionSpec

from acecoder_jax.data.packing import Tree, pack
from acecoder_jax.models.config import config_from_hf
from acecoder_jax.models.packed import packed_hidden, packed_log_probs
from acecoder_jax.training.losses import clipped_surrogate
from acecoder_jax.training.mesh import make_mesh
from acecoder_jax.training.replay import load_batch
from acecoder_jax.training.trainer import Trainer, make_optimizer, optimizer_config
from tests.tiny_models import TINY_CONFIG, random_params
from tests.user_errors import user_error

ROWS, STEPS = 16, 6


def config_with(**changes):
    config = optimizer_config()
    config.learning_rate = 1e-3
    config.update(changes)
    return config


def policy_loss(model, batch):
    """The policy-gradient loss of the training stage, on a batch that carries its own advantages."""
    log_probs, entropy = packed_log_probs(model, packed_hidden(model, batch), batch)
    loss, sums = clipped_surrogate(
        log_probs, batch["old"], batch["advantages"], batch["mask"], batch["denominator"]
    )
    return loss, sums | {"entropy": jnp.sum(entropy * batch["mask"])}


def quick_loss(model, batch):
    """Next to nothing to compile, for what does not depend on the model: a bigram of embedding and output."""
    log_probs = jax.nn.log_softmax(model.logits(model.embed(batch["tokens"], jnp.float32)), axis=-1)
    chosen = jnp.take_along_axis(log_probs, batch["tokens"][..., None], axis=-1)[..., 0]
    weights = batch["advantages"] * batch["mask"]
    return -jnp.sum(chosen * weights) / batch["denominator"], {"weight": jnp.sum(weights)}


def batch_of(seed):
    """Sixteen packed rows with random advantages."""
    draw = np.random.default_rng(seed)
    trees = [
        Tree(
            tuple(draw.integers(0, 300, 4)),
            tuple(tuple(draw.integers(0, 300, 9)) for _ in range(3)),
            (3 * i,) * 3,
        )
        for i in range(ROWS)
    ]
    rows = pack(trees, 32)
    assert rows.tokens.shape[0] == ROWS
    mask = (rows.item >= 0).astype(np.float32)
    arrays = rows.model_inputs | {"mask": mask, "old": np.full(mask.shape, -6.0, np.float32)}
    arrays["advantages"] = draw.normal(size=mask.shape).astype(np.float32)
    return arrays | {"denominator": np.float32(mask.sum())}


def split(batch, count):
    size = ROWS // count
    for i in range(count):
        yield {k: v[i * size : (i + 1) * size] if np.ndim(v) else v for k, v in batch.items()}


def new_trainer(mesh, loss=quick_loss, replay=None, **changes):
    graph, params = random_params(config_from_hf(TINY_CONFIG, "here"), scale=3.0)
    return Trainer(graph, params, make_optimizer(config_with(**changes), STEPS), loss, mesh, replay)


def leaves_of(trainer):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(trainer.state)]


def run(mesh, microbatches, steps=2):
    trainer = new_trainer(mesh, policy_loss, learning_rate=1e-5)
    return trainer, [trainer.update(split(batch_of(step), microbatches)) for step in range(steps)]


@pytest.fixture(scope="module")
def whole(one_device):
    """Two steps on one device, each batch in one piece."""
    return run(one_device, 1)


def assert_same_run(left, right, tolerance):
    (first, before), (second, after) = left, right
    for a, b in zip(before, after, strict=True):
        assert a == pytest.approx(b, rel=1e-4, abs=tolerance)
    params = jax.tree.leaves(first.params), jax.tree.leaves(second.params)
    for a, b in zip(*params, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=tolerance)
    # Adam's steps are nearly signs of gradients; its moments hold the gradients themselves.
    for a, b in zip(leaves_of(first), leaves_of(second), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4 * np.abs(b).max())


def test_training_lowers_the_loss_and_reports_its_sums(one_device):
    trainer = new_trainer(one_device, policy_loss, schedule="constant", warmup_share=0.0)
    batch = batch_of(0)
    results = [trainer.update([batch]) for _ in range(4)]
    assert trainer.step == 4
    assert set(results[0]) == {"loss", "grad_norm", "clip_share", "approx_kl", "ratio_variance", "entropy"}
    assert all(isinstance(value, float) for value in results[0].values())
    assert results[-1]["loss"] < results[0]["loss"]


def test_the_gradient_norm_is_that_of_the_whole_batch(one_device, whole):
    graph, params = random_params(config_from_hf(TINY_CONFIG, "here"), scale=3.0)
    batch = batch_of(0)
    value, grads = jax.jit(jax.value_and_grad(lambda p: policy_loss(nnx.merge(graph, p), batch)[0]))(params)
    assert whole[1][0]["loss"] == pytest.approx(float(value), rel=1e-5)
    assert whole[1][0]["grad_norm"] == pytest.approx(float(optax.tree.norm(grads)), rel=1e-5)


def test_one_step_is_optax_by_hand(one_device):
    graph, params = random_params(config_from_hf(TINY_CONFIG, "here"), scale=3.0)
    batch = batch_of(0)
    grads = jax.grad(lambda p: quick_loss(nnx.merge(graph, p), batch)[0])(params)
    norm = float(optax.tree.norm(grads))
    trainer = new_trainer(one_device, schedule="constant", warmup_share=0.0, max_grad_norm=norm / 2)
    trainer.update([batch])
    for weight, grad, got in zip(*map(jax.tree.leaves, (params, grads, trainer.params)), strict=True):
        # Adam's first step: both moments are the (halved) gradient's own; its sign and epsilon remain.
        clipped = np.asarray(grad) / 2
        expected = np.asarray(weight) - 1e-3 * clipped / (np.abs(clipped) + 1e-8)
        np.testing.assert_allclose(np.asarray(got), expected, atol=2e-5)


def test_weight_decay_pulls_weights_towards_zero(one_device):
    plain, decayed = (new_trainer(one_device, weight_decay=decay) for decay in (0.0, 0.5))
    for trainer in (plain, decayed):
        trainer.update([batch_of(0)])
    norms = [float(optax.tree.norm(trainer.params)) for trainer in (plain, decayed)]
    assert norms[1] < norms[0]


@pytest.mark.parametrize("microbatches", [4])
def test_microbatches_change_neither_loss_nor_parameters(one_device, whole, microbatches):
    assert_same_run(whole, run(one_device, microbatches), 1e-6)


def test_devices_change_neither_loss_nor_parameters(whole):
    assert_same_run(whole, run(make_mesh(data=2, fsdp=2, tensor=2), 2), 1e-6)


def test_optimizer_state_lies_where_the_parameters_lie():
    state = new_trainer(make_mesh(data=2, fsdp=2, tensor=2)).state
    flat = {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state)}
    moments = [leaf for name, leaf in flat.items() if "opt_state" in name and "'query'" in name]
    assert len(moments) == 2
    assert {leaf.sharding.spec for leaf in moments} == {PartitionSpec(None, "fsdp", "tensor")}
    assert all(len(leaf.sharding.device_set) == 8 for leaf in flat.values())


def test_a_loss_that_is_not_finite_stops_before_the_parameters_are_touched(one_device, tmp_path):
    trainer = new_trainer(one_device, replay=tmp_path)
    trainer.update([batch_of(0)])
    before = leaves_of(trainer)
    bad = batch_of(1)
    bad["advantages"][3, 10:] = np.nan
    kept = tmp_path / "step_2.npz"
    user_error(
        lambda: trainer.update(split(bad, 4)), "step 2", "nan", "another --workdir", "learning_rate", kept
    )
    for left, right in zip(before, leaves_of(trainer), strict=True):
        np.testing.assert_array_equal(left, right)
    again = load_batch(kept)
    assert len(again) == 4
    for expected, microbatch in zip(split(bad, 4), again, strict=True):
        assert set(expected) == set(microbatch)
        for name, value in expected.items():
            np.testing.assert_array_equal(value, microbatch[name])
    user_error(lambda: trainer.update(again), "nan")
    trainer.update([batch_of(1)])


def test_a_step_may_be_started_before_the_one_before_is_read(one_device):
    together, apart = new_trainer(one_device), new_trainer(one_device)
    under_way = [together.start([batch_of(n)]) for n in range(2)]
    assert [pending.result() for pending in under_way] == [apart.update([batch_of(n)]) for n in range(2)]


def learning_rates(config, total):
    """The learning rate of each step, read off Adam's steps on a gradient that is always 1."""
    optimizer, params = make_optimizer(config, total), {"w": jnp.zeros(())}
    state, rates = optimizer.init(params), []
    with jax.numpy_dtype_promotion("standard"):
        step = jax.jit(optimizer.update)
        for _ in range(total + 2):
            updates, state = step({"w": jnp.ones(())}, state, params)
            rates.append(-float(updates["w"]))
    return rates


def test_the_cosine_schedule_warms_up_and_decays_to_zero():
    rates = learning_rates(config_with(warmup_share=0.2), 20)
    ramp = [1e-3 * (1 / 5 + 4 / 5 * step / 4) for step in range(5)]
    assert rates[:5] == pytest.approx(ramp, rel=1e-3)
    decay = [1e-3 * (1 + np.cos(np.pi * (step - 4) / 16)) / 2 for step in range(4, 20)]
    assert rates[4:20] == pytest.approx(decay, rel=1e-3, abs=1e-8)
    assert rates[20:] == pytest.approx([0, 0], abs=1e-8)
    assert min(rates[:20]) > 0


def test_the_constant_schedule_stays():
    rates = learning_rates(config_with(schedule="constant", warmup_share=0.2), 20)
    assert rates[0] == pytest.approx(1e-3 / 5, rel=1e-3)
    assert rates[4:] == pytest.approx([1e-3] * 18, rel=1e-3)


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
@pytest.mark.parametrize("total", [1, 2, 3])
def test_very_short_runs_learn_in_every_step(schedule, total):
    for share in (0.0, 0.1, 0.5, 1.0):
        rates = learning_rates(config_with(schedule=schedule, warmup_share=share), total)[:total]
        assert all(0 < rate <= 1.001e-3 for rate in rates), (share, rates)


def test_an_unknown_schedule_is_refused():
    user_error(
        lambda: make_optimizer(config_with(schedule="linear"), 10), "config.optimizer.schedule", "'linear'"
    )
