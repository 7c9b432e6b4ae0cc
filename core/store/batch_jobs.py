"""Jobs of the Batch API on disk, and the items that they hold.

An item of a job is running and belongs to the job, not to a process: it stays the job's however
often Tessera is restarted, until the vendor has said what became of it. A job is handled by one
living process, its keeper.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from statistics import median
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    RowMapping,
    String,
    Table,
    Text,
    bindparam,
    insert,
    select,
    text,
    update,
)

from core.batch.types import BatchId, BatchItem, BatchState, JobLane, JobStatus
from core.phrases import Phrase
from core.store.batch_rows import (
    batches,
    item_from_row,
    items,
    metadata,
    moment,
    phrase_codec,
    phrase_text,
    question_from_row,
)
from core.store.calls import from_nano, reservations
from core.store.owners import is_dead, job_owner, this_process
from core.store.transactions import reading

_LIMIT_KNOWN_S: Final = 7 * 86_400.0
"""How long a limit that a vendor named is believed: accounts rise to higher ones."""


class JobStep(StrEnum):
    """What was done last for a job; each step is written down before the next begins."""

    FILLING = "filling"  # its file is being written; nobody but this process knows of it
    FILLED = "filled"
    UPLOADED = "uploaded"
    CREATING = "creating"  # the vendor may or may not know of it
    SUBMITTED = "submitted"
    OVERDUE = "overdue"  # the vendor does not end it; its items went on without it
    ENDED = "ended"  # by the vendor; its lines are being read
    SETTLED = "settled"  # its files are still to be deleted
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands. Times are seconds since 1970; money is nano-USD.

    `tokens` are the input tokens that wait in the vendor's queue for it. `tried_at_s` is when
    creating it was last begun. `limit_tokens` is the queue's limit, where the vendor named it.
    """

    id: str
    batch: BatchId
    model: str
    origin: str
    step: JobStep
    created_at_s: float
    requests: int = 0
    tokens: int = 0
    size_bytes: int = 0
    completed: int = 0
    failed: int = 0
    input_file: str | None = None
    vendor_id: str | None = None
    vendor_state: str | None = None
    output_file: str | None = None
    error_file: str | None = None
    tried_at_s: float | None = None
    submitted_at_s: float | None = None
    expires_at_s: float | None = None
    cancel_asked_at_s: float | None = None
    ended_at_s: float | None = None
    saved_nano_usd: int = 0
    limit_tokens: int | None = None
    reason_code: str | None = None
    reason: Phrase | None = None

    @property
    def is_open(self) -> bool:
        """Say whether its items wait for it."""
        return self.step not in {JobStep.OVERDUE, JobStep.SETTLED, JobStep.DONE}


