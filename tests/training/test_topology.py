"""Names of slices, the devices behind them, and meshes over several slices."""

import importlib.util

import pytest

from acecoder_jax.training import topology
from acecoder_jax.training.mesh import make_mesh
from acecoder_jax.training.topology import (
    chip_count,
    chip_of,
    hosts_of,
    one_host,
    slice_argument,
    topology_devices,
)
from tests.user_errors import user_error

needs_libtpu = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None, reason="libtpu is not installed: pip install '.[tpu]'"
)


def test_chips_are_the_product_of_the_sides():
    assert [chip_count(name) for name in ("v5e:2x2", "v5e:4x8", "v5p:4x4x4")] == [4, 32, 64]
    assert slice_argument("v5e:4x4") == ("v5e:4x4", 16) and slice_argument("v5e:4x4,2") == ("v5e:4x4", 32)
    assert chip_of("v5p:2x2x2").hbm_bytes > chip_of("v6e:2x2").hbm_bytes > chip_of("v5e:2x2").hbm_bytes


@pytest.mark.parametrize("name", ["v5e-16", "v5p-8", "v7x:2x2", "v5e:4", "v5e:4x4x4x4", "v5e", ""])
def test_unknown_slices_are_refused_with_the_known_chips(name):
    user_error(lambda: chip_count(name), repr(name), "v5e", "v5p", "v6e", "such as")
    user_error(lambda: topology_devices(name), repr(name))


@pytest.mark.parametrize("argument", ["v5e:4x4,two", "v5e:4x4,0", "v5e:4x4,1,2"])
def test_bad_numbers_of_slices_are_refused(argument):
    user_error(lambda: slice_argument(argument), repr(argument), "NAME,SLICES")


def test_without_libtpu_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(topology.importlib.util, "find_spec", lambda _: None)
    user_error(lambda: topology_devices("v5e:2x2"), "libtpu", "pip install", "[tpu]")


@needs_libtpu
def test_devices_of_a_slice_and_of_two():
    one, two = topology_devices("v5e:4x4"), topology_devices("v5e:4x4", 2)
    assert len(one) == 16 and len(two) == 32
    assert make_mesh(data=2, fsdp=4, tensor=2, devices=one).devices.shape == (2, 4, 2)
    halves = make_mesh(data=-1, fsdp=16, devices=two).devices.reshape(2, 16)
    assert [{device.slice_index for device in half} for half in halves] == [{0}, {1}]
    user_error(lambda: make_mesh(data=1, fsdp=32, devices=two), "data=1", "2 slices", "multiple of 2")


@needs_libtpu
@pytest.mark.parametrize("name", ["v5e:4x8", "v5p:2x2x2", "v6e:4x4"])
def test_one_host_of_a_slice_has_chips_of_its_kind(name):
    devices = topology_devices(name)
    alone = one_host(devices)
    assert hosts_of(devices) * len(alone) == len(devices) > len(alone) and hosts_of(alone) == 1
    assert {device.device_kind for device in alone} == {devices[0].device_kind}
    assert one_host(alone) == alone == one_host(devices)


@needs_libtpu
def test_a_shape_that_libtpu_does_not_know():
    user_error(lambda: topology_devices("v5e:3x5"), "'v5e:3x5'", "libtpu")
