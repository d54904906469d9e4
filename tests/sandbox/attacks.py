"""Hostile programs by name: what each does, and the outcomes that its test may have. None may pass.

Every program defines `f`, and the hidden test is `assert f(7) == 918273645`. A program that gets hold of that
number, or makes the judge take something else for it, has won. What would hurt the host if the isolation
failed is asked for in a form that does no harm then: signal 0, opening without writing, mounting onto
nothing.
"""

from __future__ import annotations

import sys

SECRET = 918273645
TEST = f"assert f(7) == {SECRET}"
# Where a program that looks for the expected value may look: every object, frame and file it can reach.
_HUNT = """
import gc, sys, re
def hunt(depth=6):
    seen, found = set(), []
    def look(o, d):
        if id(o) in seen or d < 0: return
        seen.add(id(o))
        if type(o) is int and o // 1000 == 918273: found.append(o)
        if type(o) in (str, bytes):
            found.extend(map(int, re.findall('918273[0-9]{3}', o if type(o) is str else o.decode('latin1'))))
        for r in gc.get_referents(o): look(r, d - 1)
    frame = sys._getframe()
    while frame:
        look(frame.f_locals, depth); look(frame.f_globals, depth); look(frame.f_code, depth)
        frame = frame.f_back
    for o in gc.get_objects(): look(o, 3)
    return found[0] if found else None
"""

FAIL = ("failed",)
DENIED = ("forbidden", "error")
DEAD = ("crashed",)

