"""What a suite asks and expects, and what came of it."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from core.phrases import Phrase
from core.types import AnswerSchema, Detail


@dataclass(frozen=True, slots=True)
class Contains:
    """Each text is in the answer; upper and lower case are the same."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matches:
    """The regular expression is found in the answer."""

    pattern: str


@dataclass(frozen=True, slots=True)
class FieldEquals:
    """The value at `path` of the structured answer."""

    path: str
    value: Any


@dataclass(frozen=True, slots=True)
class FieldWithin:
    """The number at `path` of the structured answer lies between two others, both included."""

    path: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class FitsSchema:
    """The answer is the JSON that was asked for."""


@dataclass(frozen=True, slots=True)
class FailsWith:
    """There is no answer, for the reason that the diagnosis code names."""

    code: str


@dataclass(frozen=True, slots=True)
class AnswersWithin:
    """The answer does not take longer."""

    seconds: float


@dataclass(frozen=True, slots=True)
class CostsAtMost:
    """The answer does not cost more."""

    usd: Decimal


Expectation = (
    Contains
    | Matches
    | FieldEquals
    | FieldWithin
    | FitsSchema
    | FailsWith
    | AnswersWithin
    | CostsAtMost
)


@dataclass(frozen=True, slots=True)
class Case:
    """One question about one picture, and what its answer has to be like.

    `image` is a path or an http(s) address. `prompt` is None where the task has its own; `detail`
    and `max_output_tokens` are None where the task decides.
    """

    id: str
    title: str
    image: str
    task: str
    expectations: tuple[Expectation, ...]
    prompt: str | None = None
    detail: Detail | None = None
    max_output_tokens: int | None = None
    schema: AnswerSchema | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases that belong together; runs of suites with the same name can be compared."""

    name: str
    cases: tuple[Case, ...]
    description: str = ""

    def asked_with(self, prompt: str | None = None, detail: Detail | None = None) -> "Suite":
        """Return it with another question or detail in every case; None leaves each its own."""
        cases = (
            replace(case, prompt=prompt or case.prompt, detail=detail or case.detail)
            for case in self.cases
        )
        return replace(self, cases=tuple(cases))


@dataclass(frozen=True, slots=True)
class SuiteFile:
    """A suite on disk; `is_builtin` says that it came with Tessera."""

    path: Path
    is_builtin: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """One expectation, met or not, in words."""

    is_met: bool
    said: Phrase


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of one case.

    `answer` is the text, also what a failure left; `code` is the diagnosis code of a failure.
    `cost_usd` is None where it is not known.
    """

    id: str
    title: str
    model: str
    task: str
    prompt: str
    detail: str
    verdicts: tuple[Verdict, ...]
    answer: str
    code: str | None
    cost_usd: Decimal | None
    latency_s: float

    @property
    def passed(self) -> bool:
        """Say whether every expectation is met."""
        return all(verdict.is_met for verdict in self.verdicts)


@dataclass(frozen=True, slots=True)
class QualityRun:
    """One suite put to one model; `finished_at` is None while it is under way."""

    id: str
    suite: str
    model: str
    total: int
    started_at: datetime
    finished_at: datetime | None = None
    results: tuple[CaseResult, ...] = ()

    @property
    def passed(self) -> int:
        """Return how many cases passed."""
        return sum(result.passed for result in self.results)

    @property
    def failed(self) -> int:
        """Return how many cases did not."""
        return len(self.results) - self.passed

    @property
    def cost_usd(self) -> Decimal | None:
        """Return what all cases cost; None as soon as one of them is not known."""
        costs = [result.cost_usd for result in self.results]
        known = [usd for usd in costs if usd is not None]
        return sum(known, Decimal(0)) if len(known) == len(costs) else None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A kept run without its answers."""

    id: str
    suite: str
    model: str
    started_at: datetime
    passed: int
    failed: int
    cost_usd: Decimal | None
