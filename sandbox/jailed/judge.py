"""A judge child: runs the part of a test that cannot be decided value by value, in a jail of its own process.

It holds expected values and runs no candidate code. What the test calls in the candidate is asked of the
worker, which asks the candidate's process; plain values come back, and objects of the candidate's own classes
come back as handles.
"""

from __future__ import annotations

import marshal
import sys
import time
from typing import Any, NoReturn

from sandbox.jailed import asking, codec, common, decoding, exchange, frames, handles, watch


def _outcome(asker: asking.Asker, error: BaseException | None) -> tuple[str, str]:
    """What the end of a test means."""
    if asker.unsplit_for:  # even if the test has caught that
        return "unsplit", asker.unsplit_for
    if asker.refused:
        return "failed", asker.refused
    if error is None:
        return "passed", ""
    name = getattr(error, "_jail_name", None)
    if name is not None:
        return ("forbidden" if name == "PermissionError" else "error"), name
    if isinstance(error, AssertionError | common.Failed):
        return "failed", ""
    if isinstance(error, codec.Unencodable | decoding.Malformed):
        return "failed", f"{type(error).__name__}: {error}"[:200]
    return "error", type(error).__name__


def serve(line: frames.Line, request: dict[str, Any]) -> NoReturn:
    """Run tests as the worker sends them: `(code, common names to supply, names of exceptions to stand in for, names
    that the candidate must have defined)`.
    """
    asker = asking.asker = asking.Asker(line, exchange.raised)
    exchange.install()
    watch.install()
    sys.modules["pytest"] = common.PYTEST
    names: dict[str, Any] = {"__name__": handles.TEST}
    while True:
        code, needs, exceptions, required = marshal.loads(line.receive())
        test = marshal.loads(code)
        asker.new_test("StopIteration" in exchange.global_names(test), needs)
        if request["setup"] is not None and "__setup_done__" not in names:
            exec(request["setup"], names)
            names["__setup_done__"] = True
        space = dict(names)
        for name, kind in needs:
            if name not in space:
                space[name] = common.resolve(name, kind)
        for name in request["entry_points"]:
            space[name] = handles.Name(name)
        exchange.stand_ins.clear()
        for name in exceptions:
            kind = exchange.stand_ins[name] = type(name, (Exception,), {})
            space[common.STAND_IN.format(name)] = kind
        space["__shared__"] = frozenset(space)  # names that the candidate's process has too
        space["__ask__"] = lambda i, own=False: (
            handles.makes(asker.ask("eval", i)) if own else asker.ask("eval", i)
        )
        space.update({f"__{name}__": look for name, look in handles.LOOKS.items()})
        error: BaseException | None = None
        try:
            if required:
                asker.ask("require", required)
            asker.silent = False
            exec(test, space)
        except BaseException as caught:
            error = caught
        asker.silent = True
        outcome, detail = _outcome(asker, error)
        content = codec.dumps([outcome, detail, asker.lied, asker.told])
        line.put(f'["o",{content},{time.process_time_ns()}]'.encode())
        line.wake()