ATTACKS: dict[str, tuple[str, tuple[str, ...]]] = {
    # Ending early, so that nothing after the program runs.
    "sys_exit_in_call": (
        """
import sys
def f(x): sys.exit(0)
""",
        ("error",),
    ),
    "sys_exit_at_import": (
        """
import sys
sys.exit(0)
""",
        ("error",),
    ),
    "os_exit_in_call": (
        """
import os
def f(x): os._exit(0)
""",
        DEAD,
    ),
    "os_exit_at_import": (
        """
import os
os._exit(0)
""",
        DEAD,
    ),
    "exit_in_atexit": (
        """
import atexit, os
atexit.register(os._exit, 0)
def f(x): return 0
""",
        FAIL,
    ),
    "keyboard_interrupt": (
        """
def f(x): raise KeyboardInterrupt
""",
        ("error",),
    ),
    "raise_class_that_cannot_be_described": (
        """
class E(BaseException):
    def __str__(self): raise SystemExit(0)
    args = property(lambda s: 1/0)
def f(x): raise E
""",
        ("error",),
    ),
    # Objects that lie about themselves.
    "always_equal": (
        """
class A:
    def __eq__(s, o): return True
    def __bool__(s): return True
def f(x): return A()
""",
        FAIL,
    ),
    "int_subclass": (
        """
class A(int):
    def __eq__(s, o): return True
    __hash__ = int.__hash__
def f(x): return A(3)
""",
        FAIL,
    ),
    "str_subclass": (
        """
class A(str):
    def __eq__(s, o): return True
def f(x): return A('a')
""",
        FAIL,
    ),
    "list_subclass": (
        """
class A(list):
    def __eq__(s, o): return True
    def __iter__(s): return iter([918])
def f(x): return A([1])
""",
        FAIL,
    ),
    "float_subclass": (
        """
class A(float):
    def __eq__(s, o): return True
def f(x): return A(1.5)
""",
        FAIL,
    ),
    "fake_class": (
        """
class A:
    __class__ = int
    def __eq__(s, o): return True
    def __index__(s): return 1
def f(x): return A()
""",
        FAIL,
    ),
    "always_equal_metaclass": (
        """
class M(type):
    def __eq__(s, o): return True
    __hash__ = type.__hash__
class A(metaclass=M): pass
def f(x): return A
""",
        FAIL,
    ),
    "namedtuple_subclass": (
        """
import collections
class A(collections.namedtuple('A', 'x')):
    def __eq__(s, o): return True
def f(x): return A(1)
""",
        FAIL,
    ),
    "decimal_subclass": (
        """
import decimal
class A(decimal.Decimal):
    def __eq__(s, o): return True
def f(x): return A(1)
""",
        FAIL,
    ),
    # Changing what the test relies on.
    "patched_builtins": (
        """
import builtins
for n in 'abs len sorted all any isinstance repr int type compile eval exec print open'.split():
    setattr(builtins, n, lambda *a, **k: True)
def f(x): return 0
""",
        ("failed", "error", "crashed"),
    ),
    "patched_assertion_error": (
        """
import builtins
builtins.AssertionError = type('A', (BaseException,), {})
def f(x): return 0
""",
        FAIL,
    ),
    "patched_json_and_os": (
        """
import json, os, sys
os.write = lambda fd, b: len(b)
json.dumps = lambda *a: '918273645'
sys.excepthook = sys.unraisablehook = lambda *a: None
def f(x): return 0
""",
        FAIL,
    ),
    "trace_function": (
        """
import sys
def t(frame, event, arg):
    frame.f_locals.update(value=918)
    return t
sys.settrace(t)
def f(x): return 0
""",
        # From Python 3.13 on this really writes to the variables of our own frames, which end the child.
        ("crashed",) if sys.version_info >= (3, 13) else ("failed", "error"),
    ),
    "patched_codec": (
        """
import sys
def f(x):
    g = sys._getframe(1).f_globals
    frame = sys._getframe()
    while frame:
        c = frame.f_globals.get('codec')
        if c: c.encode = lambda v: '["passed"]'
        frame = frame.f_back
    return 0
""",
        ("failed", "crashed"),
    ),
    # Looking for the expected value.
    "hunt_in_memory": (
        _HUNT
        + """
def f(x): return hunt()
""",
        FAIL,
    ),
    "hunt_at_import": (
        _HUNT
        + """
V = hunt()
def f(x): return V
""",
        FAIL,
    ),
    "hunt_in_thread": (
        _HUNT
        + """
import threading, time
R = []
def go():
    for _ in range(5):
        R.append(hunt(3)); time.sleep(0.01)
threading.Thread(target=go, daemon=True).start()
def f(x):
    time.sleep(0.1)
    return max([r for r in R if r] or [0])
""",
        ("failed", "timeout"),
    ),
    "hunt_in_own_maps": (
        """
def f(x): return open('/proc/self/maps').read()
""",
        DENIED,
    ),
    "hunt_in_parents": (
        """
import os
def f(x):
    for p in [os.getppid(), *range(1, 400)]:
        for n in ('mem', 'environ', 'cmdline', 'maps'):
            try: return open(f'/proc/{p}/{n}', 'rb').read(100)
            except FileNotFoundError: pass
    raise LookupError
""",
        DENIED,
    ),
    "hunt_in_descriptors": (
        """
import os
def f(x):
    got = b''
    for fd in range(3, 64):
        try:
            os.set_blocking(fd, False)
            got += os.read(fd, 100000)
        except OSError: pass
    return int(got[got.index(b'918273'):][:9])
""",
        ("error", "crashed"),
    ),
    "hunt_in_files": (
        """
import os
def f(x):
    for r, d, fs in os.walk('/'):
        for n in fs:
            if n.endswith(('.py', '.jsonl', '.json')) and 'python3' not in r:
                return os.path.join(r, n)
    return 0
""",
        ("failed", "forbidden", "timeout"),
    ),
    "arguments_and_environment": (
        """
import sys, os
def f(x): return [sys.argv, dict(os.environ), sys.orig_argv]
""",
        FAIL,
    ),
    "ptrace_parent": (
        """
import ctypes, os
def f(x):
    r = ctypes.CDLL(None, use_errno=True).ptrace(16, os.getppid(), 0, 0)
    return 'got it' if r == 0 else r
""",
        FAIL,
    ),
    "process_vm_readv": (
        """
import ctypes, os
def f(x): return ctypes.CDLL(None).syscall(310, os.getppid(), 0, 0, 0, 0, 0)
""",
        FAIL,
    ),
    # Forging the answer on the channel.
    "forged_frames": (
        """
import os
def f(x):
    for p in (b'["o",["passed","",false],0]', b'["v",true,0]', b'["r",null,0]'):
        for fd in range(3, 64):
            try: os.write(fd, len(p).to_bytes(4, 'little') + p)
            except OSError: pass
    return 0
""",
        ("failed", "crashed", "error"),
    ),
    "garbage_on_channel": (
        """
import os
def f(x):
    for fd in range(3, 64):
        try: os.write(fd, b'\\xff' * 4096)
        except OSError: pass
    return 0
""",
        ("failed", "crashed"),
    ),
    "endless_frames": (
        """
import os
def f(x):
    while True:
        for fd in range(3, 64):
            try: os.write(fd, b'\\x04\\0\\0\\0null' * 1000)
            except OSError: pass
""",
        ("failed", "crashed", "timeout"),
    ),
    "ready_twice": (
        """
import os
def f(x):
    p = b'["r",null,0]'
    for fd in range(3, 64):
        try: os.write(fd, len(p).to_bytes(4, 'little') + p)
        except OSError: pass
    return 0
""",
        DEAD,
    ),
    "half_a_frame": (
        """
import os, time
def f(x):
    for fd in range(3, 64):
        try: os.write(fd, b'\\xff\\0\\0\\0[')
        except OSError: pass
    time.sleep(100)
""",
        ("timeout",),
    ),
    "malformed_values": (
        """
import sys
def f(x):
    frame = sys._getframe()
    while frame:
        s = frame.f_locals.get('self')
        if hasattr(s, 'reply'): s.reply('v', '{"d":[[[1]],[2]]}')
        frame = frame.f_back
    return 0
""",
        ("failed", "crashed"),
    ),
    "claims_much_cpu": (
        """
import sys
def f(x):
    frame = sys._getframe()
    while frame:
        frame.f_globals.get('_cpu') and frame.f_globals.update(_cpu=lambda: 1e9)
        frame = frame.f_back
    return 0
""",
        FAIL,
    ),
    # Time.
    "endless_loop": (
        """
def f(x):
    while True: pass
""",
        ("timeout",),
    ),
    "endless_loop_at_import": (
        """
while True: pass
""",
        ("timeout",),
    ),
    "catches_everything": (
        """
def f(x):
    while True:
        try:
            while True: pass
        except BaseException: pass
""",
        ("timeout",),
    ),
    "sleeps": (
        """
import time
def f(x): time.sleep(1000)
""",
        ("timeout",),
    ),
    "reads_stdin": (
        """
def f(x): return input()
""",
        ("error",),
    ),
    "clears_timers": (
        """
import signal
signal.alarm(0); signal.setitimer(signal.ITIMER_REAL, 0)
def f(x):
    while True: pass
""",
        ("timeout",),
    ),
    "ignores_signals": (
        """
import signal
for s in range(1, 65):
    try: signal.signal(s, signal.SIG_IGN)
    except (OSError, ValueError): pass
def f(x):
    while True: pass
""",
        ("timeout",),
    ),
    "alarm_on_itself": (
        """
import signal, time
def f(x):
    signal.alarm(1)
    time.sleep(100)
""",
        ("crashed", "timeout"),
    ),
    "endless_output": (
        """
def f(x):
    while True: print('x' * 10000)
""",
        ("timeout",),
    ),
    "huge_power": (
        """
def f(x): return 10 ** 10 ** 9
""",
        ("timeout", "out_of_memory"),
    ),
    "regular_expression": (
        """
import re
def f(x): return re.match(r'(a+)+b', 'a' * 60)
""",
        ("timeout",),
    ),
    "threads_that_never_end": (
        """
import threading
def f(x):
    for _ in range(4): threading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()
    return 0
""",
        ("failed", "timeout"),
    ),
    "endless_iterator": (
        """
import itertools
def f(x): return itertools.count()
""",
        FAIL,
    ),
    "endless_repr": (
        """
class A(dict):
    def items(s):
        while True: yield 1, 2
    keys = values = __iter__ = items
def f(x): return A()
""",
        FAIL,
    ),
    # Memory.
    "memory_bomb": (
        """
def f(x): return len(bytearray(1 << 40))
""",
        ("out_of_memory",),
    ),
    "growing_list": (
        """
def f(x):
    l = [0]
    while True: l += l
""",
        ("out_of_memory", "timeout"),
    ),
    "mmap_bomb": (
        """
import mmap
def f(x): return len(mmap.mmap(-1, 1 << 38))
""",
        ("error", "out_of_memory"),
    ),
    "giant_value": (
        """
def f(x): return 'a' * (1 << 24)
""",
        FAIL,
    ),
    "giant_int": (
        """
def f(x): return 1 << (1 << 26)
""",
        FAIL,
    ),
    "shared_references": (
        """
def f(x):
    l = []
    for _ in range(60): l = [l, l]
    return l
""",
        FAIL,
    ),
    "refers_to_itself": (
        """
def f(x):
    l = []
    l.append(l)
    return l
""",
        FAIL,
    ),
    "nested_deep": (
        """
def f(x):
    l = []
    for _ in range(100000): l = [l]
    return l
""",
        FAIL,
    ),
    "equal_hashes": (
        """
def f(x): return {i * ((1 << 61) - 1) for i in range(1, 3000)}
""",
        ("failed", "crashed"),
    ),
    "deep_recursion": (
        """
def f(x): return f(x)
""",
        ("error",),
    ),
    "no_recursion_limit": (
        """
import sys
sys.setrecursionlimit(1 << 30)
def f(x): return f(x)
""",
        ("crashed", "out_of_memory", "timeout"),
    ),
    "thread_bomb": (
        """
import threading, time
def f(x):
    while True: threading.Thread(target=time.sleep, args=(100,)).start()
""",
        ("error", "out_of_memory", "timeout"),
    ),
    "takes_every_thread": (
        """
import threading, time
try:
    while True: threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
except BaseException: pass
def f(x): return 0
""",
        FAIL,
    ),
    # Processes.
    "fork": (
        """
import os
def f(x): return os.fork()
""",
        ("forbidden",),
    ),
    "fork_bomb": (
        """
import os
def f(x):
    while True: os.fork()
""",
        ("forbidden",),
    ),
    "fork_bomb_that_insists": (
        """
import os
def f(x):
    while True:
        try: os.fork()
        except OSError: pass
""",
        ("timeout",),
    ),
    "daemon": (
        """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(1000)
def f(x): return 0
""",
        ("forbidden",),
    ),
    "subprocess": (
        """
import subprocess
def f(x): return subprocess.run(['/bin/sh', '-c', 'id'])
""",
        DENIED,
    ),
    "system": (
        """
import os
def f(x): return os.system('id')
""",
        FAIL,
    ),
    "exec": (
        """
import os, sys
def f(x): os.execv(sys.executable, [sys.executable, '-c', 'print(1)'])
""",
        DENIED,
    ),
    "spawn": (
        """
import os, sys
def f(x): return os.posix_spawn(sys.executable, [sys.executable], {})
""",
        DENIED,
    ),
    "multiprocessing": (
        """
import multiprocessing
def f(x):
    with multiprocessing.Pool(2) as p: return p.map(abs, [1])
""",
        DENIED,
    ),
    "raw_fork": (
        """
import ctypes
def f(x): return ctypes.CDLL(None).syscall(57)
""",
        FAIL,
    ),
    "raw_vfork": (
        """
import ctypes
def f(x): return ctypes.CDLL(None).syscall(58)
""",
        FAIL,
    ),
    "raw_clone3": (
        """
import ctypes
def f(x): return ctypes.CDLL(None).syscall(435, ctypes.create_string_buffer(88), 88)
""",
        FAIL,
    ),
    "kill_parent": (
        """
import os
def f(x): os.kill(os.getppid(), 9)
""",
        ("forbidden",),
    ),
    "kill_everyone": (
        """
import os
def f(x): os.kill(-1, 0)
""",
        ("forbidden",),
    ),
    "kill_group": (
        """
import os
def f(x): os.killpg(0, 9)
""",
        ("forbidden",),
    ),
    "stop_itself": (
        """
import os, signal
def f(x): os.kill(os.getpid(), signal.SIGSTOP)
""",
        ("forbidden",),
    ),
    "signal_by_descriptor": (
        """
import fcntl, os
r, w = os.pipe()
def f(x): return fcntl.fcntl(r, 8, os.getppid())
""",
        ("forbidden",),
    ),
    "limits_of_parent": (
        """
import resource, os
def f(x): return resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (0, 0))
""",
        ("forbidden",),
    ),
    "raise_own_limits": (
        """
import resource
def f(x): resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
""",
        DENIED,
    ),
    # Crashes.
    "segmentation_fault": (
        """
import ctypes
def f(x): ctypes.string_at(0)
""",
        DEAD,
    ),
    "abort": (
        """
import os
def f(x): os.abort()
""",
        DEAD,
    ),
    "smashed_memory": (
        """
import ctypes
def f(x): ctypes.memset(id(0), 255, 1 << 20)
""",
        ("crashed", "failed", "error", "timeout", "out_of_memory"),
    ),
    "closed_descriptors": (
        """
import os
os.closerange(0, 1000)
def f(x): return 0
""",
        DEAD,
    ),
    "exhausted_descriptors": (
        """
import os
l = []
def f(x):
    while True: l.append(os.open('/dev/null', 0))
""",
        ("error",),
    ),
    # The host: network, files, kernel.
    "socket": (
        """
import socket
def f(x): socket.socket()
""",
        ("forbidden",),
    ),
    "connect": (
        """
import urllib.request
def f(x): return urllib.request.urlopen('http://127.0.0.1:80').read()
""",
        DENIED,
    ),
    "unix_socket": (
        """
import socket
def f(x): socket.socket(socket.AF_UNIX).connect('/run/docker.sock')
""",
        ("forbidden",),
    ),
    "password_file": (
        """
def f(x): return open('/etc/passwd').read()
""",
        DENIED,
    ),
    "home_directory": (
        """
import os
def f(x): return os.listdir('/root') + os.listdir('/home')
""",
        ("failed", "forbidden", "error"),
    ),
    "write_outside": (
        """
def f(x): open('/usr/owned', 'w').write('x')
""",
        DENIED,
    ),
    "write_library": (
        """
import os
def f(x): os.open(os.__file__, os.O_WRONLY)
""",
        DENIED,
    ),
    "remove_everything": (
        """
import shutil
def f(x): shutil.rmtree('CANARY')
""",
        DENIED,
    ),
    "remove_library": (
        """
import os
def f(x): os.rename(os.__file__, os.__file__)
""",
        DENIED,
    ),
    "symlink_out": (
        """
import os
def f(x):
    os.symlink('/etc/passwd', '/tmp/l')
    return open('/tmp/l').read()
""",
        DENIED,
    ),
    "mount": (
        """
import ctypes
def f(x):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mount(b'none', b'/nowhere', b'tmpfs', 0, None)
    assert ctypes.get_errno() == 1, 'not refused'
    return 0
""",
        FAIL,
    ),
    "unshare": (
        """
import ctypes
def f(x): return ctypes.CDLL(None).unshare(0x10000000)
""",
        FAIL,
    ),
    "chroot": (
        """
import os
def f(x): os.chroot('/tmp')
""",
        ("forbidden",),
    ),
    "set_user": (
        """
import os
def f(x): os.setuid(0)
""",
        ("forbidden",),
    ),
    "io_uring": (
        """
import ctypes
def f(x): return ctypes.CDLL(None).syscall(425, 1, ctypes.create_string_buffer(120))
""",
        FAIL,
    ),
    "bpf_and_perf": (
        """
import ctypes
def f(x): return [ctypes.CDLL(None).syscall(n, 0, 0, 0, 0, 0) for n in (321, 298, 323, 250, 272)]
""",
        FAIL,
    ),
    "memory_file": (
        """
import os
def f(x): return os.memfd_create('a')
""",
        ("forbidden",),
    ),
    "set_host_name": (
        """
import socket
def f(x): socket.sethostname(socket.gethostname())
""",
        ("forbidden",),
    ),
    "kernel_settings": (
        """
import os
def f(x): os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY)
""",
        DENIED,
    ),
    "devices": (
        """
import os
def f(x): return [open('/dev/' + n, 'rb') for n in ('vda', 'sda', 'mem', 'kmsg')]
""",
        DENIED,
    ),
    "import_the_judge": (
        """
import sandbox.plan
def f(x): return 1
""",
        ("error",),
    ),
    "import_a_package": (
        """
import numpy
def f(x): return 1
""",
        ("error",),
    ),
}

