"""What changed between two runs of a suite. Pure."""

from dataclasses import dataclass
from difflib import unified_diff
from enum import StrEnum

from core.quality.types import CaseResult, QualityRun

_SETTINGS = ("model", "task", "prompt", "detail")
_LINES_COMPARED = 400
_LINES_SHOWN = 80


class Change(StrEnum):
    """How a case did before and how it does now."""

    BROKEN = "broken"  # passed before, fails now
    FIXED = "fixed"
    STILL_FAILS = "still_fails"
    STILL_PASSES = "still_passes"
    ADDED = "added"  # only in the later run
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class CaseChange:
    """One case in both runs.

    `settings` names what was asked differently: model, task, prompt, detail. `answer_diff` are
    lines that begin with +, - or a space; empty where the answers are the same.
    """

    id: str
    title: str
    change: Change
    before: CaseResult | None
    after: CaseResult | None
    settings: tuple[str, ...] = ()
    answer_diff: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs side by side, the cases in the order of the later one."""

    before: QualityRun
    after: QualityRun
    cases: tuple[CaseChange, ...]

    def count(self, change: Change) -> int:
        """Return how many cases changed in this way."""
        return sum(case.change is change for case in self.cases)


def compare(before: QualityRun, after: QualityRun) -> Comparison:
    """Return what changed from one run to another."""
    old = {result.id: result for result in before.results}
    new = {result.id: result for result in after.results}
    ids = [*new, *(each for each in old if each not in new)]
    return Comparison(before, after, tuple(_compare(old.get(id_), new.get(id_)) for id_ in ids))


def _compare(before: CaseResult | None, after: CaseResult | None) -> CaseChange:
    if after is None:
        assert before is not None  # noqa: S101 - an id comes from one of them
        return CaseChange(before.id, before.title, Change.REMOVED, before, None)
    if before is None:
        return CaseChange(after.id, after.title, Change.ADDED, None, after)
    return CaseChange(
        after.id,
        after.title,
        _change(before.passed, after.passed),
        before,
        after,
        tuple(name for name in _SETTINGS if getattr(before, name) != getattr(after, name)),
        _diff(before.answer, after.answer),
    )


def _change(passed_before: bool, passes: bool) -> Change:
    if passed_before == passes:
        return Change.STILL_PASSES if passes else Change.STILL_FAILS
    return Change.FIXED if passes else Change.BROKEN


def _diff(before: str, after: str) -> tuple[str, ...]:
    old, new = before.splitlines()[:_LINES_COMPARED], after.splitlines()[:_LINES_COMPARED]
    lines = list(unified_diff(old, new, lineterm="", n=1))[2:]  # without the names of two files
    return tuple(line for line in lines if not line.startswith("@@"))[:_LINES_SHOWN]
