"""Fewer memory mappings in the zygote: each costs every fork, and every child's end, about half a microsecond.

A shared library is five mappings with four different rights. What the rights keep apart protects nothing in a
process that runs a candidate, which can change them, so neighbours are given the same ones; then the kernel joins
them.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any

_READ, _WRITE, _EXECUTE = 1, 2, 4
_LOAD, _RELRO = (
    1,
    0x6474E552,
)  # kinds of program header: a mapped part; what the loader made read-only afterwards


class _Header(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_uint32), ("flags", ctypes.c_uint32)] + [
        (name, ctypes.c_uint64) for name in ("offset", "address", "physical", "in_file", "size", "align")
    ]


class _Library(ctypes.Structure):
    _fields_ = [
        ("base", ctypes.c_uint64),
        ("name", ctypes.c_char_p),
        ("headers", ctypes.POINTER(_Header)),
        ("count", ctypes.c_uint16),
    ]


def join_mappings() -> None:
    """Give the read-only parts of each loaded library the rights of its code, and what the loader closed those of its
    data. Where the host does not allow it, it stays as it is.
    """
    libc, page = ctypes.PyDLL(None), os.sysconf("SC_PAGE_SIZE")
    libraries: list[tuple[int, list[tuple[int, int, int, int]]]] = []

    def each(library: Any, size: int, data: Any) -> int:
        entry = library.contents
        headers = [(h.kind, h.flags, h.address, h.size) for h in entry.headers[: entry.count]]
        libraries.append((entry.base, headers))
        return 0

    visitor = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Library), ctypes.c_size_t, ctypes.c_void_p)
    libc.dl_iterate_phdr(visitor(each), None)
    for base, headers in libraries:
        for kind, flags, address, size in headers:
            if kind == _RELRO:
                rights = _READ | _WRITE
            elif kind == _LOAD and not flags & 2:  # not writable
                rights = _READ | _EXECUTE
            else:
                continue
            start, end = (base + address) & -page, base + address + size
            end = end & -page if kind == _RELRO else -(-end & -page)
            libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(end - start), rights)


def fill_holes() -> None:
    """Take what `malloc` has free between pieces in use, for good: what children ask for then comes from its end, side
    by side on few pages, and no child writes into the lists of free pieces.
    """
    libc = ctypes.PyDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]
    end = libc.malloc(100_000)  # too large for a hole
    size = 65536
    while size > 512:  # smaller pieces are the interpreter's own business
        piece = libc.malloc(size)
        if piece is None or piece > end:
            libc.free(piece)
            size -= size // 16
    libc.free(end)