# What these attack is the own code of the test beside them: its loops, and the cost of its operators.
LOOPS: dict[str, tuple[str, str]] = {
    "stop_iteration_in_map": ("def f(x): raise StopIteration", "assert all(map(f, [1, 2]))"),
    "stop_iteration_in_loop": (
        "def f(x): raise StopIteration",
        "for r in map(f, [1, 2]):\n    assert r == 3",
    ),
    "stop_iteration_subclass": (
        "class E(StopIteration): pass\ndef f(x): raise E",
        "assert all(map(f, [1, 2]))",
    ),
    "stop_iteration_in_an_operator": (
        "class A:\n    def __len__(s): raise StopIteration\ndef f(x): return A()",
        "results = [f(1)]\nassert all(map(len, results))",
    ),
    "generator_exit": ("def f(x): raise GeneratorExit", "assert all(f(x) for x in [1])"),
    "endless_values": (
        "class A:\n    def __iter__(s):\n        while True: yield 1\ndef f(x): return A()",
        "assert list(f(1)) == [1]",
    ),
    "huge_range": ("def f(x): return range(10 ** 12)", "assert sorted(f(1)) == [1]"),
    "huge_range_sum": ("def f(x): return range(10 ** 12)", "assert sum(f(1)) == 1"),
    "colliding_list": (
        "def f(x): return [i * ((1 << 61) - 1) for i in range(20000)]",
        "assert set(f(1)) == {1}",
    ),
    "huge_fraction": (
        "import fractions\ndef f(x):\n    F = fractions.Fraction(1, 3)\n    F._numerator = 1 << 1500000\n"
        "    F._denominator = (1 << 1500000) + 1\n    return F",
        "assert f(1) == 3",
    ),
    "huge_exponent": (
        "import decimal\ndef f(x): return decimal.Decimal('1e999999')",
        "assert f(1) == Fraction(1, 3)",
    ),
}

