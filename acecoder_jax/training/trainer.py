"""One optimizer step over any number of microbatches.

Two compiled functions serve every kind of training here: `accumulate` adds a microbatch's gradients, `apply`
takes the optimizer step. What is trained on is a loss function and a stream of microbatches; the trainer does not
know which.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array
from ml_collections import ConfigDict

from acecoder_jax.errors import UserError
from acecoder_jax.training.mesh import param_shardings, place_rows
from acecoder_jax.training.replay import save_batch

# loss(model, microbatch) -> (loss, sums): the loss already divided by the global denominator, the sums not.
LossFunction = Callable[[nnx.Module, dict[str, Array]], tuple[Array, dict[str, Array]]]
# Whether the parameter with this path is trained.
Trains = Callable[[tuple[Any, ...]], bool]


def optimizer_config() -> ConfigDict:
    """AdamW with cosine decay and warm-up; learning rate and warm-up are the paper's for the reward model."""
    return ConfigDict(
        {
            "learning_rate": 1e-5,
            "schedule": "cosine",
            "warmup_share": 0.1,
            "weight_decay": 0.0,
            "beta1": 0.9,
            "beta2": 0.999,
            "max_grad_norm": 1.0,
        }
    )


def make_optimizer(config: ConfigDict, total_steps: int) -> optax.GradientTransformation:
    """Clipping by global norm, then AdamW on the schedule over `total_steps`.

    Raises:
      UserError: an unknown schedule.
    """
    warmup = round(config.warmup_share * total_steps)
    # The ramp starts above 0, so that no step is spent on a learning rate of exactly 0.
    start = config.learning_rate / (warmup + 1)
    if config.schedule == "cosine":
        schedule = optax.warmup_cosine_decay_schedule(
            start, config.learning_rate, warmup, max(total_steps, warmup + 1)
        )
    elif config.schedule == "constant":
        schedule = optax.linear_schedule(start, config.learning_rate, warmup)
    else:
        raise UserError(
            f"config.optimizer.schedule: {config.schedule!r} is unknown; use 'cosine' or 'constant'"
        )
    mask = decayed if config.weight_decay else None
    return optax.chain(
        optax.clip_by_global_norm(config.max_grad_norm),
        optax.adamw(schedule, config.beta1, config.beta2, weight_decay=config.weight_decay, mask=mask),
    )


def decayed(params: nnx.State) -> nnx.State:
    """Which parameters weight decay draws to zero: all but norms, biases and the reward head."""
    flat = [
        (path, leaf.replace(leaf.axes[-1] != "norm" and not str(path[-1]).endswith("_bias")))
        for path, leaf in nnx.to_flat_state(params)
    ]
    return nnx.from_flat_state(flat)


def split_params(params: nnx.State, trains: Trains | None) -> tuple[nnx.State, nnx.State]:
    """Those that are trained, all without `trains`, and those that stay as they are."""
    flat = list(nnx.to_flat_state(params))
    trained = [(path, leaf) for path, leaf in flat if trains is None or trains(path)]
    frozen = [(path, leaf) for path, leaf in flat if trains is not None and not trains(path)]
    return nnx.from_flat_state(trained), nnx.from_flat_state(frozen)


def abstract_state(
    params: nnx.State, optimizer: optax.GradientTransformation, mesh: Mesh, trains: Trains | None = None
) -> dict[str, Any]:
    """What `Trainer.state` looks like for these parameters, abstract or not: each leaf's shape, dtype and place."""
    shardings = param_shardings(params, mesh)
    trained, places = (split_params(tree, trains)[0] for tree in (params, shardings))
    opt_state = jax.eval_shape(optimizer.init, trained)
    # Zeros do not depend on the parameters' values, so the compiler would not place them like the parameters.
    moments = optax.tree_map_params(
        optimizer,
        lambda _, sharding: sharding,
        opt_state,
        places,
        transform_non_params=lambda _: NamedSharding(mesh, PartitionSpec()),
    )
    place = partial(jax.tree.map, lambda leaf, at: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=at))
    return {"params": place(params, shardings), "opt_state": place(opt_state, moments)}


