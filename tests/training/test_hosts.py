"""Two processes with jax's own runtime between them: each decodes and grades its share, and both have it all."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np

from acecoder_jax.training import hosts

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json, sys
import jax
jax.config.update("jax_cpu_collectives_implementation", "gloo")
host, port = int(sys.argv[1]), sys.argv[2]
jax.distributed.initialize(f"127.0.0.1:{port}", 2, host, initialization_timeout=60)
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from acecoder_jax.errors import UserError
from acecoder_jax.sampling.layout import mesh_of, params_for_prefill
from acecoder_jax.training.hosts import gather
from acecoder_jax.training.rollouts import collect
from tests.made_records import MadeGrader, completion, question

class Sampler:
    def sample(self, questions, samples, seed):
        for q in questions:
            for n in range(samples):
                yield completion(q.id, n, text=f"by host {host}")

class Grader(MadeGrader):
    def submit(self, q, answer):
        if host == 1 and q.id == "bad":
            raise UserError("no pool on host 1")
        graded.append(answer.id)
        return super().submit(q, answer)

graded = []
grader = Grader(lambda answer: float(answer.id.endswith("#0")))
rollout = collect(Sampler(), grader, [question(f"q{n}") for n in range(5)], 2, 0)
refused = None
try:
    collect(Sampler(), grader, [question("q0"), question("q1")], 1, 0)
except UserError as error:
    refused = str(error)
values = np.arange(16.0, dtype=np.float32).reshape(4, 4)
grid = Mesh(np.array(jax.devices()).reshape(2, 2), ("fsdp", "tensor"))
split = NamedSharding(grid, PartitionSpec("fsdp", "tensor"))
split = jax.make_array_from_callback((4, 4), split, lambda index: values[index])
params = nnx.State({"w": nnx.Param(split, axes=("embed", "heads"))})
whole = params_for_prefill(params, None, "float32")["w"][...]
spread = params_for_prefill(params, mesh_of(jax.local_devices()[::-1], 2), "float32")["w"][...]
again = params_for_prefill(nnx.State({"w": params["w"].replace(spread)}), None, "float32")["w"][...]
narrow = params_for_prefill(params, None, "bfloat16")["w"][...]
print("RESULT", json.dumps({
    "ids": [c.id for c in rollout.completions],
    "texts": [c.text for c in rollout.completions],
    "rates": [v.pass_rate for v in rollout.verdicts],
    "graded": graded, "refused": refused, "gathered": gather({"host": host, "pad": "x" * host}),
    "whole": np.asarray(whole).tolist(), "devices": len(whole.sharding.device_set),
    "narrow": str(narrow.dtype), "spread": np.asarray(spread).tolist(), "again": np.asarray(again).tolist(),
    "parts": [[s.device.id - jax.local_devices()[0].id, s.data.shape] for s in spread.addressable_shards],
}))
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_alone_nothing_is_sent():
    assert hosts.gather("mine") == ["mine"] and hosts.share([1, 2, 3]) == [1, 2, 3]


def test_each_host_grades_what_it_decoded_and_all_have_everything():
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
    }
    command = [sys.executable, "-c", PROGRAM]
    port = str(free_port())
    processes = [
        subprocess.Popen([*command, str(host), port], env=environment, stdout=subprocess.PIPE, text=True)
        for host in range(2)
    ]
    try:
        texts = [process.communicate(timeout=300)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    first, second = (
        json.loads(next(line for line in text.splitlines() if line.startswith("RESULT"))[7:])
        for text in texts
    )
    for key in ("ids", "texts", "rates", "refused", "gathered", "whole", "spread", "again", "parts"):
        assert first[key] == second[key], key
    assert first["ids"] == [f"q{q}#{n}" for q in range(5) for n in range(2)]
    assert first["texts"] == [f"by host {q % 2}" for q in range(5) for _ in range(2)]
    assert first["rates"] == [1.0, 0.0] * 5
    assert set(first["graded"][:6]) == {f"q{q}#{n}" for q in (0, 2, 4) for n in range(2)}
    assert set(second["graded"][:4]) == {f"q{q}#{n}" for q in (1, 3) for n in range(2)}
    assert first["gathered"] == [{"host": 0, "pad": ""}, {"host": 1, "pad": "x"}]
    values = np.arange(16.0).reshape(4, 4).tolist()
    assert first["whole"] == first["spread"] == first["again"] == values and first["devices"] == 1
    assert first["narrow"] == "bfloat16", "half of what is sent and kept"
    assert sorted(first["parts"]) == [[0, [4, 2]], [1, [4, 2]]], "split over the heads on both devices"