jobs = Table(
    "jobs",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("batch", String, nullable=False),
    Column("model", String, nullable=False),
    Column("origin", String, nullable=False),
    Column("step", String, nullable=False),
    Column("keeper", String),
    Column("requests", Integer, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("completed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("input_file", String),
    Column("vendor_id", String),
    Column("vendor_state", String),
    Column("output_file", String),
    Column("error_file", String),
    Column("created_at_s", Float, nullable=False),
    Column("tried_at_s", Float),
    Column("submitted_at_s", Float),
    Column("expires_at_s", Float),
    Column("cancel_asked_at_s", Float),
    Column("ended_at_s", Float),
    Column("saved_nano_usd", Integer, nullable=False),
    Column("limit_tokens", Integer),
    Column("reason_code", String),
    Column("reason", Text),
)

_TYPICAL_OF: Final = 20
_COLUMNS: Final = tuple(field.name for field in fields(Job))
_INSERT: Final = insert(jobs)
# One statement decides where an item goes on: it is never in two lanes.
_PUT_BACK: Final = """
    UPDATE items SET owner = NULL, sent = NULL, deliveries = deliveries - :undone, lane = :lane,
        state = (SELECT CASE batches.state WHEN 'cancelled' THEN 'cancelled' ELSE 'queued' END
                 FROM batches WHERE batches.id = items.batch)
    WHERE owner = :owner AND owner GLOB 'job/*' AND state = 'running'
"""
_PUT_ALL_BACK: Final = text(_PUT_BACK)
_PUT_ONE_BACK: Final = text(f"{_PUT_BACK} AND id = :item")
_MOVE: Final = text("""
    UPDATE items SET lane = 'realtime' WHERE seq IN (
        SELECT seq FROM items
        WHERE batch = :batch AND lane = 'batch' AND state = 'queued' AND twin_of IS NULL
        ORDER BY deliveries, rank LIMIT :most)
""")
_WAITING: Final = text("""
    SELECT count(*) FROM items
    WHERE batch = :batch AND lane = :lane AND state = 'queued' AND twin_of IS NULL
""")
_HELD: Final = text("""
    SELECT count(*) FROM items WHERE owner = :owner AND owner GLOB 'job/*' AND state = 'running'
""")
_IN_HAND: Final = text("""
    SELECT count(*) FROM items
    WHERE batch = :batch AND state = 'running' AND owner NOT GLOB 'job/*'
""")
_SEND: Final = update(items).where(items.c.id == bindparam("of")).values(sent=bindparam("as_sent"))
_ENQUEUED: Final = text("""
    SELECT coalesce(sum(tokens), 0) FROM jobs
    WHERE origin = :origin AND model = :model AND step IN ('creating', 'submitted', 'overdue')
""")


@dataclass(frozen=True, slots=True)
class HeldItem:
    """An item that a job holds; `sent` is its picture as it was sent, as JSON."""

    item: BatchItem
    sent: str | None


class SqlJobStore:
    """Jobs in the database of the data directory; every method may raise StorageError."""

    def __init__(self, database: Engine) -> None:
        self.database = database
        self._keeper = this_process()

    # Jobs

    def add(self, connection: Connection, job: Job) -> None:
        """Write down a job that this process keeps."""
        connection.execute(_INSERT, _row(job) | {"keeper": self._keeper})

    def save(self, connection: Connection, job: Job) -> None:
        """Write down how far a job is."""
        values = _row(job)
        del values["saved_nano_usd"]  # kept by `add_saved`
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(values))

    def add_saved(self, connection: Connection, job: Job, nano_usd: int) -> None:
        """Count what a line would have cost more at once."""
        change = update(jobs).where(jobs.c.id == job.id)
        connection.execute(change.values(saved_nano_usd=jobs.c.saved_nano_usd + nano_usd))

    def ask_to_cancel(self, connection: Connection, job: Job, now_s: float) -> None:
        """Remember that the vendor is to end a job."""
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(cancel_asked_at_s=now_s))

    def forget(self, connection: Connection, job: Job) -> None:
        """Delete a job that nobody but this process ever knew of."""
        connection.execute(jobs.delete().where(jobs.c.id == job.id))

    def keep(self, connection: Connection, batch_id: BatchId) -> list[Job]:
        """Take the unfinished jobs of a batch that no other living process keeps, oldest first."""
        query = select(jobs).where(jobs.c.batch == batch_id, jobs.c.step != JobStep.DONE.value)
        rows = connection.execute(query.order_by(jobs.c.seq)).mappings().all()
        mine = [
            row
            for row in rows
            if row["keeper"] in (None, self._keeper) or is_dead(str(row["keeper"]))
        ]
        taken = [row["id"] for row in mine]
        connection.execute(update(jobs).where(jobs.c.id.in_(taken)).values(keeper=self._keeper))
        return [_job(row) for row in mine]

    def let_go(self, connection: Connection) -> None:
        """Keep no job any longer."""
        connection.execute(update(jobs).where(jobs.c.keeper == self._keeper).values(keeper=None))

    def enqueued_tokens(self, connection: Connection, origin: str, model: str) -> int:
        """Return the input tokens of all jobs that the vendor has not ended."""
        return int(connection.scalar(_ENQUEUED, {"origin": origin, "model": model}) or 0)

    def token_limit(
        self, connection: Connection, origin: str, model: str, now_s: float
    ) -> int | None:
        """Return the limit on enqueued tokens that the vendor named last, if it did of late."""
        query = select(jobs.c.limit_tokens).where(
            jobs.c.origin == origin,
            jobs.c.model == model,
            jobs.c.limit_tokens.is_not(None),
            jobs.c.created_at_s > now_s - _LIMIT_KNOWN_S,
        )
        found: int | None = connection.scalar(query.order_by(jobs.c.seq.desc()).limit(1))
        return found

    # Their items

    def note_sent(self, connection: Connection, item_id: str, sent: str) -> None:
        """Remember how an item's picture was sent, to judge the answer by."""
        connection.execute(_SEND, {"of": item_id, "as_sent": sent})

    def held(self, connection: Connection, job: Job, item_ids: Iterable[str]) -> list[HeldItem]:
        """Return those of the items that the job still holds."""
        usual = question_from_row(
            connection.execute(select(batches).where(batches.c.id == job.batch)).mappings().one()
        )
        query = select(items).where(
            items.c.id.in_(list(item_ids)), items.c.owner == job_owner(job.id)
        )
        rows = connection.execute(query).mappings().all()
        return [HeldItem(item_from_row(row, usual), row["sent"]) for row in rows]

    def holds(self, connection: Connection, job: Job, item_id: str) -> bool:
        """Say whether an item is still the job's."""
        query = select(items.c.seq).where(items.c.id == item_id, items.c.owner == job_owner(job.id))
        return connection.scalar(query) is not None

    def all_held(self, connection: Connection, job: Job) -> list[str]:
        """Return the ids of the items that the job still holds."""
        query = select(items.c.id).where(
            items.c.owner == job_owner(job.id), text("items.owner GLOB 'job/*'")
        )
        return list(connection.scalars(query))

    def money(self, connection: Connection, job: Job) -> list[str]:
        """Return the ids of the reservations that are the job's."""
        is_its = reservations.c.owner == job_owner(job.id)
        return list(connection.scalars(select(reservations.c.id).where(is_its)))

    def put_back(
        self,
        connection: Connection,
        job: Job,
        item_id: str | None,
        lane: JobLane,
        *,
        was_tried: bool,
    ) -> None:
        """Queue an item, or with None all of a job; what was not tried was not handed out."""
        values = {"owner": job_owner(job.id), "lane": lane.value, "undone": int(not was_tried)}
        if item_id is None:
            connection.execute(_PUT_ALL_BACK, values)
        else:
            connection.execute(_PUT_ONE_BACK, values | {"item": item_id})

    def move_to_realtime(self, connection: Connection, batch_id: BatchId, most: int) -> int:
        """Let up to `most` items that wait for the batch lane go the other way; the first first."""
        return connection.execute(_MOVE, {"batch": batch_id, "most": most}).rowcount

    def set_priority(self, connection: Connection, batch_id: BatchId, priority: int) -> None:
        """Make a batch more or less urgent than others."""
        change = update(batches).where(batches.c.id == batch_id)
        connection.execute(change.values(priority=priority))

    # Looking

    def waiting(self, connection: Connection, batch_id: BatchId, lane: JobLane) -> int:
        """Return how many items are queued in a lane."""
        return int(connection.scalar(_WAITING, {"batch": batch_id, "lane": lane.value}) or 0)

    def count_held(self, connection: Connection, job: Job) -> int:
        """Return how many items the job still holds."""
        return int(connection.scalar(_HELD, {"owner": job_owner(job.id)}) or 0)

    def in_hand(self, connection: Connection, batch_id: BatchId) -> int:
        """Return how many items processes are working on at once."""
        return int(connection.scalar(_IN_HAND, {"batch": batch_id}) or 0)

    def batches_to_see_to(self) -> list[BatchId]:
        """Return the batches with an unfinished job, oldest job first."""
        query = select(jobs.c.batch).where(jobs.c.step != JobStep.DONE.value).order_by(jobs.c.seq)
        with reading(self.database) as connection:
            return list(dict.fromkeys(connection.scalars(query)))

    def typical_s(self, origin: str) -> float | None:
        """Return how long jobs at an endpoint have taken of late: their median, in seconds."""
        took = (jobs.c.ended_at_s - jobs.c.submitted_at_s).label("took")
        done = (jobs.c.origin == origin, jobs.c.vendor_state == "completed")
        query = select(took).where(*done, took.is_not(None)).order_by(jobs.c.seq.desc())
        with reading(self.database) as connection:
            found = list(connection.scalars(query.limit(_TYPICAL_OF)))
        return median(found) if found else None

    def statuses(self, batch_id: BatchId) -> list[JobStatus]:
        """Return the jobs of a batch, oldest first."""
        query = select(jobs).where(jobs.c.batch == batch_id).order_by(jobs.c.seq)
        with reading(self.database) as connection:
            return [_status(_job(row)) for row in connection.execute(query).mappings()]

    def terms(self, connection: Connection, batch_id: BatchId) -> "BatchTerms":
        """Return what a batch says about its lanes."""
        row = connection.execute(select(batches).where(batches.c.id == batch_id)).mappings().one()
        return BatchTerms(
            BatchState(row["state"]),
            JobLane(row["lane"]),
            row["ready_by_s"],
            is_driven=row["driver"] == self._keeper,
        )


