"""One optimizer step over any number of microbatches, and its checkpoints.

Two compiled functions serve every kind of training here: `accumulate` adds a microbatch's gradients, `apply`
takes the optimizer step. What is trained on is a loss function and a stream of microbatches; the trainer does not
know which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import optax
import orbax.checkpoint as ocp
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array
from ml_collections import ConfigDict

from acecoder_jax.data.folders import require_disk
from acecoder_jax.errors import UserError
from acecoder_jax.training.mesh import param_shardings, place_rows

# loss(model, microbatch) -> (loss, sums): the loss already divided by the global denominator, the sums not.
LossFunction = Callable[[nnx.Module, dict[str, Array]], tuple[Array, dict[str, Array]]]


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
    return optax.chain(
        optax.clip_by_global_norm(config.max_grad_norm),
        optax.adamw(schedule, config.beta1, config.beta2, weight_decay=config.weight_decay),
    )


def abstract_state(params: nnx.State, optimizer: optax.GradientTransformation, mesh: Mesh) -> dict[str, Any]:
    """What `Trainer.state` looks like for these parameters, abstract or not: each leaf's shape, dtype and place."""
    shardings, opt_state = param_shardings(params, mesh), jax.eval_shape(optimizer.init, params)
    # Zeros do not depend on the parameters' values, so the compiler would not place them like the parameters.
    moments = optax.tree_map_params(
        optimizer,
        lambda _, sharding: sharding,
        opt_state,
        shardings,
        transform_non_params=lambda _: NamedSharding(mesh, PartitionSpec()),
    )
    place = partial(jax.tree.map, lambda leaf, at: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=at))
    return {"params": place(params, shardings), "opt_state": place(opt_state, moments)}


def step_functions(
    graph: nnx.GraphDef, optimizer: optax.GradientTransformation, loss: LossFunction, places: Any
) -> tuple[Callable, Callable]:
    """The two jitted functions, on arrays or on what `abstract_state` gives.

    Args:
      places: the sharding of each parameter; gradients lie there too.

    Returns:
      `accumulate(params, total, batch) -> (gradients, sums)`, where `total` is the result so far or None, and
      `apply(params, opt_state, gradients) -> (params, opt_state)`.
    """
    mesh = jax.tree.leaves(places)[0].mesh.abstract_mesh

    @partial(jax.jit, donate_argnums=(1,))
    def accumulate(params, total, batch):
        def objective(params):
            value, sums = loss(nnx.merge(graph, params), batch)
            return value, {"loss": value} | sums

        with jax.sharding.use_abstract_mesh(mesh):
            (_, sums), grads = jax.value_and_grad(objective, has_aux=True)(params)
        grads = jax.lax.with_sharding_constraint(grads, places)
        if total is None:
            return grads, sums
        return jax.tree.map(jnp.add, total, (grads, sums))

    @partial(jax.jit, donate_argnums=(0, 1))
    def apply(params, opt_state, grads):
        with jax.numpy_dtype_promotion("standard"):  # optax raises Python floats to integer step counts
            updates, opt_state = optimizer.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state

    return accumulate, apply


class Trainer:
    """Parameters, optimizer state and the step count, with the compiled step functions."""

    def __init__(
        self,
        graph: nnx.GraphDef,
        params: nnx.State,
        optimizer: optax.GradientTransformation,
        loss: LossFunction,
        mesh: Mesh,
    ):
        """Place the parameters on the mesh and make a fresh optimizer state beside them."""
        self.step = 0
        self._mesh = mesh
        places = jax.tree.map(lambda leaf: leaf.sharding, abstract_state(params, optimizer, mesh))
        self.params = jax.device_put(params, places["params"])
        self._opt_state = jax.jit(optimizer.init, out_shardings=places["opt_state"])(self.params)
        self._accumulate, self._apply = step_functions(graph, optimizer, loss, places["params"])

    def update(self, microbatches: Iterable[dict[str, Any]]) -> dict[str, float]:
        """Take one step; returns the loss, the gradient norm and the loss function's sums.

        Args:
          microbatches: host arrays; each is split over the mesh by rows.

        Raises:
          UserError: the loss or the gradient is not finite; the parameters stay as they were.
        """
        total = None
        for batch in microbatches:
            # Blocking per microbatch keeps virtual CPU devices from deadlocking in their collectives.
            total = jax.block_until_ready(self._accumulate(self.params, total, place_rows(batch, self._mesh)))
        grads, sums = total
        sums = {key: float(value) for key, value in sums.items()}
        norm = float(optax.tree.norm(grads))
        if not (jnp.isfinite(sums["loss"]) and jnp.isfinite(norm)):
            raise UserError(
                f"step {self.step}: loss {sums['loss']} and gradient norm {norm} are not finite; lower"
                " config.optimizer.learning_rate, then start again from the last checkpoint with the same command"
            )
        self.params, self._opt_state = jax.block_until_ready(self._apply(self.params, self._opt_state, grads))
        self.step += 1
        return sums | {"grad_norm": norm}

    @property
    def state(self) -> dict[str, Any]:
        """Everything that training changes, as one pytree of arrays."""
        return {"params": self.params, "opt_state": self._opt_state}

    def load_state(self, step: int, state: dict[str, Any]) -> None:
        self.step, self.params, self._opt_state = step, state["params"], state["opt_state"]


class Checkpoints:
    """A run's checkpoints: train state, data iterator and small JSON facts, saved and restored as one."""

    def __init__(self, workdir: Path, trainer: Trainer, keep: int = 1):
        """Open `workdir/checkpoints`.

        Raises:
          UserError: the disk cannot hold one checkpoint more than are kept.
        """
        self._trainer = trainer
        size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(trainer.state))
        require_disk(workdir, size * (keep + 1), "checkpoints")
        options = ocp.CheckpointManagerOptions(max_to_keep=keep, enable_async_checkpointing=False)
        self._manager = ocp.CheckpointManager((workdir / "checkpoints").resolve(), options=options)

    def save(self, data: Any, facts: dict[str, Any]) -> None:
        """Save the trainer's state with the iterator's position and JSON facts, under the trainer's step.

        The position is that of the global order, one file for all hosts, so that another number of them may go on.

        Args:
          data: has `get_state` and `set_state` with what JSON can say, as `data.pipelines.Batches` and grain's own
            iterators have.
          facts: what JSON can say.
        """
        try:
            self._manager.save(
                self._trainer.step,
                args=ocp.args.Composite(
                    state=ocp.args.StandardSave(self._trainer.state),
                    data=ocp.args.JsonSave(data.get_state()),
                    facts=ocp.args.JsonSave(facts),
                ),
            )
        except OSError as error:
            raise UserError(
                f"{self._manager.directory}: cannot save step {self._trainer.step} ({error.strerror}); the last"
                " checkpoint is whole: free some space and run the same command again"
            ) from error

    def restore(self, data: Any) -> dict[str, Any] | None:
        """Bring trainer and iterator to the last checkpoint; returns its facts, or None when there is none.

        Raises:
          UserError: the iterator takes its items in another order (see `data.pipelines.Batches.set_state`).
        """
        step = self._manager.latest_step()
        if step is None:
            return None
        target = jax.tree.map(ocp.utils.to_shape_dtype_struct, self._trainer.state)
        restored = self._manager.restore(
            step,
            args=ocp.args.Composite(
                state=ocp.args.StandardRestore(target),
                data=ocp.args.JsonRestore(),
                facts=ocp.args.JsonRestore(),
            ),
        )
        data.set_state(restored.data)
        self._trainer.load_state(step, restored.state)
        return restored.facts

    def close(self) -> None:
        self._manager.close()
