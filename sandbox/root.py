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


def build_root(package_paths: tuple[str, ...], disk_mb: int) -> None:
    """Make a tmpfs root with only what Python needs, and enter it."""
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    needed = [*library_paths(), *package_paths]
    root = next(d for d in ("/mnt", "/media", "/srv", "/tmp", "/var/tmp", "/run") if _free(d, needed))
    _mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,nr_inodes=2k,mode=755")
    for path in sorted(needed, key=len):
        if not any(path.startswith(shown + "/") for shown in needed if not os.path.islink(shown)):
            _bind(path, root)
    for folder in (sysconfig.get_path("purelib"), "/usr/lib/python3/dist-packages"):
        hidden = root + shown_at(folder or "/")
        if folder not in package_paths and os.path.isdir(hidden) and hidden != root + "/":
            _mount("tmpfs", hidden, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "size=4k,nr_inodes=2,mode=755")
    for name in ("null", "zero", "full", "random", "urandom"):
        _bind(f"/dev/{name}", root)
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
