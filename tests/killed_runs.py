"""Runs of `train_policy` that are killed with SIGKILL at given points, for tests/test_train_policy_killed.py.

    python tests/killed_runs.py SETTINGS.json WORKDIR POINT [POINT ...]

Every point is one process that dies there (`rollout:7`: when the seventh completion of its life has been sampled), and
`end` one that runs to the end. They are forks of this one, which has imported everything and started nothing.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

os.environ |= {"JAX_PLATFORMS": "cpu", "NPROC": "32", "XLA_FLAGS": "", "HF_HUB_OFFLINE": "1"}
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import jax  # noqa: E402
import orbax.checkpoint as ocp  # noqa: E402

from acecoder_jax import train_policy  # noqa: E402
from acecoder_jax.sampling.complete import Sampler  # noqa: E402
from acecoder_jax.training import trainer  # noqa: E402
from tests.made_records import MadeGrader, config_of  # noqa: E402

LIMIT_S = 600  # of one process: a test must never hang
MARK = 198


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)  # the signal is on its way


def counting(items, most: int):
    """The items, until so many of this process's life have gone by."""
    for item in items:
        yield item
        counting.seen += 1
        if counting.seen == most:
            die()


counting.seen = 0


def arm(point: str) -> None:
    """See to it that this process dies at that point."""
    kind, _, number = point.partition(":")
    number = int(number or 0)
    if kind == "rollout":
        sample = Sampler.sample
        Sampler.sample = lambda *arguments: counting(sample(*arguments), number)
    elif kind == "scoring":
        submit = MadeGrader.submit

        def grade(*arguments):
            counting.seen += 1
            if counting.seen == number:
                die()
            return submit(*arguments)

        MadeGrader.submit = grade
    elif kind == "update":
        place = trainer.place_rows  # once for each microbatch, before its gradients

        def placed(*arguments):
            counting.seen += 1
            if counting.seen == number:
                die()
            return place(*arguments)

        trainer.place_rows = placed
    elif kind == "save":  # that many milliseconds after a save has begun
        save = ocp.CheckpointManager.save

        def saving(*arguments, **named):
            threading.Timer(number / 1000, die).start()
            return save(*arguments, **named)

        ocp.CheckpointManager.save = saving
    elif kind == "rename":  # in the very act of giving a checkpoint its name
        seen = [0]

        def hook(event, arguments):
            if event == "os.rename" and "checkpoints" in str(arguments[0]):
                seen[0] += 1
                if seen[0] == number:
                    die()

        sys.addaudithook(hook)


def run(settings: dict, workdir: Path, point: str) -> None:
    signal.alarm(LIMIT_S)
    jax.config.update("jax_compilation_cache_dir", str(workdir.parent / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    jax.config.update("jax_numpy_dtype_promotion", "strict")
    arm(point)
    train_policy.Grader = MadeGrader(lambda answer: float(MARK in answer.token_ids))
    train_policy.run(config_of(train_policy, settings), workdir)


if __name__ == "__main__":
    settings, workdir = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    for point in sys.argv[3:]:
        child = os.fork()
        if not child:
            code = 1
            try:
                run(settings, workdir, point)
                code = 0
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        status = os.waitpid(child, 0)[1]
        steps = sorted(
            int(path.name) for path in (workdir / "checkpoints").glob("[0-9]*") if path.name.isdigit()
        )
        print(
            json.dumps({"point": point, "signal": os.WTERMSIG(status), "code": status >> 8, "saved": steps})
        )
        sys.stdout.flush()
