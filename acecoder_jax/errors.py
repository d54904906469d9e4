"""What ends a run on purpose, and the check of settings that most stages share.

`UserError` is the one exception that a user is meant to read: what is wrong, where, and the fix, in a single line.
Every stage raises it for bad configs, files, models and environments; the command line prints its text and exits with
status 2. Anything else that escapes a stage is a bug and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class UserError(Exception):
    """A mistake in the user's input or environment, worded as one line: what, where, the fix."""


class Preempted(SystemExit):
    """The machine is taken away: everything is saved, the status is 0, and the same command goes on."""

    def __init__(self) -> None:
        super().__init__(0)


def require_at_least(least: float, config: Mapping[str, Any], *names: str) -> None:
    """Refuse settings that are too small, such as a number of steps between evaluations of 0.

    Args:
      config: a stage's whole config.
      names: keys of it, with dots into its sections.

    Raises:
      UserError: one of them is below `least`.
    """
    for name in names:
        value: Any = config
        for part in name.split("."):
            value = value[part]
        if value < least:
            raise UserError(f"config.{name}: {value} is too little; give at least {least}")
