"""A disk that takes no more, told from other errors: whoever writes a large file says it in one line.

Only some of the writers underneath raise an OSError for it: Orbax raises a ValueError, safetensors and tokenizers
errors of their own, and all of them say what the system said.
"""

from __future__ import annotations

import errno
import logging
import os

_WORDS = ("No space left", "Disk quota exceeded", "File too large")
_NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def full_disk(error: BaseException) -> str | None:
    """What the system said of a full disk; None for any other error."""
    number = getattr(error, "errno", None)
    if number in _NUMBERS:
        return os.strerror(number)
    return next((words for words in _WORDS if words in str(error)), None)


class _SaidElsewhere(logging.Filter):
    """Drops the writers' own reports of a full disk, a traceback from each thread: the run's last line says it."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = f"{record.getMessage()} {record.exc_info[1] if record.exc_info else ''}"
        return not any(words in text for words in _WORDS)


logging.getLogger("absl").addFilter(_SaidElsewhere())
