"""Where the sampler's arrays lie on this process's devices: slots split over `data` and `fsdp`, heads over `tensor`.

The weights that it reads are whole in every group of `tensor` devices. Without a mesh everything is on one device. Of
several hosts that train together each samples by itself, with weights of its own; they take them at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, SingleDeviceSharding
from jax.sharding import PartitionSpec as P

from acecoder_jax.errors import UserError
from acecoder_jax.models.config import DecoderConfig
from acecoder_jax.sampling import paged, ring
from acecoder_jax.sampling.view import DecodeView, EightBit, decode_view

AXES = ("data", "fsdp", "tensor")  # as in training
_TENSOR = {"vocab", "heads", "kv_heads", "mlp"}  # logical axes of weights that a group of devices shares out
_PLACES_AND_HEADS = P(("data", "fsdp"), "tensor")  # (slots, kv_heads, ...)


def shards(mesh: Mesh | None) -> int:
    """Parts that slots and prompt rows are split into."""
    return mesh.shape["data"] * mesh.shape["fsdp"] if mesh else 1


def decode_mesh(tensor: int) -> Mesh | None:
    """All accelerators of this process, in groups of `tensor` that hold one copy of the weights.

    None for a single device, and on CPUs: several of those are virtual, and share the same cores.

    Raises:
      UserError: the groups do not divide the devices.
    """
    devices = jax.local_devices()
    if len(devices) == 1 or devices[0].platform == "cpu":
        return None
    if tensor < 1 or len(devices) % tensor:
        raise UserError(
            f"config.sampling.tensor: groups of {tensor} do not divide {len(devices)} devices; use a divisor"
        )
    return mesh_of(devices, tensor)


def mesh_of(devices: Sequence[jax.Device], tensor: int) -> Mesh:
    """Devices in groups of `tensor`."""
    shape = len(devices) // tensor, 1, tensor
    return jax.make_mesh(shape, AXES, axis_types=(AxisType.Auto,) * 3, devices=devices)


def in_mesh(mesh: Mesh | None):
    """The context in which hidden states are split by rows, and attention by heads."""
    return nullcontext() if mesh is None else jax.sharding.use_abstract_mesh(mesh.abstract_mesh)


def everyone(count: int, shards: int) -> np.ndarray:
    """All places of every shard, in order."""
    return np.tile(np.arange(count // shards, dtype=np.int32), (shards, 1))


def view_shardings(view: DecodeView, mesh: Mesh) -> DecodeView:
    """A sharding for each weight of a (possibly abstract) view: split over `tensor` alone."""

    def place(leaf: Any, axes: tuple[str, ...]) -> Any:
        if isinstance(leaf, EightBit):
            return EightBit(NamedSharding(mesh, _along(axes)), NamedSharding(mesh, _along(axes[1:])))
        return NamedSharding(mesh, _along(axes))

    def layer(state: nnx.State) -> nnx.State:
        flat = [
            (path, one.replace(place(one.get_value(), one.axes[1:])))
            for path, one in nnx.to_flat_state(state)
        ]
        return nnx.from_flat_state(flat)

    return DecodeView(
        tuple(layer(state) for state in view.layers),
        NamedSharding(mesh, P()),
        place(view.head, ("embed", "vocab")),
        NamedSharding(mesh, P()),
    )


def view_for_decoding(
    graph: nnx.GraphDef, params: nnx.State, dtype: str, eight_bit: bool, mesh: Mesh | None
) -> DecodeView:
    """The view, made where the trainer has its parameters, and then brought to the devices of the mesh.

    Nothing wider than the view is ever whole anywhere. Of several hosts that hold the parameters together all call.
    """
    view = decode_view(graph, params, dtype, eight_bit)
    if mesh is None:
        return jax.tree.map(_to_one_device, view)
    places = view_shardings(view, mesh)
    if all(leaf.is_fully_addressable for leaf in jax.tree.leaves(view)):
        return jax.device_put(view, places)
    return jax.tree.map(partial(_to_every_host, _all_hosts(mesh)), view, places)


def empty_cache(
    config: DecoderConfig,
    slots: int,
    rows: int,
    prompt: int,
    width: int,
    dtype: str,
    mesh: Mesh | None,
    paging: paged.Paging | None = None,
) -> ring.RingCache | paged.PagedCache:
    """A cache with nothing in it, of either form, made where it will lie.

    Args:
      width: of the ring.
      paging: None for a ring.
    """
    if paging:
        make = partial(paged.empty_cache, config, slots, rows, prompt, dtype, paging)
    else:
        make = partial(ring.empty_cache, config, slots, rows, prompt, width, dtype)
    if mesh is None:
        return jax.device_put(make(), jax.local_devices()[0])
    return jax.jit(make, out_shardings=cache_sharding(config, mesh, paging))()


def cache_sharding(config: DecoderConfig, mesh: Mesh, paging: paged.Paging | None = None) -> NamedSharding:
    """Slots and rows over all groups; heads within a group, where they divide."""
    if paging:
        return NamedSharding(mesh, paged.PAGES)
    return NamedSharding(
        mesh, paged.PLACES if config.num_kv_heads % mesh.shape["tensor"] else _PLACES_AND_HEADS
    )


def place_by_slot(arrays: Any, mesh: Mesh | None) -> Any:
    """Each shard's slots and rows to its own devices."""
    return arrays if mesh is None else jax.device_put(arrays, seat_sharding(mesh))


def seat_sharding(mesh: Mesh) -> NamedSharding:
    """Of everything that is counted by slots, rows or shards."""
    return NamedSharding(mesh, paged.PLACES)


def _to_one_device(leaf: jax.Array) -> jax.Array:
    """The whole of an array; it belongs to the device from the first call on, as later."""
    if not leaf.is_fully_addressable:
        everywhere = jax.device_put(leaf, NamedSharding(leaf.sharding.mesh, P()))
        leaf = jax.block_until_ready(everywhere).addressable_data(0)
    return jax.device_put(leaf, SingleDeviceSharding(jax.local_devices()[0]))


def _all_hosts(mesh: Mesh) -> Mesh:
    """The meshes of all hosts as one, with an axis `hosts` in front."""
    ids = multihost_utils.process_allgather(np.array([device.id for device in mesh.devices.flat]))
    by_id = {device.id: device for device in jax.devices()}
    grid = np.array([by_id[int(number)] for number in ids.flat]).reshape(-1, *mesh.devices.shape)
    return Mesh(grid, ("hosts", *mesh.axis_names), axis_types=(AxisType.Auto,) * grid.ndim)


def _to_every_host(hosts: Mesh, leaf: jax.Array, place: NamedSharding) -> jax.Array:
    """Every host's devices get the whole of an array that all hosts hold together, split as in `place`."""
    spread = jax.block_until_ready(jax.device_put(leaf, NamedSharding(hosts, place.spec)))
    parts = [shard.data for shard in spread.addressable_shards]
    return jax.make_array_from_single_device_arrays(leaf.shape, place, parts)


def _along(axes: tuple[str, ...]) -> P:
    return P(*("tensor" if name in _TENSOR else None for name in axes))
