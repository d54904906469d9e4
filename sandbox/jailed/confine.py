"""What a process does to itself before it may run a candidate: seccomp, Landlock, rlimits, capabilities,
descriptors.

Raw system calls through ctypes, no library needed. The filter is an allowlist: no sockets but socketpair, no
new processes, no signals to others, no exec, no mount, no ptrace. Everything here is inherited and cannot be
undone.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import struct

from sandbox.jailed import syscalls

_libc = ctypes.PyDLL(None, use_errno=True)  # PyDLL keeps the GIL: these calls run between fork and exec
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long
_prctl = _libc.prctl

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 22, 24
PR_SET_NO_NEW_PRIVS, PR_SET_CHILD_SUBREAPER, PR_CAP_AMBIENT = 38, 36, 47

ALLOWED = """
read write readv writev pread64 pwrite64 preadv pwritev close close_range fstat newfstatat stat lstat
statx lseek mmap mprotect munmap mremap madvise brk msync rt_sigaction rt_sigprocmask rt_sigreturn
rt_sigpending rt_sigtimedwait sigaltstack access faccessat faccessat2 pipe pipe2 select pselect6 poll
ppoll epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2 dup dup2
dup3 nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday times time getpid getppid gettid
getuid geteuid getgid getegid getgroups getresuid getresgid getpgrp getpgid getsid uname ftruncate
getdents getdents64 getcwd chdir fchdir mkdir mkdirat rmdir unlink unlinkat rename renameat
renameat2 symlink symlinkat link linkat readlink readlinkat open openat creat umask
fsync fdatasync statfs fstatfs getrusage sysinfo getrandom futex
futex_waitv sched_yield sched_getaffinity sched_getparam sched_getscheduler sched_get_priority_max
sched_get_priority_min getpriority set_robust_list rseq set_tid_address exit exit_group getrlimit
restart_syscall getitimer setitimer alarm pause rt_sigsuspend sendfile copy_file_range sendto
recvfrom sendmsg recvmsg shutdown getsockopt getsockname getpeername membarrier arch_prctl
getcpu fadvise64 timerfd_create timerfd_settime timerfd_gettime
"""
# For programs with a private disk, beside which they can write to nothing: Landlock does not stop these on other
# files that belong to the user.
ALLOWED_ON_DISK = "truncate chmod fchmod fchmodat utimensat utime utimes futimesat"

_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_RET_ALLOW, _RET_ERRNO, _RET_KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _JEQ, _JGT, _JGE, _JSET, _RET, _AND = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06, 0x54
_CLONE_THREAD = 0x00010000
_IOCTLS = (0x5401, 0x5451, 0x5450, 0x5421, 0x541B)  # TCGETS, FIOCLEX, FIONCLEX, FIONBIO, FIONREAD
# F_SETOWN, F_SETSIG, F_SETOWN_EX, F_NOTIFY make the kernel send signals; F_SETLEASE makes other processes wait that
# open the file; F_SETPIPE_SZ takes from what all pipes of the user may have.
_FCNTLS_DENIED = (8, 10, 15, 1026, 1024, 1031)
# F_GETLK and F_OFD_GETLK tell of the locks of other processes. F_SETLK, F_SETLKW and their kin seem to succeed, for
# SQLite's sake: nobody else has a program's files, and on those of the host a lock would be seen outside.
_LOCKS_DENIED, _LOCKS_PRETENDED = (5, 36), (6, 7, 37, 38)
# The twelve calls for extended attributes, whose numbers follow each other, say that no file has any: that is what
# `shutil` copes with when it copies.
_XATTRS = ("setxattr", "fremovexattr")
_AF_UNIX = 1
_CONNECTED = (1, 5)  # stream, seqpacket: one of datagrams can be told to send to any socket that has a name


def call(result: int, what: str) -> int:
    """Turn a failed libc call into an OSError that names the step."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def prctl(option: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0) -> int:
    """The prctl system call."""
    ulong = ctypes.c_ulong
    return call(_prctl(option, ulong(a), ulong(b), ulong(c), ulong(d)), f"prctl {option}")


def syscall(name: str, *arguments: object) -> int:
    """A system call by name, with ints passed as machine words."""
    number = syscalls.numbers(os.uname().machine)[name]
    words = [ctypes.c_long(x) if isinstance(x, int) else x for x in arguments]
    return call(_syscall(ctypes.c_long(number), *words), name)


def _op(code: int, k: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, k & 0xFFFFFFFF)


def _tree(ranges: list[tuple[int, int]], allow: bytes, deny: bytes) -> list[bytes]:
    """A binary search over the allowed ranges: a call costs a handful of instructions, not a hundred."""
    if len(ranges) == 1:
        low, high = ranges[0]
        return [_op(_JGE, low, 0, 2), _op(_JGT, high, 1, 0), allow, deny]
    half = len(ranges) // 2
    left, right = _tree(ranges[:half], allow, deny), _tree(ranges[half:], allow, deny)
    return [_op(_JGE, ranges[half][0], len(left), 0), *left, *right]


