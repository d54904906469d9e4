"""What ends a run on purpose.

`UserError` is the one exception that a user is meant to read: what is wrong, where, and the fix, in a single line.
Every stage raises it for bad configs, files, models and environments; the command line prints its text and exits with
status 2. Anything else that escapes a stage is a bug and keeps its traceback.
"""


class UserError(Exception):
    """A mistake in the user's input or environment, worded as one line: what, where, the fix."""


class Preempted(SystemExit):
    """The machine is taken away: everything is saved, the status is 0, and the same command goes on."""

    def __init__(self) -> None:
        super().__init__(0)
