"""The judge child's connection to the candidate, and what it has learned of it during a test."""

from __future__ import annotations

import collections
import marshal
import types
from collections.abc import Callable, Sequence
from typing import Any

from sandbox.jailed import codec, decoding, frames, operators, rebuilt
from sandbox.jailed.mirrors import Mirrors


class Refused(Exception):
    """The test would let an object of the candidate decide; naming this is a failure of the candidate."""


class Unsplit(BaseException):
    """The test would hand the candidate an object of its own that cannot travel: both must share a process."""


def of_test(error: BaseException) -> bool:
    """Whether an exception is the test's own, and stands for none of the candidate's."""
    return not hasattr(error, "_jail_name")


class Asker:
    """The connection to the candidate, through the worker."""

    def __init__(self, line: frames.Line, raised: Callable[[Any], BaseException]) -> None:
        self.line = line
        self.raised = raised  # makes the exception that stands for one of the candidate's
        self.lied = False  # whether the candidate's own word took part in the verdict
        self.told = False  # whether the candidate was handed what may be an expected value
        self.heard = False  # whether it has given more than a number
        self.unsplit_for = ""  # why the test cannot be run away from the candidate
        self.refused = ""  # why an object of the candidate's may not decide
        self.odd: Any = (
            None  # what came last of a class that derives from a builtin one and has operators of its own
        )
        self.silent = True  # whether nothing may be asked: a test does not run, or waits for an answer
        self.made: set[int] = set()  # objects that the test constructed of classes that the question names
        self.stops = False  # whether the test may see StopIteration from the candidate
        self.needs: list[tuple[str, str]] = []  # common names that the test uses
        self.functions: list[Any] = []  # those of tests that were handed over
        self.mirrors = Mirrors(0, self._stays, self._special)

    def new_test(self, stops: bool, needs: list[tuple[str, str]]) -> None:
        """Forget what the last test did.

        Args:
          stops: whether this one itself names StopIteration.
          needs: the common names in it.
        """
        self.lied = self.told = self.heard = False
        self.unsplit_for = self.refused = ""
        self.made.clear()
        self.stops, self.needs = stops, needs
        self.mirrors.new_test()

    def ask(
        self,
        *head: Any,
        args: Sequence[Any] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Send one request with the values that it hands over; give the value that comes back, or raise what the
        candidate raised.
        """
        sync = self.mirrors.changes()
        body = list(head)
        try:
            if args is not None:
                body.append([self.mirrors.tree(value) for value in args])
            if kwargs is not None:
                body.append({name: self.mirrors.tree(value) for name, value in kwargs.items()})
        except codec.TooLarge:
            if self.heard:  # perhaps the candidate has made it so
                raise
            raise self.unsplit("a value that is too large to travel") from None
        self.mirrors.agree()
        self.silent = True
        self.line.put(f'["c",{codec.dumps([self.told, *body, sync])},0]'.encode())
        self.line.wake()
        kind, content = marshal.loads(self.line.receive())
        self.silent = False
        try:
            value, error = self._answer(kind, content)
        except Exception as malformed:
            malformed._jail_name = type(malformed).__name__  # type: ignore[attr-defined]
            raise
        if error is None:
            large = isinstance(value, list | tuple | dict | set | frozenset | bytes | str)
            self.heard = self.heard or (large and head[0] != "require")
            return value
        pulls = head[0] == "op" and head[2] in ("next", "send", "throw")
        if isinstance(error, StopIteration) and not self.stops and not pulls:
            # It would end the test's own loops early: `all(map(f, cases))` would be true.
            error = self.raised(["RuntimeError", "the candidate raised StopIteration", [], None, {}, None])
        raise error

    def _answer(self, kind: str, content: Any) -> tuple[Any, BaseException | None]:
        """The value that came back, or what the candidate raised."""
        self.odd = None
        changes, value = (content[5], None) if kind == "error" else content
        if changes is not None:
            self.mirrors.apply(changes)
        error = self.raised(content) if kind == "error" else None
        value = decoding.decode(value)
        self.mirrors.agree()
        return value, error

    def call(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call something of the candidate's."""
        return self.ask("call", target, None, args=args, kwargs=kwargs)

    def hands(self) -> None:
        """The candidate is handed plain data and asked about it; both go on record."""
        self.lied = self.told = True

    def describe(self, error: BaseException) -> list[Any]:
        """An exception that ends a `with` statement, or is thrown into a generator, of the candidate's."""
        names, args = operators.described(error)
        if of_test(error):
            if isinstance(error, AssertionError):
                args = []
            elif args:
                self.hands()
        return [names, args]

    def replaces(self, error: BaseException, other: BaseException) -> bool:
        """Whether the candidate has ended an exception by one of another class.

        Raises:
          Refused: a failed assert of the test's.
        """
        if type(error).__name__ == type(other).__name__:
            return False
        self.swallows(error)
        return True

    def swallows(self, error: BaseException) -> None:
        """The candidate has ended an exception.

        Raises:
          Refused: a failed assert of the test's.
        """
        if isinstance(error, AssertionError) and of_test(error):
            raise self.refuse("the candidate undoes a failed assert")
        self.lied = True

    def refuse(self, why: str) -> Refused:
        """The error for a test in which an object of the candidate's may not decide, put on record."""
        self.refused = why
        return Refused(why)

    def unsplit(self, what: str) -> Unsplit:
        """The error for a test that must run beside the candidate, put on record."""
        self.unsplit_for = f"hands over {what}"
        return Unsplit(what)

    def _special(self, encoder: Any, value: Any, depth: int) -> None:
        """Iterators of the test's would be used up here, and not by the candidate; some functions do not travel."""
        kind = type(value)
        if codec.iterates(kind) and kind is not types.GeneratorType:
            raise self.unsplit("an iterator of its own")
        if kind is collections.defaultdict and not codec.remakes(value):
            raise self.unsplit("a dictionary with a function of its own")

    def _stays(self, value: Any) -> Any:
        # From the candidate, which has no say in how it is graded.
        if isinstance(value, rebuilt.Match) or (isinstance(value, BaseException) and not of_test(value)):
            raise codec.Unencodable(f"value of type {type(value).__name__}")
        raise self.unsplit(f"a {type(value).__name__}")


asker: Asker  # of this process
