"""What a check of the doctor says, and how one is run."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from core.errors import VisionError
from core.phrases import Phrase


class CheckState(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"  # works, but somebody should look
    FAIL = "fail"
    SKIP = "skip"  # does not apply here, or was not tried


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    `title` goes through the translator. `code` is the diagnosis code of what failed, which
    core/diagnosis.py explains; `latency_s` is None where time says nothing. `facts` are further
    lines for whoever looks closer.
    """

    name: str
    title: str
    state: CheckState
    detail: Phrase
    code: str | None = None
    latency_s: float | None = None
    facts: tuple[Phrase, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What a step of a check found; a step that raises a VisionError need not say so."""

    detail: Phrase
    state: CheckState = CheckState.OK
    facts: tuple[Phrase, ...] = ()
    code: str | None = None


async def run_check(name: str, title: str, step: Callable[[], Awaitable[Finding]]) -> Check:
    """Run a step and time it; a VisionError makes the check a failed one."""
    started_s = time.monotonic()
    try:
        found = await step()
    except VisionError as error:
        return failed(name, title, error, time.monotonic() - started_s)
    latency_s = None if found.state is CheckState.SKIP else time.monotonic() - started_s
    return Check(name, title, found.state, found.detail, found.code, latency_s, found.facts)


def failed(name: str, title: str, error: VisionError, latency_s: float | None = None) -> Check:
    """Return the check that an error makes."""
    return Check(name, title, CheckState.FAIL, error.detail, error.code, latency_s)


def skipped(name: str, title: str, why: Phrase) -> Check:
    """Return a check that was not tried."""
    return Check(name, title, CheckState.SKIP, why)


def not_reached(name: str, title: str) -> Check:
    """Return a check behind one that failed."""
    return skipped(name, title, Phrase("Not tried, because a step before it failed."))
