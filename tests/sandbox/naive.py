"""Naive execution, run as a script: each program and its tests in one process without any isolation.

Reads JSON lines `{"program", "setup", "tests"}` and writes one list of "passed" or exception names for each.
Only for programs that are known to be harmless.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import types
import warnings


def alarm(*_: object) -> None:
    raise TimeoutError


def run(job: dict) -> list[str]:
    module = sys.modules["solution"] = sys.modules["__main__"] = types.ModuleType("solution")
    space = module.__dict__
    try:
        exec(job["setup"], space)
        exec(compile(job["program"], "<program>", "exec"), space)
    except BaseException as error:
        return [f"load {type(error).__name__}"] * len(job["tests"])
    results = []
    loaded = dict(space)
    for test in job["tests"]:
        space.clear()
        space.update(loaded)
        signal.alarm(60)
        try:
            exec(compile(test, "<test>", "exec"), space)
            results.append("passed")
        except BaseException as error:
            results.append(type(error).__name__)
        signal.alarm(0)
    return results


def main() -> None:
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, alarm)
    out = os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    for line in sys.stdin:
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.dup2(null, 0)
            sys.stdin = os.fdopen(0)
            os.write(write, json.dumps(run(json.loads(line))).encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as answers:
            out.write((answers.read() or json.dumps(["died"] * len(json.loads(line)["tests"]))) + "\n")
        out.flush()
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
