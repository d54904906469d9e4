"""Every compiled step of a training stage, with abstract arguments: what `compile` lowers.

Batches come from the same builders as in the stage, weights and optimizer state from their shapes alone. Beside its
own arguments a step shares the memory with whatever the stage holds meanwhile; that is counted too. Weights lie where
`param_shardings` puts them, packed rows are split like a batch; `sampling.layout` places what the sampler holds. Of
several hosts each samples by itself in its share of the slots, so that those steps are compiled for one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from ml_collections import ConfigDict

from acecoder_jax.data.packing import Tree, pack
from acecoder_jax.data.pair_rows import pair_microbatches
from acecoder_jax.data.records import PreferencePair
from acecoder_jax.models.config import DecoderConfig
from acecoder_jax.models.huggingface import abstract_params
from acecoder_jax.models.lora import is_adapter, with_adapters
from acecoder_jax.rewards import model as reward_model
from acecoder_jax.rewards.combine import needs_model
from acecoder_jax.sampling import decode, layout, paged, plan
from acecoder_jax.sampling.prefill import packed_shape, prefill_attention, prefill_layer
from acecoder_jax.sampling.seats import Seats
from acecoder_jax.sampling.speculate import guesses_of
from acecoder_jax.sampling.view import decode_view
from acecoder_jax.sampling.warp import SamplingParams
from acecoder_jax.training import costs, policy_step
from acecoder_jax.training.algorithms import choose_algorithm
from acecoder_jax.training.costs import Cost, bytes_here
from acecoder_jax.training.mesh import ROWS, check_rows, param_shardings
from acecoder_jax.training.reward_step import in_reward
from acecoder_jax.training.topology import hosts_of, one_host
from acecoder_jax.training.trainer import (
    Trains,
    abstract_state,
    make_optimizer,
    split_params,
    step_functions,
)

_ITEMSIZE = {"float32": 4, "bfloat16": 2}


@dataclass(frozen=True)
class Step:
    """One compiled function of a stage.

    Attributes:
      name: what it is called in the table.
      lower: lowers it for the mesh.
      beside: bytes per device that other arrays of the stage take up while it runs.
      cost: analytic, of one run.
      runs: how often it runs in a training step, at most; 0 where that depends on the data.
      note: what else the table says of it.
    """

    name: str
    lower: Callable[[], jax.stages.Lowered]
    beside: float
    cost: Cost
    runs: int = 0
    note: str = ""


def train_reward_steps(config: ConfigDict, decoder: DecoderConfig, loss: Callable, mesh: Mesh) -> list[Step]:
    """The optimizer step and the scoring of held-out pairs.

    Args:
      config: of the stage.
      loss: the stage's.
    """
    long = (0,) * config.row_length  # cut to fit: one pair fills a row
    pairs = [
        PreferencePair(f"q{n}", "chosen", "rejected", (0,), long, long, 1.0, 0.5)
        for n in range(config.rows_per_microbatch)
    ]
    batch = next(pair_microbatches(pairs, 0, config.row_length, config.rows_per_microbatch))
    model = _adapted(config, decoder, *abstract_params(decoder, reward_model=True), in_reward)
    steps, state = _training_steps(config, decoder, loss, mesh, batch, model, config.batch_pairs, 0, 0)
    return [
        *steps,
        _score_step(config, decoder, mesh, model.graph, state["params"], bytes_here(state["opt_state"])),
    ]


def train_policy_steps(config: ConfigDict, decoder: DecoderConfig, loss: Callable, mesh: Mesh) -> list[Step]:
    """Rollout (weights for decoding, prefill, decoding), reference and reward, and the optimizer step.

    The policy, its optimizer state, the weights for decoding, the reference and the reward model stay in memory for
    the whole run, the cache while a rollout lasts. With adapters the reference is the policy's own base with another
    copy of them.
    """
    algorithm = choose_algorithm(config.algorithm)
    critic = algorithm.value_targets is not None
    graph, params = abstract_params(decoder)
    model = _adapted(config, decoder, *abstract_params(decoder, reward_model=critic))
    batch = _token_rows(config.rows_per_microbatch, config.row_length)
    names = ["advantages", "old_log_probs", "weights"] + (["old_values", "value_targets"] if critic else [])
    if algorithm.loss.kl_in == "loss" and algorithm.loss.kl_coef:
        names.append("reference")
    batch |= {name: np.zeros(batch["tokens"].shape, np.float32) for name in names}
    batch |= {"denominator": np.float32(1)}
    plain = _placed(params, param_shardings(params, mesh))
    view = _decode_view(config, graph, plain, mesh)
    reward_graph, reward = None, None
    if needs_model(config):
        reward_graph, reward = abstract_params(decoder, reward_model=True)
        reward = _placed(reward, param_shardings(reward, mesh))
    policy_graph, policy = abstract_params(model.decoder)
    policy = _placed(policy, param_shardings(policy, mesh))
    kept = bytes_here(view) + bytes_here(reward)
    if config.algorithm.kl_coef:
        kept += bytes_here(split_params(policy, model.trains)[0])
    completions = config.prompts_per_update * config.samples
    steps, state = _training_steps(
        config, decoder, loss, mesh, batch, model, completions, config.row_length, kept
    )
    everything = bytes_here(state) + kept
    blocks = nnx.graphdef(nnx.merge(graph, plain).blocks)
    rollout = _rollout_steps(config, decoder, mesh, blocks, view, everything)
    if config.algorithm.kl_coef:
        rollout.append(_reference_step(config, decoder, mesh, policy_graph, policy, everything))
    if reward is not None:
        rollout.append(
            _score_step(config, decoder, mesh, reward_graph, reward, everything - bytes_here(reward))
        )
    return rollout + steps


class _Model(NamedTuple):
    """What is trained, abstract: `decoder` has the adapters, if any, and `trains` is as in `Trainer`."""

    decoder: DecoderConfig
    graph: nnx.GraphDef
    params: nnx.State
    trains: Trains | None


def _adapted(
    config: ConfigDict,
    decoder: DecoderConfig,
    graph: nnx.GraphDef,
    params: nnx.State,
    trains: Trains | None = None,
) -> _Model:
    """The model with the adapters that the config asks for; `trains` is without any."""
    if not config.lora.rank:
        return _Model(decoder, graph, params, trains)
    return _Model(*with_adapters(decoder, params, config.lora, config.seed), is_adapter)


def _training_steps(config, decoder, loss, mesh, batch, model, rows, targets, kept):
    """`accumulate` and `apply`, and the abstract train state.

    Args:
      model: see `_Model`.
      rows: of a whole batch when every row is full.
      targets: tokens per row whose logits the loss needs.
      kept: bytes beside the train state.
    """
    check_rows(config.rows_per_microbatch, mesh)
    optimizer = make_optimizer(config.optimizer, 1)
    state = abstract_state(model.params, optimizer, mesh, model.trains)
    places = jax.tree.map(lambda leaf: leaf.sharding, state["params"])
    accumulate, apply = step_functions(model.graph, optimizer, loss, places, model.trains)
    batch = jax.tree.map(partial(_abstract, mesh), batch)
    _, sums = accumulate.eval_shape(state["params"], None, batch)
    trained, _ = split_params(state["params"], model.trains)
    total = (trained, jax.tree.map(partial(_abstract, mesh), sums))
    forward = costs.forward_cost(
        decoder, mesh, config.rows_per_microbatch, config.row_length, targets, _ITEMSIZE[config.dtype]
    )
    moments = bytes_here(state["opt_state"])
    runs = -(-rows // config.rows_per_microbatch)
    return [
        Step(
            "accumulate",
            lambda: accumulate.lower(state["params"], total, batch),
            moments + kept,
            costs.train_cost(forward, bytes_here(trained), config.remat, bool(config.lora.rank)),
            runs,
        ),
        Step(
            "apply",
            lambda: apply.lower(state["params"], state["opt_state"], total),
            kept,
            costs.optimizer_cost(bytes_here(trained)),
            1,
        ),
    ], state


def _score_step(config, decoder, mesh, graph, params, beside) -> Step:
    """Rewards of a packed row on each part of the mesh, as `RewardScorer` computes them."""
    ways = mesh.shape["data"] * mesh.shape["fsdp"]
    rows = jax.tree.map(partial(_abstract, mesh), _token_rows(ways, config.row_length))
    return Step(
        "score",
        lambda: _lower(mesh, reward_model._row_rewards, graph, params, rows, config.dtype),
        beside,
        costs.forward_cost(decoder, mesh, ways, config.row_length, 0, _ITEMSIZE[config.dtype]),
    )


def _reference_step(config, decoder, mesh, graph, params, everything) -> Step:
    """Log-probabilities under the reference policy, whose parameters lie like the policy's."""
    rows = jax.tree.map(partial(_abstract, mesh), _token_rows(config.rows_per_microbatch, config.row_length))
    length, itemsize = config.row_length, _ITEMSIZE[config.dtype]
    return Step(
        "reference",
        lambda: _lower(
            mesh,
            policy_step._log_probs,
            *(graph, params, rows, config.sampling.temperature, config.dtype, config.attention),
        ),
        everything - bytes_here(params),
        costs.forward_cost(decoder, mesh, config.rows_per_microbatch, length, length, itemsize),
    )


