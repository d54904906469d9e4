"""Devices as a mesh of `data`, `fsdp` and `tensor`, and where each array lives on it.

Placement follows the logical axis names that every parameter carries; the table below is the only place that
knows which mesh axis a name goes to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax.experimental.mesh_utils import create_device_mesh, create_hybrid_device_mesh
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from acecoder_jax.errors import UserError

AXES = ("data", "fsdp", "tensor")
RULES = {
    "layers": None,
    "norm": None,
    "embed": "fsdp",
    "vocab": "tensor",
    "heads": "tensor",
    "kv_heads": "tensor",
    "mlp": "tensor",
    "lora": None,
}
ROWS = P(("data", "fsdp"))  # batches are split over both


def make_mesh(
    data: int = -1, fsdp: int = 1, tensor: int = 1, devices: Sequence[jax.Device] | None = None
) -> Mesh:
    """A mesh over all devices; -1 takes what the other axes leave.

    Devices of several slices are split by `data` first, so that only gradients cross the network between slices.

    Args:
      devices: those of a TPU topology that is compiled for; the process's own without.

    Raises:
      UserError: the sizes do not multiply to the number of devices, or slices do not divide `data`.
    """
    devices = jax.devices() if devices is None else devices
    count, sizes = len(devices), [data, fsdp, tensor]
    given = [size for size in sizes if size != -1]
    known = math.prod(given)
    if len(given) < 2 or min(given) < 1 or count % known or (len(given) == 3 and known != count):
        raise UserError(
            f"config.mesh: data={data}, fsdp={fsdp}, tensor={tensor} does not fit {count} devices;"
            " make the product equal that number, with -1 for at most one axis"
        )
    sizes = [count // known if size == -1 else size for size in sizes]
    slices = len({getattr(device, "slice_index", 0) for device in devices})
    if sizes[0] % slices:
        raise UserError(
            f"config.mesh: data={sizes[0]} is not a multiple of the {slices} slices; parameters are not split"
            f" across slices, so use a multiple of {slices}"
        )
    if slices == 1:
        grid = create_device_mesh(sizes, devices, allow_split_physical_axes=True)
    else:
        within = (sizes[0] // slices, *sizes[1:])
        grid = create_hybrid_device_mesh(within, (slices, 1, 1), devices, allow_split_physical_axes=True)
    return Mesh(grid, AXES, axis_types=(AxisType.Auto,) * len(AXES))


def param_shardings(params: nnx.State, mesh: Mesh) -> Any:
    """A NamedSharding for each parameter, from its logical axis names.

    Raises:
      UserError: an axis of a parameter is not divisible by the mesh axis it is split over.
    """

    def place(path, variable: nnx.Variable):
        names = [RULES[axis] for axis in variable.axes]
        for size, name in zip(variable.shape, names):
            if name is not None and size % mesh.shape[name]:
                raise UserError(
                    f"config.mesh: {'.'.join(map(str, path))} has an axis of {size}, which {name}={mesh.shape[name]}"
                    " does not divide; choose another size for that mesh axis"
                )
        return NamedSharding(mesh, P(*names))

    flat = [(path, variable.replace(place(path, variable))) for path, variable in nnx.to_flat_state(params)]
    return nnx.from_flat_state(flat)


def check_rows(rows: int, mesh: Mesh) -> None:
    """Refuse microbatches that cannot be split over the mesh; stages ask before their long work.

    Raises:
      UserError: the rows do not divide over the devices that share them.
    """
    ways = mesh.shape["data"] * mesh.shape["fsdp"]
    if rows < 1 or rows % ways:
        raise UserError(
            f"config.rows_per_microbatch: {rows} rows do not divide over data x fsdp = {ways} devices;"
            f" use a multiple of {ways}, or another config.mesh"
        )


def place_rows(batch: Any, mesh: Mesh) -> Any:
    """Put a batch of host arrays on the mesh: rows split, scalars everywhere.

    Every host gives the whole batch, and its devices take their rows.

    Raises:
      UserError: the rows do not divide over the devices that share them.
    """

    def put(leaf):
        if np.ndim(leaf):
            check_rows(len(leaf), mesh)
        sharding = NamedSharding(mesh, ROWS if np.ndim(leaf) else P())
        if jax.process_count() == 1:
            return jax.device_put(leaf, sharding)
        whole = np.asarray(leaf)
        return jax.make_array_from_callback(whole.shape, sharding, lambda index: whole[index])

    return jax.tree.map(put, batch)


def rows_of_this_host(rows: int, mesh: Mesh) -> frozenset[int] | None:
    """The numbers of those rows of a batch that this host's devices hold; None on the only host, which holds all."""
    if jax.process_count() == 1:
        return None
    places = NamedSharding(mesh, ROWS).addressable_devices_indices_map((rows,))
    return frozenset(row for (index,) in places.values() for row in range(rows)[index])
