"""The jail's file system: a read-only root that holds the interpreter, its libraries and a small private
/tmp, nothing else.

Runs in the cloned child, in its own mount namespace, before it executes the zygote.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from sandbox.jailed import confine

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME = 1, 2, 4, 8, 1024
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18


def python_file() -> str:
    """The real interpreter file, not a virtual environment's link."""
    return os.path.realpath(sys.executable)


def library_paths() -> list[str]:
    """What the interpreter needs on disk: its own files, the standard library and the system's shared
    libraries.
    """
    paths = {python_file(), *(sysconfig.get_path(name) or "" for name in ("stdlib", "platstdlib"))}
    library = sysconfig.get_config_var("LDLIBRARY")
    for folder in (sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("LIBPL")):
        if folder and library and os.path.exists(os.path.join(folder, library)):
            for name in os.listdir(folder):
                if name.startswith("libpython"):
                    paths.add(os.path.join(folder, name))
    paths.update(
        (
            "/lib",
            "/lib64",
            "/usr/lib",
            "/usr/lib64",
            "/usr/local/lib",
            "/etc/ld.so.cache",
            "/usr/share/zoneinfo",
        )
    )
    return sorted(path for path in paths if path and os.path.exists(path))


DEVICES = tuple(f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom"))


def package_folders(paths: list[str]) -> list[str]:
    """The folders of third-party packages in and below library paths, whichever Python they are for."""
    folders = {sysconfig.get_path(name) or "" for name in ("purelib", "platlib")}
    for path in paths:
        if os.path.isdir(path) and not os.path.islink(path):
            for pattern in ("", "python*/"):
                folders.update(map(str, Path(path).glob(pattern + "*-packages")))
    shown = tuple(path + "/" for path in paths)
    return sorted(folder for folder in folders if folder.startswith(shown) and os.path.isdir(folder))


def readable_parts(paths: list[str], hidden: list[str]) -> tuple[list[str], list[str]]:
    """The folders that hold a hidden one, which may be listed, and the paths that may be read, without the hidden. No
    path given back is a link: a right to one would be a right to what it points to.
    """
    listed, readable = [], []
    for path in sorted(set(map(os.path.realpath, paths))):
        if path in hidden:
            continue
        if any(folder.startswith(path + "/") for folder in hidden):
            below = readable_parts([e.path for e in os.scandir(path) if not e.is_symlink()], hidden)
            listed += [path, *below[0]]
            readable += below[1]
        else:
            readable.append(path)
    return listed, readable


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    encoded = [x.encode() if x is not None else None for x in (source, target, kind)]
    result = confine._libc.mount(*encoded, ctypes.c_ulong(flags), data.encode() if data else None)
    confine.call(result, f"mount {target}")


def _read_only(path: str, extra: int = 0) -> None:
    """Add read-only, no-suid and no-device to a mount, keeping whatever is locked on it."""
    attributes = struct.pack("=QQQQ", MS_RDONLY | MS_NOSUID | extra, 0, 0, 0)
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    confine.syscall("mount_setattr", -100, ctypes.c_char_p(path.encode()), 0, buffer, len(attributes))


def shown_at(path: str) -> str:
    """Where a host path stands inside the root: the private /tmp would hide what lies in the host's."""
    return "/host" + path if path.startswith("/tmp/") else path


def _bind(path: str, root: str) -> None:
    """Show a host path inside the root, read-only; links are copied as links."""
    target = root + shown_at(path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.lexists(target):
        return
    if os.path.islink(path):
        os.symlink(os.readlink(path), target)
        return
    if os.path.isdir(path):
        os.mkdir(target)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount(path, target, None, MS_BIND)
    _read_only(target, 0 if path.startswith("/dev/") else MS_NODEV)


def _bind_all(paths: Iterable[str], root: str) -> None:
    """Show paths, and what lies below others of them once."""
    shown = [path for path in paths if not os.path.islink(path)]
    for path in sorted(paths, key=len):
        if not any(path.startswith(other + "/") for other in shown):
            _bind(path, root)


def build_root(package_paths: tuple[str, ...], disk_mb: int) -> None:
    """Make a tmpfs root with only what Python needs, and enter it."""
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    libraries = library_paths()
    needed = [*libraries, *package_paths]
    root = next(d for d in ("/mnt", "/media", "/srv", "/tmp", "/var/tmp", "/run") if _free(d, needed))
    _mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,nr_inodes=2k,mode=755")
    _bind_all(libraries, root)
    hidden = [root + shown_at(folder) for folder in package_folders(libraries)]
    for folder in hidden:
        _mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,nr_inodes=2k,mode=755")
    _bind_all(package_paths, root)
    for folder in hidden:
        _read_only(folder, MS_NODEV)
    for device in DEVICES:
        _bind(device, root)
    os.mkdir(root + "/tmp")
    size = f"size={disk_mb}m,nr_inodes=2k,mode=1777"
    _mount("tmpfs", root + "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME, size)
    os.chdir(root)
    confine.syscall("pivot_root", ctypes.c_char_p(b"."), ctypes.c_char_p(b"."))
    confine.call(confine._libc.umount2(b".", 2), "umount the old root")
    _read_only("/", MS_NODEV)
    os.chdir("/tmp")


def _free(folder: str, needed: list[str]) -> bool:
    return os.path.isdir(folder) and not any((p + "/").startswith(folder + "/") for p in needed)