def _decode_view(config, graph, params, mesh):
    """The weights as each host's engine holds them: whole in every group of `sampling.tensor` chips."""
    s = config.sampling
    shapes = decode_view.eval_shape(graph, params, s.dtype, s.weights_dtype == "int8")
    return _placed(shapes, layout.view_shardings(shapes, _decode_mesh(s, mesh)))


def _decode_mesh(sampling, mesh: Mesh) -> Mesh:
    """The chips of one host of the training mesh in the groups of its engine."""
    return layout.mesh_of(one_host(list(mesh.devices.flat)), sampling.tensor)


def _rollout_steps(config, decoder, mesh, blocks, view, everything) -> list[Step]:
    """A layer of prefill, and a chunk of decoding in a host's slots, each at its largest; guesses, if checked."""
    s = config.sampling
    itemsize, cache_itemsize = plan.ITEMSIZE[s.dtype], plan.ITEMSIZE[s.cache_dtype]
    groups = _decode_mesh(s, mesh)
    shards = layout.shards(groups)
    slots = -(-s.slots // hosts_of(list(mesh.devices.flat))) or 64 * shards
    lanes = plan.lanes_for(config.samples)
    rows, width = plan.prompt_rows(slots, lanes, shards), plan.ring_widths(s.max_new_tokens)[-1]
    prompt = plan.prompt_bucket(s.max_prompt_tokens)
    cache, note = _abstract_cache(s, decoder, groups, (slots, rows, prompt, width))
    seats = Seats(shards, slots, rows, lanes).seating(SamplingParams())
    seats = jax.tree.map(lambda leaf: _at(leaf, layout.seat_sharding(groups)), seats)
    statics = decode.DecodeStatics(blocks, decoder, s.chunk, s.dtype)
    prefill, pack = _prefill_step(
        config, decoder, groups, blocks, view, prompt, everything + bytes_here(cache)
    )
    beside = everything - bytes_here(view) + pack
    steps = [
        prefill,
        Step(
            "decode",
            lambda: decode.decode_chunk.lower(
                statics, view, cache, seats, jax.ShapeDtypeStruct((), jnp.int32)
            ),
            beside,
            costs.decode_cost(decoder, groups, slots, prompt + width, s.chunk, itemsize, cache_itemsize),
            note=note,
        ),
    ]
    if s.speculate > 0:
        shapes = [jax.ShapeDtypeStruct(shape, jnp.int32) for shape in ((slots, s.speculate), (slots,))]
        guesses, columns = (_at(shape, layout.seat_sharding(groups)) for shape in shapes)
        sizes = slots, prompt + width, 1, itemsize, cache_itemsize, 1 + s.speculate
        steps.append(
            Step(
                "verify",
                lambda: decode.verify.lower(statics, view, cache, seats, guesses, columns),
                beside,
                costs.decode_cost(decoder, groups, *sizes),
                note=note,
            )
        )
    return steps


def _prefill_step(config, decoder, groups, blocks, view, prompt, everything) -> tuple[Step, float]:
    """One layer of prefill, run on each one's weights, while those before it have left their keys and values.

    Also the bytes of all layers' keys and values, which stay until every prompt has a row of the cache.
    """
    dtype, layers = config.sampling.dtype, decoder.num_layers
    rows, length = packed_shape(layout.shards(groups), prompt)
    packed = _at(jax.ShapeDtypeStruct((rows, length), jnp.int32), layout.seat_sharding(groups))
    x = jax.ShapeDtypeStruct((rows, length, decoder.hidden_size), dtype)
    x = _at(x, layout.seat_sharding(groups))
    keys = jax.ShapeDtypeStruct((rows, decoder.num_kv_heads, decoder.head_dim, length), dtype)
    kept = 2 * bytes_here(_at(keys, layout.cache_sharding(decoder, groups)))
    kernel, weights = prefill_attention(decoder, groups), view.layers[-1]
    whole = costs.forward_cost(decoder, groups, rows, length, 0, plan.ITEMSIZE[dtype])
    statics = blocks, decoder, kernel, decoder.windowed_layers[-1]
    step = Step(
        "prefill",
        lambda: _lower(groups, prefill_layer, *statics, weights, x, packed, packed),
        everything - bytes_here(weights) + (layers - 1) * kept,
        Cost(whole.flops / layers, whole.bytes / layers),
        note=f"one of {layers} layers",
    )
    return step, layers * kept


def _abstract_cache(sampling, decoder, groups: Mesh, sizes: tuple[int, int, int, int]):
    """The engine's cache at its largest, and what is said of its form.

    Args:
      sizes: slots, rows, positions of a prompt and of a ring.
    """
    step = max(sampling.chunk, 1 + guesses_of(sampling.speculate))
    lengths = {"prompt": sizes[2], "new": sampling.max_new_tokens, "step": step}
    dtype = sampling.cache_dtype
    paging, note = paged.choose_paging(sampling.attention, decoder, dtype, groups, **lengths)
    cache = jax.eval_shape(partial(layout.empty_cache, decoder, *sizes, dtype, None, paging))
    place = layout.cache_sharding(decoder, groups, paging)
    return jax.tree.map(lambda leaf: _at(leaf, place), cache), note


def _lower(mesh: Mesh | None, function: Callable, *arguments: Any) -> jax.stages.Lowered:
    """Lower with the mesh set, so that hidden states are split by rows; without one they are whole everywhere."""
    with nullcontext() if mesh is None else jax.sharding.use_abstract_mesh(mesh.abstract_mesh):
        return function.lower(*arguments)


def _token_rows(rows: int, length: int) -> dict[str, np.ndarray]:
    """What the model reads of packed rows, each with one short tree."""
    trees = [Tree((0,), ((0,),), (number,)) for number in range(rows)]
    return {name: array[:rows] for name, array in pack(trees, length, rows).model_inputs.items()}


def _abstract(mesh: Mesh, leaf: Any) -> jax.ShapeDtypeStruct:
    """As `place_rows` puts it: rows split, scalars everywhere."""
    sharding = NamedSharding(mesh, ROWS if np.ndim(leaf) else P())
    return jax.ShapeDtypeStruct(np.shape(leaf), leaf.dtype, sharding=sharding)


def _placed(shapes: Any, shardings: Any) -> Any:
    return jax.tree.map(_at, shapes, shardings)


def _at(leaf: Any, sharding: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)
