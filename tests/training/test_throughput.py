"""Rates by hand: tokens, the share of the peak, compilations, memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from acecoder_jax.models.config import config_from_hf
from acecoder_jax.training import throughput
from acecoder_jax.training.throughput import Throughput, padding_share
from tests.tiny_models import TINY_CONFIG

DECODER = config_from_hf(TINY_CONFIG, "here")
# Two rows of four columns: sequences of 3 and of 2 tokens, and three columns of padding.
ROWS = {"tree": np.array([[1, 1, 1, 0], [1, 1, 0, 0]]), "positions": np.array([[0, 1, 2, 0], [0, 1, 0, 0]])}


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(throughput.time, "perf_counter", lambda: now[0])
    return now


def test_mfu_is_the_models_operations_over_what_the_devices_could_do(clock, monkeypatch):
    monkeypatch.setattr(throughput, "peak_flops", lambda device: 1e6)
    speed = Throughput(DECODER)
    clock[0] += 7.0  # an evaluation
    speed.restart()
    clock[0] += 2.0
    values = speed.step([ROWS, ROWS], targets=5)
    devices = jax.device_count()
    assert values["tokens_per_s"] == 10 / 2.0 and values["time/step_s"] == 2.0
    assert values["tokens_per_s_per_device"] == 10 / 2.0 / devices
    # Each token sees its own sequence so far: 1 + 2 + 3 and 1 + 2 positions, twice.
    forward = DECODER.forward_flops(10, 5, 2 * (6 + 3) / 10)
    assert values["speed/mfu"] == pytest.approx(3 * forward / (2.0 * devices * 1e6))
    clock[0] += 4.0
    assert speed.step([ROWS])["tokens_per_s"] == 5 / 4.0


def test_there_is_no_mfu_where_no_peak_is_published():
    assert throughput.peak_flops(jax.devices("cpu")[0]) is None
    values = Throughput(DECODER).step([ROWS])
    assert "speed/mfu" not in values and values["speed/host_peak_bytes"] > 2**20


def test_compilations_are_counted_and_stay_flat():
    speed, triple = Throughput(DECODER), jax.jit(lambda x: 3 * x)
    counts = []
    for size in (3, 3, 5):
        triple(jnp.zeros(size, jnp.int32)).block_until_ready()
        counts.append(speed.step([ROWS])["speed/compilations"])
    assert counts[0] == counts[1] > 0 and counts[2] > counts[1]


def test_padding_share():
    assert padding_share([ROWS, ROWS]) == 6 / 16
