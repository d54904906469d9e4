"""Names of the standard library that tests use without importing them, and where they come from.

Programs usually import them, and test writers count on it. A test must not depend on which imports a
candidate happens to have, so both the judge and the candidate's process supply these names when nobody else
does.
"""

from __future__ import annotations

import contextlib
import importlib
import types
from typing import Any, NoReturn

_MODULES = """
math cmath re itertools collections functools operator string random datetime json heapq bisect copy
statistics decimal fractions typing sys os time types dataclasses enum inspect textwrap hashlib base64 struct
array unittest io numbers contextlib warnings calendar uuid
"""
MODULES = frozenset(_MODULES.split())
_MEMBERS = {
    "collections": "Counter OrderedDict defaultdict deque namedtuple ChainMap",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "math": "inf nan pi e sqrt isclose isnan isinf gcd lcm ceil floor factorial comb log exp sin cos prod",
    "datetime": "date timedelta timezone",
    "itertools": "chain permutations combinations product accumulate islice count cycle repeat groupby",
    "functools": "reduce partial lru_cache cmp_to_key wraps",
    "typing": "Any Callable Dict Generator Iterable Iterator List Optional Sequence Set Tuple Union",
    "copy": "deepcopy",
    "string": "ascii_lowercase ascii_uppercase ascii_letters digits punctuation",
    "dataclasses": "dataclass",
    "operator": "itemgetter attrgetter",
    "io": "StringIO BytesIO",
    "contextlib": "suppress redirect_stdout",
    "enum": "Enum",
    "sys": "maxsize",
}
MEMBERS = {name: module for module, names in _MEMBERS.items() for name in names.split()}
ALIASES = {"np": "numpy", "pd": "pandas", "numpy": "numpy", "pandas": "pandas", "pytest": "pytest"}
# In a judge's child, the name of what stands for an exception class of the candidate's.
STAND_IN = "__caught_{}__"
NAMES = MODULES | MEMBERS.keys() | ALIASES.keys()


# Modules whose exceptions a judge makes again as what they are.
_RAISING = """
binascii calendar concurrent.futures configparser csv dataclasses decimal email.errors graphlib ipaddress json.decoder
numpy.linalg queue re shutil sqlite3 statistics struct subprocess tarfile tomllib uuid xml.etree.ElementTree
xml.parsers.expat zipfile zlib zoneinfo
"""
RAISING = frozenset(_RAISING.split())


def resolve(name: str, kind: str = "module") -> Any:
    """The object that a common name stands for.

    Args:
      name: one of `NAMES`.
      kind: `class` when `datetime` means the class and not the module.
    """
    if name == "pytest":
        return PYTEST
    if name == "datetime" and kind == "class":
        return importlib.import_module("datetime").datetime
    if name in MEMBERS:
        return getattr(importlib.import_module(MEMBERS[name]), name)
    return importlib.import_module(ALIASES.get(name, name))


def supply(names: dict[str, Any], needs: Any) -> None:
    """Define those of the common names that are not defined yet, as far as they are installed."""
    for name, kind in needs:
        if name not in names:
            with contextlib.suppress(ImportError):
                names[name] = resolve(name, kind)


class _Raises:
    """`with pytest.raises(kind, match=...)`, without pytest."""

    def __init__(self, kind: Any, match: str | None = None) -> None:
        self.kind = kind
        self.pattern = match
        self.value: BaseException | None = None

    def __enter__(self) -> _Raises:
        return self

    @property
    def type(self) -> Any:
        """The class of the exception that was raised."""
        return type(self.value)

    @property
    def typename(self) -> str:
        """That class's name."""
        return type(self.value).__name__

    def match(self, pattern: str) -> bool:
        """Whether a pattern is found in the message; it is an error if not."""
        import re

        assert re.search(pattern, str(self.value)), "message does not match"
        return True

    def __exit__(self, kind: Any, error: BaseException | None, _: object) -> bool:
        assert error is not None, "did not raise"
        if not isinstance(error, self.kind):
            return False
        self.value = error
        return self.pattern is None or self.match(self.pattern)


class _Approx:
    """`value == pytest.approx(expected)` for numbers, sequences and arrays of numbers, and what else is in them."""

    __array_ufunc__ = None  # arrays leave the comparison to this class

    def __init__(
        self, expected: Any, rel: float | None = None, abs: float | None = None, nan_ok: bool = False
    ) -> None:
        self.expected, self.rel, self.abs, self.nan_ok = expected, rel, abs, nan_ok

    def _close(self, value: Any, expected: Any) -> bool:
        import math

        if expected is None or isinstance(expected, str | bytes | bool):
            return bool(value == expected)
        if self.nan_ok and isinstance(value, float) and value != value and expected != expected:
            return True
        if self.rel is None and self.abs is not None:
            return math.isclose(value, expected, rel_tol=0.0, abs_tol=self.abs)
        return math.isclose(
            value,
            expected,
            rel_tol=1e-6 if self.rel is None else self.rel,
            abs_tol=1e-12 if self.abs is None else self.abs,
        )

    def _close_all(self, value: Any, expected: Any) -> bool:
        """Whether an array's rows, columns and so on are as many and each is close."""
        if not isinstance(expected, list):
            return not isinstance(value, list | tuple) and self._close(value, expected)
        alike = isinstance(value, list | tuple) and len(value) == len(expected)
        return alike and all(map(self._close_all, value, expected))

    def __eq__(self, value: Any) -> bool:
        if type(value).__module__ == "numpy":
            value = value.tolist()
        if type(self.expected).__module__ == "numpy":
            return self._close_all(value, self.expected.tolist())
        if isinstance(self.expected, list | tuple):
            return len(value) == len(self.expected) and all(map(self._close, value, self.expected))
        if isinstance(self.expected, dict):
            return value.keys() == self.expected.keys() and all(
                self._close(value[key], self.expected[key]) for key in self.expected
            )
        return self._close(value, self.expected)


def _raises(expected_exception: Any, *call: Any, match: str | None = None, **kwargs: Any) -> Any:
    """As a context manager, or with a callable and its arguments."""
    manager = _Raises(expected_exception, match)
    if not call:
        return manager
    with manager:
        call[0](*call[1:], **kwargs)
    return manager


class Failed(BaseException):
    """What `pytest.fail` raises: no handler of ordinary exceptions takes it."""


def _fail(reason: str = "") -> NoReturn:
    raise Failed(reason)


PYTEST = types.ModuleType("pytest")  # the names of it that tests of values use
vars(PYTEST).update(raises=_raises, approx=_Approx, fail=_fail)
