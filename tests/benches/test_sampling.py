"""The sampling benchmark: what it counts is what was sampled, and its limits are those of the machine's arithmetic."""

import numpy as np
import pytest

from acecoder_jax import bench
from acecoder_jax.benches.limits import Limits, measure_limits
from acecoder_jax.benches.peers import _measure
from acecoder_jax.models.config import config_from_hf
from tests.made_records import config_of
from tests.tiny_models import TINY_CONFIG
from tests.user_errors import user_error

SMALL = {"prompts": 5, "samples": 3, "max_new_tokens": 8, "slots": 8, "peer_batch": 4, "guessing_slots": 8}
LIMITS = {"limit_side": 64, "limit_megabytes": 1}


def test_ours_beside_transformers_on_a_tiny_model(tiny_model, tmp_path):
    settings = SMALL | LIMITS | {"model": str(tiny_model.folder), "peers": ("transformers",)}
    counts = bench.run(config_of(bench, {"name": "sampling", "sampling": settings}), tmp_path / "out")
    assert (counts["prompts"], counts["samples"], counts["slots"]) == (5, 3, 8)
    for name in ("ours", "transformers"):
        assert 0 < counts[f"{name}_useful_tokens"] <= 15 * 8
        assert counts[f"{name}_useful_share"] <= 1
        assert counts[f"{name}_useful_tokens_per_s"] * counts[f"{name}_s"] == pytest.approx(
            counts[f"{name}_useful_tokens"]
        )
    rates = [counts[f"{name}_useful_tokens_per_s"] for name in ("ours", "transformers")]
    assert counts["times_transformers"] == pytest.approx(rates[0] / rates[1])
    assert counts["compilations_after_warm_up"] == 0
    assert 0.5 < counts["occupancy_until_last_admission"] <= 1
    assert 1 <= counts["guessing_tokens_per_step"] <= 4 and counts["guessing_step_times_plain_step"] > 0
    few = counts["guessing_in_few_slots_tokens_per_s"] / counts["plain_in_few_slots_tokens_per_s"]
    assert counts["times_guessing"] == pytest.approx(few)
    assert counts["step_times_limit"] == pytest.approx(counts["step_s"] / counts["step_limit_s"])


def test_useful_tokens_end_with_the_first_stop_id():
    rows = np.array([[5, 2, 2, 2], [5, 5, 5, 5], [7, 5, 7, 2]])
    measured = _measure(lambda group, new: rows[: len(group)], [(1,)] * 5, 3, 4, [2, 7], 0.0)
    assert measured.decoded_tokens == 20 and measured.useful_tokens == 2 + 4 + 1 + (2 + 4)


def test_the_limit_of_a_step_is_the_slower_of_memory_and_products():
    config = config_from_hf(TINY_CONFIG, "tiny")
    slow_memory, slow_products = Limits(1.0, 1e18), Limits(1e18, 1.0)
    weights = config.matmul_parameters + 32 * 300
    cached = 2 * 50 * 2 * 2 * 8  # positions, layers, key heads, width
    assert slow_memory.decode_step_s(config, 4, 50, 4) == pytest.approx(4 * (weights + cached))
    attention = 4 * 2 * 4 * 8 * 50
    assert slow_products.decode_step_s(config, 4, 50, 4) == pytest.approx(4 * 2 * weights + attention)
    assert all(value > 0 for value in vars(measure_limits("float32", 32, 1)).values())


def test_bad_settings_are_refused(tmp_path, tiny_model):
    def run(name, **settings):
        return lambda: bench.run(
            config_of(bench, {"name": "sampling", "sampling": settings}), tmp_path / name
        )

    user_error(run("a"), "config.sampling.model")
    user_error(run("b", model=str(tiny_model.folder), peers=("vllm",)), "vllm", "tunix")
    user_error(run("c", model=str(tiny_model.folder), prompts=9999), "9999", "fewer")
