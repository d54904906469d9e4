"""Shards: files of one record type, as JSON lines or as ArrayRecord, written whole and read record by record.

Every stage folder holds them (see `folders`). JSON lines can be read by eye; ArrayRecord is compressed and checks
itself, and is meant for anything large. What is inside is the same JSON either way, so readers never ask which.
"""

from __future__ import annotations

import contextlib
import io
import os
import threading
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, Generic

import orjson
from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter

from acecoder_jax.data.records import Record, from_json, from_values
from acecoder_jax.errors import UserError

FORMATS = {"jsonl": ".jsonl", "array_record": ".array_record"}


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file that takes `path`'s place, flushed to disk, when the block ends without an error.

    Raises:
      UserError: the file cannot be written; what was at `path` is still there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise UserError(
            f"{path}: cannot write ({error.strerror}); free some space or pick another --workdir"
        ) from error


def write_shard(path: Path, lines: Iterable[str]) -> None:
    """Write one whole shard, in the form that the name's suffix says; memory does not grow with its length."""
    with replacing(path) as temporary:
        if path.suffix == FORMATS["jsonl"]:
            with open(temporary, "wb") as file:
                file.writelines(line.encode() + b"\n" for line in lines)
        else:
            # Groups of one record: more would compress better, and be read whole for each record of a shuffle.
            writer = ArrayRecordWriter(str(temporary), "group_size:1")
            try:
                for line in lines:
                    writer.write(line.encode())
            finally:
                writer.close()


class LineFile:
    """The lines of a JSONL file, by number."""

    def __init__(self, path: Path):
        """Find where lines begin; nothing else is kept.

        Raises:
          UserError: the file cannot be read, or ends inside a line.
        """
        self.path = path
        self._file: io.FileIO | None = None
        starts = array("q", [0])  # eight bytes a line
        try:
            with open(path, "rb") as file:
                for line in file:
                    starts.append(starts[-1] + len(line))
                    ended = line.endswith(b"\n")
        except OSError as error:
            raise UserError(f"{path}: cannot read ({error.strerror}); remake the folder") from error
        if len(starts) > 1 and not ended:
            raise UserError(
                f"{path}: ends inside line {len(starts) - 1}; it was cut short, remake or copy it again"
            )
        self._starts = starts

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, index: int) -> bytes:
        if self._file is None:
            self._file = open(self.path, "rb", buffering=0)  # noqa: SIM115 - open for as long as this object
        start, end = self._starts[index], self._starts[index + 1]
        return os.pread(self._file.fileno(), end - start - 1, start)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_file": None}  # worker processes open their own


class ArrayFile:
    """The records of an ArrayRecord file, by number."""

    def __init__(self, path: Path):
        """Open the file.

        Raises:
          UserError: the file cannot be read.
        """
        self.path = path
        self._open()

    def _open(self) -> None:
        self._lock = threading.Lock()
        try:
            self._reader = ArrayRecordReader(
                str(self.path), "readahead_buffer_size:0", file_reader_buffer_size=32768
            )
            self._length = self._reader.num_records()
            readable = self._reader.ok()
        except Exception as error:  # the library raises whatever its C++ side does
            raise UserError(f"{self.path}: cannot read ({_one_line(error)}); remake the folder") from error
        if not readable:
            raise UserError(
                f"{self.path}: is missing or no whole ArrayRecord file; it was cut short: remake or copy it again"
            )

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> bytes:
        try:
            with self._lock:
                return self._reader.read([index])[0]
        except RuntimeError as error:
            raise UserError(
                f"{self.path}:{index + 1}: cannot read ({_one_line(error)}); the file is damaged, remake it"
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.path = state["path"]
        self._open()


def open_shard(path: Path) -> LineFile | ArrayFile:
    """A shard's JSON texts, by number (see the two classes for what is raised)."""
    return LineFile(path) if path.suffix == FORMATS["jsonl"] else ArrayFile(path)


class RecordSource(Generic[Record]):
    """Records of several shards as one sequence, parsed when asked for; may be sent to worker processes."""

    def __init__(self, shards: Sequence[Path], record_type: type[Record]):
        """Open the shards.

        Raises:
          UserError: a shard cannot be read or was cut short.
        """
        self._type: type[Record] = record_type
        self._shards = [open_shard(shard) for shard in shards]
        self._ends = list(accumulate(map(len, self._shards)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index: int) -> Record:
        if not 0 <= index < len(self):
            raise IndexError(index)
        number = bisect_right(self._ends, index)
        shard = self._shards[number]
        place = index - (self._ends[number - 1] if number else 0)
        line, where = shard[place], f"{shard.path}:{place + 1}"
        try:
            values = orjson.loads(line)
        except (
            orjson.JSONDecodeError
        ):  # damaged, which is told there, or a number that only Python reads, such as NaN
            return from_json(self._type, line, where)
        return from_values(self._type, values, where)

    def __iter__(self) -> Iterator[Record]:
        return (self[index] for index in range(len(self)))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
