"""How fast a run goes and what it takes: tokens a second, share of the peak (MFU), memory, number of compilations.

MFU = floating-point operations of the model on real tokens / (seconds x devices x peak operations of a device a
second). Operations are three times the forward pass (`DecoderConfig.forward_flops`), twice where only adapters are
trained: their base has no gradients of weights. No padding, no adapter and nothing that is computed again for the
backward pass counts.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from acecoder_jax.models.config import DecoderConfig
from acecoder_jax.training.topology import CHIPS

# JAX's name of a device, or how it begins -> peak dense bfloat16 operations a second.
# NVIDIA's data sheets of A100, H100 SXM and H200 SXM; TPUs as in `topology.CHIPS`.
_PEAKS = {
    "TPU v5 lite": CHIPS["v5e"].flops,
    "TPU v5": CHIPS["v5p"].flops,
    "TPU v6 lite": CHIPS["v6e"].flops,
    "NVIDIA A100": 312e12,
    "NVIDIA H100": 989e12,
    "NVIDIA H200": 989e12,
}


def peak_flops(device: jax.Device) -> float | None:
    """Published peak of a device in bfloat16; None where it is not known, as for processors."""
    kind = device.device_kind
    return next((peak for name, peak in _PEAKS.items() if kind.startswith(name)), None)


class Throughput:
    """The rates of each step, from one result to the next."""

    def __init__(self, decoder: DecoderConfig):
        """Start the clock."""
        self._decoder = decoder
        self._peak = peak_flops(jax.local_devices()[0])
        self._compilations = 0
        # There is no way to take a listener away again; it costs an addition.
        jax.monitoring.register_event_duration_secs_listener(self._count)
        self.restart()

    def restart(self) -> None:
        """Leave out what was done since the last step, such as an evaluation or a save."""
        self._since = time.perf_counter()

    def step(self, microbatches: Sequence[Mapping[str, Any]], targets: int = 0) -> dict[str, float]:
        """The rates of the step that has just given its result.

        Args:
          microbatches: of the step, on all hosts together: `tree` and `positions` of packed rows.
          targets: tokens whose logits were needed.
        """
        now = time.perf_counter()
        seconds, self._since = now - self._since, now
        tokens, context = 0, 0.0
        for rows in microbatches:
            real = rows["tree"] > 0
            tokens += int(real.sum())
            context += float(np.sum((rows["positions"] + 1) * real))
        devices = jax.device_count()
        values = {
            "tokens_per_s": tokens / seconds,
            "tokens_per_s_per_device": tokens / seconds / devices,
            "time/step_s": seconds,
            "speed/compilations": self._compilations,
        }
        if self._peak is not None:
            passes = 2 if self._decoder.lora_targets else 3
            flops = passes * self._decoder.forward_flops(tokens, targets, context / max(tokens, 1))
            values["speed/mfu"] = flops / (seconds * devices * self._peak)
        return values | memory_peaks()

    def _count(self, event: str, seconds: float, **_: Any) -> None:
        self._compilations += event == "/jax/core/compile/backend_compile_duration"


def padding_share(microbatches: Sequence[Mapping[str, Any]]) -> float:
    """The share of the computed tokens that is padding."""
    return 1 - sum(int((m["tree"] > 0).sum()) for m in microbatches) / sum(
        m["tree"].size for m in microbatches
    )


def memory_peaks() -> dict[str, float]:
    """Most bytes held so far: on the fullest local device where it says so, and by this process."""
    stats = [device.memory_stats() or {} for device in jax.local_devices()]
    peaks = [one["peak_bytes_in_use"] for one in stats if "peak_bytes_in_use" in one]
    host = {"speed/host_peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    return host | ({"speed/hbm_peak_bytes": max(peaks)} if peaks else {})