@dataclass(frozen=True, slots=True)
class BatchTerms:
    """What a batch says about its lanes; `ready_by_s` is in seconds since 1970."""

    state: BatchState
    lane: JobLane
    ready_by_s: float | None
    is_driven: bool


def _row(job: Job) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(job, name) for name in _COLUMNS}
    reason = phrase_text(job.reason) if job.reason else None
    return values | {"step": job.step.value, "reason": reason}


def _job(row: RowMapping) -> Job:
    values = {name: row[name] for name in _COLUMNS}
    reason = phrase_codec.validate_json(row["reason"]) if row["reason"] else None
    return Job(**values | {"step": JobStep(row["step"]), "reason": reason})


def _status(job: Job) -> JobStatus:
    return JobStatus(
        id=job.id,
        batch_id=job.batch,
        model=job.model,
        is_open=job.is_open,
        requests=job.requests,
        completed=job.completed,
        failed=job.failed,
        created_at=datetime.fromtimestamp(job.created_at_s, UTC),
        vendor_id=job.vendor_id,
        vendor_state=job.vendor_state,
        input_file_id=job.input_file,
        output_file_id=job.output_file,
        error_file_id=job.error_file,
        submitted_at=moment(job.submitted_at_s),
        expires_at=moment(job.expires_at_s),
        ended_at=moment(job.ended_at_s),
        is_cancelling=job.cancel_asked_at_s is not None and job.ended_at_s is None,
        saved_usd=from_nano(job.saved_nano_usd) or Decimal(0),
        reason=job.reason,
    )