def filter_program(machine: str, disk: bool) -> bytes:
    """The seccomp program for children that run candidates.

    Args:
      disk: whether they have a private disk.

    Raises:
      KeyError: the machine's system call table is not known.
    """
    table, arch = syscalls.numbers(machine), _ARCH[machine]
    argument = [16 + 8 * i for i in range(6)]  # offsets of the low words in seccomp_data
    allow, deny = _op(_RET, _RET_ALLOW), _op(_RET, _RET_ERRNO | errno.EPERM)
    program = [_op(_LOAD, 4), _op(_JEQ, arch, 1, 0), _op(_RET, _RET_KILL), _op(_LOAD, 0)]

    def special(name: str, body: list[bytes]) -> None:
        program.extend([_op(_JEQ, table[name], 0, len(body)), *body])

    def one_of(values: tuple[int, ...], then: bytes, other: bytes) -> list[bytes]:
        tests = [_op(_JEQ, value, len(values) - i, 0) for i, value in enumerate(values)]
        return [*tests, other, then]

    special("clone", [_op(_LOAD, argument[0]), _op(_JSET, _CLONE_THREAD, 1, 0), deny, allow])
    special("clone3", [_op(_RET, _RET_ERRNO | errno.ENOSYS)])  # libc falls back to clone
    special("prlimit64", [_op(_LOAD, argument[0]), *one_of((0,), allow, deny)])
    special("ioctl", [_op(_LOAD, argument[1]), *one_of(_IOCTLS, allow, deny)])
    pretend = [op for value in _LOCKS_PRETENDED for op in (_op(_JEQ, value, 0, 1), _op(_RET, _RET_ERRNO))]
    denied = one_of((*_FCNTLS_DENIED, *_LOCKS_DENIED), deny, allow)
    special("fcntl", [_op(_LOAD, argument[1]), *pretend, *denied])
    kind = [_op(_LOAD, argument[1]), _op(_AND, 0xF), *one_of(_CONNECTED, allow, deny)]
    # Other families load kernel modules.
    special("socketpair", [_op(_LOAD, argument[0]), _op(_JEQ, _AF_UNIX, 1, 0), deny, *kind])
    first, last = (table[name] for name in _XATTRS)
    program.extend([_op(_JGE, first, 0, 2), _op(_JGT, last, 1, 0), _op(_RET, _RET_ERRNO | errno.ENOTSUP)])
    names = ALLOWED.split() + (ALLOWED_ON_DISK.split() if disk else [])
    numbers = sorted({table[name] for name in names if name in table})
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return b"".join(program + _tree(ranges, allow, deny))


class SyscallFilter:
    """The seccomp program, built once in the zygote so that each child installs it with a single call."""

    def __init__(self, disk: bool) -> None:
        code = filter_program(os.uname().machine, disk)
        self._code = ctypes.create_string_buffer(code, len(code))
        fprog = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(self._code))
        self._fprog = ctypes.create_string_buffer(fprog, len(fprog))
        # By the shortest way through ctypes (no errno, plain ints): the longer one touches more memory in each child.
        self._prctl = ctypes.PyDLL(None).prctl
        self._reference = ctypes.byref(self._fprog)

    def rehearse(self) -> None:
        """Go the way of `install` with a harmless request, so that children inherit what that makes warm."""
        for _ in range(50):
            self._prctl(3, 2, self._reference)  # PR_GET_DUMPABLE

    def install(self) -> None:
        """Confine this process for good; needs no_new_privs."""
        if self._prctl(PR_SET_SECCOMP, 2, self._reference) != 0:
            raise OSError("seccomp filter refused")


_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_WRITE_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}


def landlock_abi() -> int:
    """The kernel's Landlock version, 0 where there is none."""
    try:
        return syscall("landlock_create_ruleset", 0, 0, 1)
    except (OSError, KeyError):
        return 0


def landlock(listed: list[str], readable: list[str], writable: list[str]) -> None:
    """Allow listing under some paths, reading under others, everything under the last, and nothing else; no TCP, no
    outside signals.

    Raises:
      OSError: the kernel has no Landlock.
    """
    abi = landlock_abi()
    if abi < 1:
        raise OSError(errno.ENOSYS, "the kernel has no Landlock")
    handled = _WRITE_BY_ABI[min(abi, 5)]
    attributes = struct.pack("=QQQ", handled, 0b11 if abi >= 4 else 0, 0b11 if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = syscall(
        "landlock_create_ruleset", ctypes.create_string_buffer(attributes, len(attributes)), size, 0
    )
    file_rights = handled & (1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15)
    for paths, rights in (
        (listed, _READ_DIR),
        (readable, _READ_FILE | _READ_DIR | _EXECUTE),
        (writable, handled),
    ):
        for path in paths:
            try:
                fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            allowed = rights & handled if os.path.isdir(path) else rights & file_rights
            rule = ctypes.create_string_buffer(struct.pack("=Qi", allowed, fd), 12)
            syscall("landlock_add_rule", ruleset, 1, rule, 0)
            os.close(fd)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    syscall("landlock_restrict_self", ruleset, 0)
    os.close(ruleset)


def empty_bounding_set() -> None:
    """Let no program that is started from here on gain a capability; fails, harmlessly, in a process without any."""
    for capability in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0) != 0:
            break


def drop_capabilities() -> None:
    """Give up every capability and the way back to any."""
    empty_bounding_set()
    _libc.prctl(PR_CAP_AMBIENT, ctypes.c_ulong(4), 0, 0, 0)  # CLEAR_ALL
    header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0), 8)
    call(_libc.capset(header, ctypes.create_string_buffer(24)), "capset")


def limit(memory_mb: int, processes: int, disk_mb: int, open_files: int) -> None:
    """The resource limits that the zygote and its children share; CPU time is each child's own.

    `processes`, threads included, is 0 where the kernel cannot count them for the jail alone.
    """
    megabyte = 1 << 20
    if processes:
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    for what, value in (
        (resource.RLIMIT_AS, memory_mb * megabyte),
        (resource.RLIMIT_FSIZE, disk_mb * megabyte),
        (resource.RLIMIT_NOFILE, open_files),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(what, (value, value))
