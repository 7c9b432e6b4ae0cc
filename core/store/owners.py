"""Which process a row belongs to, and whether that process still lives."""

import os
import socket
from pathlib import Path


def this_process() -> str:
    """Return a name of this process that no later process will have."""
    pid = os.getpid()
    return f"{socket.gethostname()}/{pid}/{_start_ticks(pid)}"


def job_owner(job_id: str) -> str:
    """Return the name under which a job of the Batch API owns items and money.

    It is no process, so it is never dead: the vendor works on it whether or not Tessera runs.
    """
    return f"job/{job_id}"


def is_dead(owner: str) -> bool:
    """Say whether the process of that name is known to have ended.

    Of another machine or container nothing is known, and a job is no process.
    """
    host, _, rest = owner.rpartition("/")[0].rpartition("/")
    ticks = owner.rpartition("/")[2]
    if host != socket.gethostname() or not rest.isdecimal():
        return False
    return not _exists(int(rest)) or _start_ticks(int(rest)) != ticks


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True


def _start_ticks(pid: int) -> str:
    """Return when a process began, in kernel ticks: process numbers are used again.

    Empty where the kernel does not say (no /proc).
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]  # the name in brackets may hold spaces