def step_functions(
    graph: nnx.GraphDef,
    optimizer: optax.GradientTransformation,
    loss: LossFunction,
    places: Any,
    trains: Trains | None = None,
) -> tuple[Callable, Callable]:
    """The two jitted functions, on arrays or on what `abstract_state` gives.

    Args:
      places: the sharding of each parameter; gradients lie there too.
      trains: which parameters are trained, by their path; all without it. There are gradients of these alone.

    Returns:
      `accumulate(params, total, batch) -> total`, where `total` is (gradients, sums) so far or None, and
      `apply(params, opt_state, total) -> (params, opt_state, sums)`, which adds `grad_norm` to the sums and changes
      nothing where that or the loss is not finite.
    """
    mesh = jax.tree.leaves(places)[0].mesh.abstract_mesh

    @partial(jax.jit, donate_argnums=(1,))
    def accumulate(params, total, batch):
        trained, frozen = split_params(params, trains)

        def objective(trained):
            value, sums = loss(nnx.merge(graph, trained, frozen), batch)
            return value, {"loss": value} | sums

        with jax.sharding.use_abstract_mesh(mesh):
            (_, sums), grads = jax.value_and_grad(objective, has_aux=True)(trained)
        grads = jax.lax.with_sharding_constraint(grads, split_params(places, trains)[0])
        if total is None:
            return grads, sums
        return jax.tree.map(jnp.add, total, (grads, sums))

    @partial(jax.jit, donate_argnums=(0, 1))
    def apply(params, opt_state, total):
        grads, sums = total
        sums = sums | {"grad_norm": optax.tree.norm(grads)}
        finite = jnp.isfinite(sums["loss"]) & jnp.isfinite(sums["grad_norm"])
        trained, frozen = split_params(params, trains)
        with jax.numpy_dtype_promotion("standard"):  # optax raises Python floats to integer step counts
            updates, next_state = optimizer.update(grads, opt_state, trained)
        keep = partial(jax.tree.map, lambda new, old: jnp.where(finite, new, old))
        trained = keep(optax.apply_updates(trained, updates), trained)
        return nnx.merge_state(trained, frozen), keep(next_state, opt_state), sums

    return accumulate, apply


class Pending:
    """A step that is on its way; `result` waits for it."""

    def __init__(
        self, step: int, sums: dict[str, Array], microbatches: list[dict[str, Any]], replay: Path | None
    ):
        self._step, self._sums, self._microbatches, self._replay = step, sums, microbatches, replay

    def result(self) -> dict[str, float]:
        """The loss, the gradient norm and the loss function's sums.

        Raises:
          UserError: the loss or the gradient is not finite; the parameters stayed as they were, and the batch is
            kept where the trainer was told to keep it.
        """
        sums = {key: float(value) for key, value in self._sums.items()}
        if not (math.isfinite(sums["loss"]) and math.isfinite(sums["grad_norm"])):
            kept = ""
            if self._replay is not None:
                path = save_batch(self._replay / f"step_{self._step}.npz", self._microbatches)
                kept = f"; its batch is in {path} (training.replay.load_batch reads it)"
            raise UserError(
                f"step {self._step}: loss {sums['loss']} and gradient norm {sums['grad_norm']} are not finite{kept};"
                " look into it, or start in another --workdir with a lower config.optimizer.learning_rate"
            )
        return sums


class Trainer:
    """Parameters, optimizer state and the count of updates, with the compiled step functions."""

    def __init__(
        self,
        graph: nnx.GraphDef,
        params: nnx.State,
        optimizer: optax.GradientTransformation,
        loss: LossFunction,
        mesh: Mesh,
        replay: Path | None = None,
        trains: Trains | None = None,
    ):
        """Place the parameters on the mesh and make a fresh optimizer state beside them.

        Args:
          replay: folder for the batch of a step whose loss is not finite.
          trains: which parameters are trained, by their path; all without it.
        """
        self.step = 0
        self._mesh, self._replay = mesh, replay
        places = jax.tree.map(lambda leaf: leaf.sharding, abstract_state(params, optimizer, mesh, trains))
        self.params = jax.device_put(params, places["params"])
        trained, _ = split_params(self.params, trains)
        self._opt_state = jax.jit(optimizer.init, out_shardings=places["opt_state"])(trained)
        self._accumulate, self._apply = step_functions(graph, optimizer, loss, places["params"], trains)
        # Virtual CPU devices deadlock in their collectives when several steps are under way.
        self._wait = (
            jax.block_until_ready if mesh.devices.flat[0].platform == "cpu" else lambda arrays: arrays
        )

    def start(self, microbatches: Iterable[dict[str, Any]]) -> Pending:
        """Begin a step, without waiting for it where the devices work by themselves.

        Args:
          microbatches: host arrays, on every host those of all hosts; each is split over the mesh by rows.
        """
        microbatches, total = list(microbatches), None
        for batch in microbatches:
            total = self._wait(self._accumulate(self.params, total, place_rows(batch, self._mesh)))
        self.params, self._opt_state, sums = self._wait(self._apply(self.params, self._opt_state, total))
        self.step += 1
        return Pending(self.step, sums, microbatches, self._replay)

    def update(self, microbatches: Iterable[dict[str, Any]]) -> dict[str, float]:
        """Take one step and wait for what `Pending.result` gives (and raises)."""
        return self.start(microbatches).result()

    @property
    def state(self) -> dict[str, Any]:
        """Everything that training changes, as one pytree of arrays."""
        return {"params": self.params, "opt_state": self._opt_state}

    def load_state(self, step: int, state: dict[str, Any]) -> None:
        self.step, self.params, self._opt_state = step, state["params"], state["opt_state"]
