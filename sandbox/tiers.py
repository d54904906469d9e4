"""The isolation tiers by name, whether the kernel has what one needs, and what to enable when a jail does
not start.
"""

from __future__ import annotations

import os
from pathlib import Path

from sandbox.jailed import confine, syscalls
from sandbox.records import SandboxError

TIERS = {"full": "full", "landlock": "landlock", "none-i-trust-the-programs": "none"}

_NAMESPACES = (
    "isolation 'full' needs user namespaces, which this host refuses ({reason}). Enable them: {advice}. "
    "Or name a weaker tier, isolation='landlock'; `python -m sandbox doctor` shows what works"
)


def tier_of(isolation: str) -> str:
    """The tier for a name that a caller gave.

    Raises:
      SandboxError: there is no such name.
    """
    if isolation not in TIERS:
        raise SandboxError(f"isolation is {isolation!r}; choose one of {', '.join(TIERS)}")
    return TIERS[isolation]


def check_tier(tier: str) -> None:
    """Refuse early what this kernel cannot do at all; the rest shows when the jail starts.

    Raises:
      SandboxError: the text says what to enable.
    """
    machine = os.uname().machine
    if tier != "none" and machine not in syscalls.MACHINES:
        known = ", ".join(syscalls.MACHINES)
        raise SandboxError(f"no system call table for {machine!r}; only {known} are supported")
    if tier == "landlock" and confine.landlock_abi() < 1:
        raise SandboxError(
            "isolation 'landlock' needs Landlock: Linux 5.13 or newer with `landlock` in its lsm= list, and "
            "a container runtime whose seccomp profile allows the landlock_* calls"
        )


def _setting(path: str) -> str:
    try:
        return Path("/proc/sys", path).read_text().strip()
    except OSError:
        return ""


def explain(tier: str, reason: str) -> SandboxError:
    """The error for a jail that did not start, with what to change."""
    if tier != "full":
        return SandboxError(f"isolation {tier!r} does not start here: {reason}")
    advice = []
    if _setting("kernel/unprivileged_userns_clone") == "0":
        advice.append("sysctl kernel.unprivileged_userns_clone=1")
    if _setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        advice.append("sysctl kernel.apparmor_restrict_unprivileged_userns=0")
    if _setting("user/max_user_namespaces") == "0":
        advice.append("sysctl user.max_user_namespaces=10000")
    if not advice:
        advice.append(
            "in Docker, start the container with --security-opt seccomp=unconfined "
            "--security-opt apparmor=unconfined (as root also --cap-add SYS_ADMIN); "
            "in Kubernetes, use seccompProfile Unconfined"
        )
    return SandboxError(_NAMESPACES.format(reason=reason, advice=" and ".join(advice)))
