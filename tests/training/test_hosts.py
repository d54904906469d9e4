"""Two processes with jax's own runtime between them: each decodes and grades its share, and both have it all."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from acecoder_jax.training import hosts

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json, sys
import jax
jax.config.update("jax_cpu_collectives_implementation", "gloo")
host, port = int(sys.argv[1]), sys.argv[2]
jax.distributed.initialize(f"127.0.0.1:{port}", 2, host, initialization_timeout=60)
import numpy as np
from acecoder_jax.errors import UserError
from acecoder_jax.models.config import config_from_hf
from acecoder_jax.models.huggingface import abstract_params
from acecoder_jax.sampling.layout import mesh_of, view_for_decoding, view_shardings
from acecoder_jax.sampling.view import decode_view
from acecoder_jax.training.hosts import gather
from acecoder_jax.training.mesh import make_mesh, param_shardings
from acecoder_jax.training.rollouts import collect
from tests.made_records import MadeGrader, completion, question
from tests.tiny_models import TINY_CONFIG

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
    collect(Sampler(), grader, [question("q0"), question("bad")], 1, 0)
except UserError as error:
    refused = str(error)
graph, params = abstract_params(config_from_hf(TINY_CONFIG | {"num_hidden_layers": 1}, "here"))
draws = np.random.default_rng(0)
params = jax.tree.map(lambda leaf: draws.standard_normal(leaf.shape).astype(leaf.dtype), params)
split = jax.tree.map(
    lambda leaf, place: jax.make_array_from_callback(leaf.shape, place, lambda index: leaf[index]),
    params, param_shardings(params, make_mesh(fsdp=2, tensor=2)),
)

def same(view, *form):
    expected = decode_view(graph, params, *form)
    pairs = zip(jax.tree.leaves(view), jax.tree.leaves(expected), strict=True)
    return all(np.array_equal(one, other) and one.dtype == other.dtype for one, other in pairs)

mesh = mesh_of(jax.local_devices()[::-1], 2)
alone = view_for_decoding(graph, split, "bfloat16", False, None)
spread = view_for_decoding(graph, split, "float32", True, mesh)
places = view_shardings(spread, mesh)
print("RESULT", json.dumps({
    "ids": [c.id for c in rollout.completions],
    "texts": [c.text for c in rollout.completions],
    "rates": [v.pass_rate for v in rollout.verdicts],
    "graded": graded, "refused": refused, "gathered": gather({"host": host, "pad": "x" * host}),
    "same": [same(alone, "bfloat16"), same(spread, "float32", True)],
    "devices": [len(leaf.sharding.device_set) for leaf in jax.tree.leaves(alone)],
    "placed": [
        leaf.sharding == place
        for leaf, place in zip(jax.tree.leaves(spread), jax.tree.leaves(places), strict=True)
    ],
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
    for key in ("ids", "texts", "rates", "refused", "gathered", "same", "devices", "placed"):
        assert first[key] == second[key], key
    assert first["refused"] == "no pool on host 1", "host 0 hears of it, and waits for nothing"
    assert first["ids"] == [f"q{q}#{n}" for q in range(5) for n in range(2)]
    assert first["texts"] == [f"by host {q % 2}" for q in range(5) for _ in range(2)]
    assert first["rates"] == [1.0, 0.0] * 5
    assert set(first["graded"][:6]) == {f"q{q}#{n}" for q in (0, 2, 4) for n in range(2)}
    assert set(second["graded"][:4]) == {f"q{q}#{n}" for q in (1, 3) for n in range(2)}
    assert first["gathered"] == [{"host": 0, "pad": ""}, {"host": 1, "pad": "x"}]
    assert all(first["same"]), "each host has all the weights as they would be without another"
    assert set(first["devices"]) == {1} and all(first["placed"])
