"""Whose a run is: a name for a process that no other process has, before or after it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import psutil

_ON = " on "


def this_process() -> str:
    """Return what tells this process from all others, before and after it, and its machine."""
    return f"{_identity(os.getpid())}{_ON}{platform.node()}"


def lives(owner: str) -> bool:
    """Say whether the process that `this_process` named still runs on this machine."""
    identity = owner.partition(_ON)[0]
    number = identity.partition(" ")[0]
    return number.isdecimal() and _identity(int(number)) == identity


def elsewhere(owner: str) -> str:
    """Return the machine of a process that is not this one's; empty if it is, or nobody knows."""
    machine = owner.partition(_ON)[2]
    return "" if machine == platform.node() else machine


def _identity(pid: int) -> str:
    """Return a process's number and start; empty if there is none.

    The start is counted in ticks since the machine's where the system tells, because a start by
    the clock moves when the clock is set.
    """
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        # The second word is the program's name, which may hold anything, in brackets.
        state, *rest = words.rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return "" if state == "Z" else f"{pid} {rest[18]} {boot}"
    except (OSError, ValueError, IndexError):
        pass
    try:
        return f"{pid} {psutil.Process(pid).create_time():.0f}"
    except psutil.Error:
        return ""
