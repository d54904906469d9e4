"""Analytic floating-point operations and memory traffic of each compiled step, per device, and the roofline time.

The compiler's own counts see a loop's body once, so they are of no use here. Traffic is the least that the step can
do: every weight, gradient, optimizer moment, layer boundary and cached key and value moves once per pass over it,
and nothing inside a layer does. `compile` prints these beside what was compiled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
from jax.sharding import AbstractMesh, Mesh
from ml_collections import ConfigDict

from acecoder_jax.models.config import DecoderConfig
from acecoder_jax.training.mesh import AXES
from acecoder_jax.training.topology import Chip, chip_count, chip_of


@dataclass(frozen=True)
class Cost:
    """Operations and bytes to and from memory, of one device in one run of a step."""

    flops: float
    bytes: float


def forward_cost(
    config: DecoderConfig, mesh: Mesh | AbstractMesh, rows: int, length: int, targets: int, itemsize: int
) -> Cost:
    """One pass over `rows` rows of `length` tokens; rows are split over the mesh where they divide.

    Attention is counted as it runs: every token with every column of its row.

    Args:
      targets: tokens per row whose logits are computed.
      itemsize: bytes of a weight and of an activation in the compute dtype.
    """
    ways, tensor = mesh.shape["data"] * mesh.shape["fsdp"], mesh.shape["tensor"]
    here = rows / ways if rows % ways == 0 else rows
    flops = config.forward_flops(here * length, here * targets, length) / tensor
    weights = config.matmul_parameters + (config.hidden_size * config.vocab_size if targets else 0)
    boundaries = 2 * config.num_layers * here * length * config.hidden_size
    return Cost(flops, itemsize * (weights / tensor + boundaries))


def train_cost(forward: Cost, trained_bytes: float, remat: str, frozen: bool = False) -> Cost:
    """A microbatch: forward, backward at twice its price, the forward again under full rematerialization.

    Args:
      trained_bytes: of this device's float32 parameters that are trained; gradients are read and written at that size.
      frozen: the matrices are not trained, so that the backward pass is once the forward's price.
    """
    passes = (4 if remat == "full" else 3) - frozen
    return Cost(passes * forward.flops, passes * forward.bytes + 3 * trained_bytes)


def optimizer_cost(parameter_bytes: float) -> Cost:
    """AdamW after clipping: gradients twice; parameters and both moments read and written."""
    return Cost(15 * parameter_bytes / 4, 8 * parameter_bytes)


def decode_cost(
    config: DecoderConfig,
    mesh: Mesh,
    slots: int,
    length: int,
    tokens: int,
    itemsize: int,
    cache_itemsize: int,
    width: int = 1,
) -> Cost:
    """`tokens` decode steps of `slots` slots, each over all `length` positions of its cache; `width` tokens a step."""
    ways, tensor = mesh.shape["data"] * mesh.shape["fsdp"], mesh.shape["tensor"]
    here = slots / ways
    weights = itemsize * (config.matmul_parameters + config.hidden_size * config.vocab_size)
    cache = 2 * cache_itemsize * here * length * config.num_layers * config.num_kv_heads * config.head_dim
    flops = config.forward_flops(width * here, width * here, length)
    return Cost(tokens * flops / tensor, tokens * (weights + cache) / tensor)


def tokens_per_s_at_most(config: ConfigDict, decoder: DecoderConfig, topology: str) -> float:
    """Tokens a second that a reward-model run would take in on a slice whose chips keep up their published rates.

    The roofline of a full microbatch alone: no time for links, the optimizer, evaluations or padding, so that no real
    run is faster.

    Args:
      config: of `train_reward`.
      topology: such as `v5p:2x2x2`.
    """
    sizes = [config.mesh[axis] for axis in AXES]
    known = math.prod(size for size in sizes if size != -1)
    sizes = [chip_count(topology) // known if size == -1 else size for size in sizes]
    mesh = AbstractMesh(tuple(sizes), AXES)
    itemsize = jax.numpy.dtype(config.dtype).itemsize
    rows, length = config.rows_per_microbatch, config.row_length
    forward = forward_cost(decoder, mesh, rows, length, 0, itemsize)
    parameters = decoder.matmul_parameters + decoder.vocab_rows * decoder.hidden_size
    own = 4 * parameters / (mesh.shape["fsdp"] * mesh.shape["tensor"])
    times = roofline(train_cost(forward, own, config.remat), 0.0, chip_of(topology))
    return rows * length / max(times.values())


def bytes_here(tree: object) -> float:
    """Bytes that a device holds of abstract arrays with shardings."""
    return float(
        sum(
            leaf.dtype.itemsize * _size(leaf.sharding.shard_shape(leaf.shape))
            for leaf in jax.tree.leaves(tree)
        )
    )


def roofline(cost: Cost, sent: float, chip: Chip) -> dict[str, float]:
    """Seconds that each resource needs at its published rate; a step takes at least the longest of them."""
    return {
        "compute": cost.flops / chip.flops,
        "memory": cost.bytes / chip.hbm_bandwidth,
        "links": sent / chip.ici_bandwidth,
    }


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for side in shape:
        size *= side
    return size
