"""The Ray backend on a local cluster of two nodes, one of which is killed in the middle."""

from __future__ import annotations

import pytest

ray = pytest.importorskip("ray")

from sandbox import Evaluation, Limits, Program  # noqa: E402
from sandbox.ray_backend import RaySandbox  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster():
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    second = cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address)
    yield cluster, second
    ray.shutdown()
    cluster.shutdown()


def program(number: int) -> Program:
    source = "import time\ndef f(x):\n    time.sleep(0.05)\n    return x + 1"
    return Program(str(number), source, (f"assert f({number}) == {number + 1}",), ("f",))


def test_a_killed_node_loses_no_program(cluster):
    nodes, second = cluster
    with RaySandbox(Limits(test_cpu_s=1.0)) as box:
        assert [v.outcome for v in box.run(program(i) for i in range(10))] == ["passed"] * 10
        (result,) = box.evaluate([Evaluation("e", "def f(x): return {x}", ("f(1)",))])
        assert result.values[0].value == {1}
        seen = []
        for verdict in box.stream(program(i) for i in range(60)):
            seen.append(verdict)
            if len(seen) == 10:
                nodes.remove_node(second, allow_graceful=False)
    assert sorted(int(v.id) for v in seen) == list(range(60))
    assert {v.outcome for v in seen} == {"passed"}
