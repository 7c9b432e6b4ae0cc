"""The vocabulary of batches; no work is done here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from core.export import Estimate
from core.phrases import Phrase
from core.quote import UsdRange
from core.runs import NO_ESTIMATE, Question
from core.types import ImageSource, Outcome

BatchId = str
"""32 hex digits of chance: who does not know it cannot find the batch."""

PRIORITIES = range(1, 6)
"""1 can wait, 5 is urgent."""
USUAL_PRIORITY = 3
MOST_DELIVERIES = 5
"""How often an item is handed out again when its process dies, before it is given up."""


class BatchState(StrEnum):
    """How far a batch is; SUCCEEDED means every item did."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Say whether nothing more happens unless somebody asks for it."""
        return self in {BatchState.SUCCEEDED, BatchState.FAILED, BatchState.CANCELLED}


class ItemState(StrEnum):
    """How far one item is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobLane(StrEnum):
    """How a batch is to be served; AUTO uses the batch lane as long as the time allows."""

    REALTIME = "realtime"
    BATCH = "batch"
    AUTO = "auto"


def first_lane(chosen: JobLane, priority: int) -> JobLane:
    """Return the lane that a new item waits for: on AUTO, what is urgent does not wait."""
    if chosen is JobLane.AUTO:
        return JobLane.REALTIME if priority == PRIORITIES[-1] else JobLane.BATCH
    return chosen


class ExportFormat(StrEnum):
    """A kind of file to take the results away in."""

    CSV = "csv"
    JSONL = "jsonl"
    XLSX = "xlsx"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch as it is begun."""

    id: BatchId
    name: str
    question: Question
    lane: JobLane
    budget_usd: Decimal | None
    max_items: int | None
    priority: int
    rerun_of: BatchId | None = None
    ready_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item as it was taken in.

    `layer_tokens` is the length of a PDF page's own text, which is sent beside its picture.
    `label` is the id that a manifest gave it. `question` is set where it differs from the batch's.
    `rank` orders the work, lowest first. An `outcome` says that it failed before it began.
    """

    position: int
    name: str
    digest: str = ""
    page: int | None = None
    size_bytes: int = 0
    width_px: int = 0
    height_px: int = 0
    layer_tokens: int = 0
    label: str | None = None
    priority: int = USUAL_PRIORITY
    rank: int = 0
    question: Question | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class BatchItem:
    """An item as it stands. `deliveries` counts how often a process took it up.

    `estimate` is what its last call was expected to cost; it is read with all items of a batch.
    """

    id: str
    batch_id: BatchId
    position: int
    name: str
    state: ItemState
    digest: str
    page: int | None
    width_px: int
    height_px: int
    label: str | None
    priority: int
    question: Question
    deliveries: int
    outcome: Outcome | None = None
    code: str | None = None
    cached: bool = False
    layer_tokens: int = 0
    estimate: Estimate = NO_ESTIMATE

    @property
    def source(self) -> ImageSource:
        """Return the picture without its bytes, which are read when it is decoded."""
        return ImageSource(self.name, b"", self.page, self.digest)


@dataclass(frozen=True, slots=True)
class WaitingPicture:
    """A picture that is still to be asked about, as its price needs it.

    Those of one reading that are asked the same have the same object as their `question`.
    """

    question: Question
    digest: str
    page: int | None
    width_px: int
    height_px: int
    layer_tokens: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that was found on the way in and is no item, and why."""

    name: str
    why: Phrase


@dataclass(frozen=True, slots=True)
class LimitUse:
    """How much of a limit per minute the last minute used; a `limit` of None is not known."""

    used: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """A batch in numbers. None is unknown, never zero.

    `rate_per_minute` is that of the last half minute. `projected_*` say how it will have ended if
    it goes on like this. `reason_code` and `reason` say why it is paused or cancelled.
    `saved_batch_usd` is what the answers of the batch lane would have cost more at once. `held`
    counts those of the answers that wait for a person to look at them, `held_codes` by reason.
    """

    id: BatchId
    name: str
    state: BatchState
    lane: JobLane
    total: int
    queued: int
    running: int
    succeeded: int
    failed: int
    cancelled: int
    cached: int
    left_out: int
    cost_usd: Decimal
    reserved_usd: Decimal
    budget_usd: Decimal | None
    max_items: int | None
    priority: int
    is_intake_complete: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    failures: Mapping[str, int] = field(default_factory=dict)
    reason_code: str | None = None
    reason: Phrase | None = None
    rate_per_minute: float | None = None
    projected_usd: Decimal | None = None
    projected_end: datetime | None = None
    requests_use: LimitUse | None = None
    tokens_use: LimitUse | None = None
    rerun_of: BatchId | None = None
    ready_by: datetime | None = None
    saved_batch_usd: Decimal = Decimal(0)
    held: int = 0
    held_codes: Mapping[str, int] = field(default_factory=dict)

    @property
    def done(self) -> int:
        """Return how many items have an outcome; what was cancelled has none."""
        return self.succeeded + self.failed

    @property
    def fraction(self) -> float:
        """Return the part that is done, 0 to 1."""
        return self.done / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job of the vendor's Batch API, as it was last seen.

    The names of files and `vendor_id` are the vendor's; `vendor_state` is the vendor's own word,
    None before the job is created there. `is_open` says that something is still to be done with
    it; `reason` says why it waits or what went wrong.
    """

    id: str
    batch_id: BatchId
    model: str
    is_open: bool
    requests: int
    completed: int
    failed: int
    created_at: datetime
    vendor_id: str | None = None
    vendor_state: str | None = None
    input_file_id: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    submitted_at: datetime | None = None
    expires_at: datetime | None = None
    ended_at: datetime | None = None
    is_cancelling: bool = False
    saved_usd: Decimal = Decimal(0)
    reason: Phrase | None = None


@dataclass(frozen=True, slots=True)
class LaneQuote:
    """What a lane will cost and when everything will be answered; None is not known.

    `refusal` says why the lane cannot be chosen.
    """

    usd: UsdRange | None
    ready_at: datetime | None
    refusal: Phrase | None = None


@dataclass(frozen=True, slots=True)
class LaneQuotes:
    """A batch's waiting items priced on each lane."""

    realtime: LaneQuote
    batch: LaneQuote
    auto: LaneQuote

    def of(self, lane: JobLane) -> LaneQuote:
        """Return the quote of one lane."""
        return {
            JobLane.REALTIME: self.realtime,
            JobLane.BATCH: self.batch,
            JobLane.AUTO: self.auto,
        }[lane]
