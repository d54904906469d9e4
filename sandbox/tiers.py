"""The isolation tiers by name, and whether this host allows one: found out by doing, in a throw-away jail."""

from __future__ import annotations

import os

from sandbox.jailed import confine, syscalls
from sandbox.records import SandboxError

TIERS = {"full": "full", "landlock": "landlock", "none-i-trust-the-programs": "none"}


def tier_of(isolation: str) -> str:
    """The tier for a name that a caller gave.

    Raises:
      SandboxError: there is no such name.
    """
    if isolation not in TIERS:
        raise SandboxError(f"isolation is {isolation!r}; choose one of {', '.join(TIERS)}")
    return TIERS[isolation]


def check_tier(tier: str) -> None:
    """Refuse early what this kernel cannot do at all; the rest shows when the jail starts."""
    machine = os.uname().machine
    if tier != "none" and machine not in syscalls.MACHINES:
        raise SandboxError(
            f"no system call table for {machine!r}; only {', '.join(syscalls.MACHINES)} are supported"
        )
    if tier == "landlock" and confine.landlock_abi() < 1:
        raise SandboxError(
            "isolation 'landlock' needs a kernel of 5.13 or newer with Landlock enabled (lsm=...,landlock)"
        )