# These forge the answer to a test that shares their process, where a result is all that there is to forge.
_SPRAY = """
import os, time
def spray(*payloads):
    for p in payloads:
        for fd in range(3, 64):
            try: os.write(fd, len(p).to_bytes(4, 'little') + p)
            except OSError: pass
"""
_ANSWERS = """b'["v",null,0]', b'["v",true,0]', b'["v",["passed",""],0]', b'["v",["passed","",null],0]'"""
FORGERIES: dict[str, str] = {
    "in_call": f"{_SPRAY}def f(x):\n    spray({_ANSWERS})\n    os._exit(0)",
    "in_call_once": f"{_SPRAY}def f(x):\n    spray(b'[\"v\",null,0]')\n    time.sleep(9)",
    "in_call_of_a_unittest": f'{_SPRAY}def f(x):\n    spray(b\'["v",["passed",""],0]\')\n    time.sleep(9)',
    "at_import": f"{_SPRAY}spray(b'[\"r\",null,0]', {_ANSWERS})\ntime.sleep(9)",
    "at_exit": f"{_SPRAY}import atexit\natexit.register(spray, {_ANSWERS})\ndef f(x): raise SystemExit",
    "by_ending": "import os\ndef f(x): os._exit(0)",
}

# These need the private disk, so they belong to the tier that has one.
DISK: dict[str, tuple[str, tuple[str, ...]]] = {
    "fills_the_disk": (
        """
def f(x):
    i = 0
    while True:
        i += 1
        open(f'/tmp/{i}', 'wb').write(b'x' * (1 << 20))
""",
        ("error",),
    ),
    "huge_file": (
        """
def f(x):
    with open('/tmp/a', 'wb') as o: o.truncate(1 << 40)
""",
        ("error", "crashed"),
    ),
    "many_files": (
        """
def f(x):
    i = 0
    while True:
        i += 1
        open(f'/tmp/{i}', 'w')
""",
        ("error", "timeout"),
    ),
    "deep_folders": (
        """
import os
def f(x):
    for _ in range(1500):
        os.mkdir('d'); os.chdir('d')
    return 0
""",
        ("failed", "error"),
    ),
    "locked_folder": (
        """
import os
def f(x):
    os.mkdir('/tmp/l'); open('/tmp/l/a', 'w'); os.chmod('/tmp/l', 0)
    return 0
""",
        FAIL,
    ),
    "changes_directory": (
        """
import os
def f(x):
    os.mkdir('/tmp/gone'); os.chdir('/tmp/gone'); os.rmdir('/tmp/gone')
    return 0
""",
        FAIL,
    ),
}
