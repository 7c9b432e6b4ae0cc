"""How the batches of the simulated server go, and what they cost: the vocabulary of its tests."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from math import inf
from typing import Any

DAY_S = 86_400
STATES = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")


class Fate(Enum):
    """What becomes of one line."""

    ANSWERED = "answered"
    REFUSED = "refused"  # a 200 in which the model declines: billed
    CUT = "cut"  # a 200 that stops at the token limit: billed
    REJECTED = "rejected"  # a status of 400 in the error file: not billed
    BROKEN = "broken"  # a status of 500 in the error file: not billed
    TIMED_OUT = "timed_out"  # no response at all in the error file: not billed


PAID = {Fate.ANSWERED, Fate.REFUSED, Fate.CUT}


@dataclass(frozen=True)
class Plan:
    """How one batch goes. Lines are answered one after the other, evenly over `working_s`."""

    validating_s: float = 60
    working_s: float = 600
    finalizing_s: float = 60
    cancelling_s: float = 300
    problems: tuple[dict[str, Any], ...] = ()
    fate: Callable[[int], Fate] = lambda number: Fate.ANSWERED
    is_backwards: bool = False


def problem(code: str, line: int | None = None, message: str = "fault") -> dict[str, Any]:
    return {"code": code, "message": message, "param": None, "line": line}


def token_limit(limit: int = 90_000) -> dict[str, Any]:
    said = f"Enqueued token limit reached for gpt-4o in organization o. Limit: {limit:,} enqueued"
    return problem("token_limit_exceeded", message=f"{said} tokens. Please try again later.")


FINE = Plan()
TOKEN_LIMIT = Plan(problems=(token_limit(),))
INVALID = Plan(problems=(problem("invalid_json_line", 2), problem("duplicate_custom_id", 3)))
REFUSED = Plan(problems=(problem("too_many_tasks"),))
ALL_REJECTED = Plan(fate=lambda number: Fate.REJECTED)
EXPIRES_HALFWAY = Plan(validating_s=0, working_s=2 * DAY_S)
BACKWARDS = Plan(is_backwards=True)
SLOW_FINALIZING = Plan(finalizing_s=6 * 3600)
STUCK = Plan(working_s=inf)


def mixed(*fates: Fate) -> Plan:
    """Return a plan that gives the lines these fates in turn."""
    return Plan(fate=lambda number: fates[number % len(fates)])


@dataclass(frozen=True)
class Price:
    """USD for a million tokens."""

    input_usd: Decimal
    output_usd: Decimal

    def of(self, input_tokens: int, output_tokens: int) -> Decimal:
        return (self.input_usd * input_tokens + self.output_usd * output_tokens) / 1_000_000


BATCH_PRICES = {"gpt-4o": Price(Decimal("1.25"), Decimal(5))}
REALTIME_PRICES = {"gpt-4o": Price(Decimal("2.50"), Decimal(10))}


@dataclass(frozen=True)
class Paid:
    """One line or call on the bill; `picture` is the SHA-256 of its base64 text."""

    lane: str
    custom_id: str | None
    picture: str
    model: str
    input_tokens: int
    output_tokens: int
    usd: Decimal


@dataclass
class File:
    id: str
    name: str
    purpose: str
    content: bytes
    created_at: int
    expires_at: int

    @property
    def shape(self) -> dict[str, Any]:
        shape = {"object": "file", "id": self.id, "filename": self.name, "status": "processed"}
        times = {"created_at": self.created_at, "expires_at": self.expires_at}
        return shape | times | {"purpose": self.purpose, "bytes": len(self.content)}


@dataclass
class Job:
    """One batch: its plan, and what has come of it so far."""

    id: str
    plan: Plan
    order: dict[str, Any]
    requests: list[dict[str, Any]]
    problems: tuple[dict[str, Any], ...]
    created_at: float
    status: str = "validating"
    since: dict[str, float] = field(default_factory=dict)
    output: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, str | None] = field(default_factory=dict)
    done: int = 0

    @property
    def is_final(self) -> bool:
        return self.status in {"failed", "completed", "expired", "cancelled"}

    @property
    def expires_at(self) -> float:
        return self.created_at + DAY_S

    def move(self, status: str, at_s: float) -> None:
        self.status = status
        self.since[status] = at_s

    @property
    def shape(self) -> dict[str, Any]:
        at = {f"{name}_at": self.since.get(name) for name in STATES}
        failed = sum(1 for row in self.errors if row["response"])
        errors = {"object": "list", "data": list(self.problems)}
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.order["endpoint"],
            "completion_window": self.order["completion_window"],
            "input_file_id": self.order["input_file_id"],
            "metadata": self.order.get("metadata"),
            "status": self.status,
            "errors": errors if self.status == "failed" else None,
            "output_file_id": self.files.get("output"),
            "error_file_id": self.files.get("error"),
            "created_at": int(self.created_at),
            "expires_at": int(self.expires_at),
            **{name: None if at_s is None else int(at_s) for name, at_s in at.items()},
            "request_counts": {
                "total": len(self.requests),
                "completed": len(self.output),
                "failed": failed,
            },
            "usage": self._usage(),
        }

    def _usage(self) -> dict[str, Any]:
        used = [row["response"]["body"]["usage"] for row in self.output]
        sent, came = (
            sum(use[name] for use in used) for name in ("prompt_tokens", "completion_tokens")
        )
        return {
            "input_tokens": sent,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": came,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": sent + came,
        }
