"""TPU slices by name, such as `v5e:4x4`: their devices without the hardware, and the chip's published figures.

libtpu compiles for a slice that is not there; `compile` is the stage that uses this.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import jax
from jax.experimental import topologies

from acecoder_jax.errors import UserError

GIB = 2**30


@dataclass(frozen=True)
class Chip:
    """One chip's figures, all per chip.

    Attributes:
      hbm_bytes: what the compiler leaves to a program: the published capacity less what the runtime keeps. It names
        this number when it refuses a program.
      flops: peak bfloat16 operations a second.
      hbm_bandwidth, ici_bandwidth: bytes a second, to the chip's own memory and to its neighbors, all links together.
    """

    hbm_bytes: float
    flops: float
    hbm_bandwidth: float
    ici_bandwidth: float


# Peak compute, HBM and inter-chip bandwidth: cloud.google.com/tpu/docs/v5e, /v5p and /v6e, "System architecture"
# (1,600, 4,800 and 3,200 Gbps between chips). HBM is 16, 95 and 32 GB there.
CHIPS = {
    "v5e": Chip(15.75 * GIB, 197e12, 819e9, 200e9),
    "v5p": Chip(95.74 * GIB, 459e12, 2765e9, 600e9),
    "v6e": Chip(31.25 * GIB, 918e12, 1640e9, 400e9),
}

# JAX's name of a chip -> one host of a slice that has several.
_HOSTS = {"TPU v5 lite": "v5e:2x2", "TPU v5": "v5p:2x2x1", "TPU v6 lite": "v6e:2x2"}

# libtpu asks where it runs, at length where nobody answers; several processes may compile at the same time.
_LIBTPU = {
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_WORKER_ID": "0",
}


def chip_count(topology: str) -> int:
    """Chips of a slice: the product of its sides.

    Raises:
      UserError: not of the form CHIP:AxB or CHIP:AxBxC, or an unknown chip.
    """
    match = re.fullmatch(r"(\w+):(\d+(?:x\d+){1,2})", topology)
    if not match or match[1] not in CHIPS:
        raise UserError(
            f"topology {topology!r}: unknown; give CHIP:SHAPE with a chip of {', '.join(CHIPS)}, such as v5e:4x4"
            " or v5p:2x2x2"
        )
    count = 1
    for side in match[2].split("x"):
        count *= int(side)
    return count


def slice_argument(argument: str) -> tuple[str, int]:
    """The slice's name and the chips in all of `NAME` or `NAME,SLICES`, the argument of this project's TPU configs.

    Raises:
      UserError: see `chip_count`; or the number of slices is none.
    """
    topology, _, slices = argument.partition(",")
    if slices and not (slices.isdigit() and int(slices)):
        raise UserError(f"config argument {argument!r}: give NAME or NAME,SLICES, such as v5e:4x4,2")
    return topology, chip_count(topology) * int(slices or 1)


def chip_of(topology: str) -> Chip:
    """The figures of a slice's chips."""
    chip_count(topology)
    return CHIPS[topology.partition(":")[0]]


def topology_devices(topology: str, slices: int = 1) -> list[jax.Device]:
    """The devices of `slices` slices, good for compiling and nothing else.

    Raises:
      UserError: libtpu is not installed, or knows no such slice.
    """
    expected = chip_count(topology) * slices
    if importlib.util.find_spec("libtpu") is None:
        raise UserError(
            "libtpu: not installed, and nothing else compiles for TPUs; pip install '.[tpu]' (no TPU is needed)"
        )
    for name, value in _LIBTPU.items():
        os.environ.setdefault(name, value)
    options = {"num_slices": slices} if slices > 1 else {}
    try:
        devices = topologies.get_topology_desc(platform="tpu", topology_name=topology, **options).devices
    except Exception as error:  # libtpu's own error types are not public
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"topology {topology!r} x {slices}: libtpu does not know it ({reason}); use one of those in the docs"
        ) from error
    if len(devices) != expected:
        raise UserError(
            f"topology {topology!r}: has {len(devices)} devices for {expected} chips, which is not supported;"
            f" use a chip of {', '.join(CHIPS)}"
        )
    return list(devices)


def hosts_of(devices: Sequence[jax.Device]) -> int:
    """How many hosts have these devices."""
    return len({device.process_index for device in devices})


def one_host(devices: Sequence[jax.Device]) -> list[jax.Device]:
    """The devices of one host of them: what it compiles by itself is compiled for these.

    Of several hosts' TPUs, those of another slice with a single host: a part of a slice is not compiled for.
    """
    if hosts_of(devices) == 1:
        return list(devices)
    return _host(devices[0].device_kind)


@cache
def _host(kind: str) -> list[jax.Device]:
    """The devices of one such host, the same ones at every call."""
    return topology_devices(_HOSTS[kind])
