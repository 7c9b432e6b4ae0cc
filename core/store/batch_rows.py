"""The tables of batches, and how their rows become what the rest of Tessera knows.

The database counts items by state itself (triggers in migrations/versions), and every row carries
a SHA-256 over what it means: a row that a disk fault has changed is never taken for an answer.
"""

import json
import secrets
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Boolean, Column, Float, Integer, MetaData, RowMapping, String, Table, Text

from core.batch.types import BatchId, BatchItem, ItemState, JobLane, NewItem
from core.errors import StorageError
from core.phrases import Phrase
from core.runs import Question
from core.store.calls import to_nano
from core.types import Cost, CostBasis, Failure, Outcome, Success

metadata = MetaData()

batches = Table(
    "batches",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("state", String, nullable=False),
    Column("reason_code", String),
    Column("reason", Text),
    Column("lane", String, nullable=False),
    Column("question", Text, nullable=False),
    Column("seal", String, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("max_items", Integer),
    Column("is_intake_complete", Boolean, nullable=False),
    Column("driver", String),
    Column("rerun_of", String),
    Column("ready_by_s", Float),
    Column("created_at_s", Float, nullable=False, index=True),
    Column("started_at_s", Float),
    Column("finished_at_s", Float),
)

items = Table(
    "items",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("batch", String, nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", String, nullable=False),
    Column("label", String),
    Column("digest", String, nullable=False),
    Column("page", Integer),
    Column("size_bytes", Integer, nullable=False),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("question", Text),
    Column("twin_key", String),
    Column("twin_of", Integer),
    Column("seal", String, nullable=False),
    Column("state", String, nullable=False),
    Column("owner", String),
    Column("deliveries", Integer, nullable=False),
    Column("code", String),
    Column("cached", Boolean, nullable=False),
    Column("cost_nano_usd", Integer),
    Column("outcome", Text),
    Column("outcome_seal", String),
    Column("finished_at_s", Float),
    Column("lane", String, nullable=False, default=JobLane.REALTIME.value),
    Column("sent", Text),
    Column("layer_tokens", Integer, nullable=False, default=0),
)

left_out = Table(
    "left_out",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("batch", String, nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("why", Text, nullable=False),
)

tallies = Table(
    "tallies",
    metadata,
    Column("batch", String, primary_key=True),
    Column("state", String, primary_key=True),
    Column("code", String, primary_key=True),
    Column("cached", Boolean, primary_key=True),
    Column("items", Integer, nullable=False),
)

question_codec = TypeAdapter(Question)
phrase_codec = TypeAdapter(Phrase)
outcome_codec: TypeAdapter[Outcome] = TypeAdapter(Success | Failure)

_SEALED: Final = (
    "id",
    "batch",
    "position",
    "name",
    "label",
    "digest",
    "page",
    "width_px",
    "height_px",
    "priority",
    "question",
    "twin_key",
)
"""What an item means before anything was done about it."""


OUTCOME_COLUMNS: Final = (
    "state",
    "owner",
    "code",
    "cached",
    "cost_nano_usd",
    "outcome",
    "outcome_seal",
    "finished_at_s",
)
"""What is filled when an item comes to its end, and emptied when it is tried again."""
NO_OUTCOME: Final = dict.fromkeys(OUTCOME_COLUMNS) | {
    "state": ItemState.QUEUED.value,
    "cached": False,
}


def seal(*parts: Any) -> str:
    """Return the SHA-256, in hex, over the parts."""
    return sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()


def item_seal(row: RowMapping | dict[str, Any]) -> str:
    """Return the seal of an item's row as it was taken in."""
    return seal(*(row[name] for name in _SEALED))


def question_text(question: Question) -> str:
    """Return a question as it is kept."""
    return question_codec.dump_json(question).decode()


def question_from_row(row: RowMapping) -> Question:
    """Return what a batch asks.

    Raises:
        StorageError: If its row is damaged.
    """
    if row["seal"] != seal(row["id"], row["question"]):
        raise StorageError(DAMAGED)
    return question_codec.validate_json(row["question"])


def question_from_text(text: str) -> Question:
    """Return what is asked about one item, from `question_text`.

    Raises:
        StorageError: If it is damaged.
    """
    try:
        return question_codec.validate_json(text)
    except ValidationError as error:
        raise StorageError(DAMAGED) from error


def phrase_text(phrase: Phrase) -> str:
    """Return a sentence as it is kept."""
    return phrase_codec.dump_json(phrase).decode()


def twin_key(item: NewItem) -> str | None:
    """Return what two items share that get one answer; None for what cannot be asked."""
    if not item.digest or item.outcome is not None:
        return None
    question = question_text(item.question) if item.question else None
    return seal(item.digest, item.page, question)


def item_row(
    batch_id: BatchId, item: NewItem, key: str | None, first: int | None, now_s: float
) -> dict[str, Any]:
    """Return the row of an item that was taken in.

    Args:
        batch_id: Where it belongs.
        item: As it was taken in.
        key: From `twin_key`.
        first: The `seq` of the earlier item that asks the same.
        now_s: Seconds since 1970; when it failed, if it did.
    """
    row: dict[str, Any] = {
        "id": secrets.token_hex(16),
        "batch": batch_id,
        "position": item.position,
        "name": item.name,
        "label": item.label,
        "digest": item.digest,
        "page": item.page,
        "size_bytes": item.size_bytes,
        "width_px": item.width_px,
        "height_px": item.height_px,
        "layer_tokens": item.layer_tokens,
        "priority": item.priority,
        "rank": item.rank,
        "question": question_text(item.question) if item.question else None,
        "twin_key": key,
        "twin_of": first,
        "deliveries": 0,
    }
    row["seal"] = item_seal(row)
    row |= NO_OUTCOME
    return row if item.outcome is None else row | outcome_values(row["id"], item.outcome, now_s)


def outcome_values(item_id: str, outcome: Outcome, finished_at_s: float) -> dict[str, Any]:
    """Return the columns that an outcome fills, sealed."""
    is_success = isinstance(outcome, Success)
    state = ItemState.SUCCEEDED if is_success else ItemState.FAILED
    text = outcome_codec.dump_json(outcome).decode()
    return {
        "state": state.value,
        "code": _code(outcome),
        "cached": isinstance(outcome, Success) and outcome.cached,
        "cost_nano_usd": to_nano(outcome.cost.usd),
        "outcome": text,
        "outcome_seal": seal(item_id, state.value, text),
        "finished_at_s": finished_at_s,
        "owner": None,
    }


def _code(outcome: Outcome | None) -> str | None:
    """Return why an item failed, or why its answer is held."""
    match outcome:
        case Success(held=code) | Failure(code=code):
            return code
        case None:
            return None


def is_sound(row: RowMapping) -> bool:
    """Say whether an item's row is what was written."""
    if row["seal"] != item_seal(row):
        return False
    try:
        is_final = ItemState(row["state"]) in {ItemState.SUCCEEDED, ItemState.FAILED}
    except ValueError:
        return False
    if is_final != (row["outcome"] is not None):
        return False
    return not is_final or row["outcome_seal"] == seal(row["id"], row["state"], row["outcome"])


def item_from_row(row: RowMapping, usual: Question) -> BatchItem:
    """Return an item; one whose row is damaged is a failure that says so.

    Args:
        row: From the items table.
        usual: The batch's question.
    """
    if not is_sound(row):
        return _damaged(row, usual)
    try:
        outcome = outcome_codec.validate_json(row["outcome"]) if row["outcome"] else None
        question = question_codec.validate_json(row["question"]) if row["question"] else usual
    except ValidationError:
        return _damaged(row, usual)
    return BatchItem(
        id=row["id"],
        batch_id=row["batch"],
        position=row["position"],
        name=row["name"],
        state=ItemState(row["state"]),
        digest=row["digest"],
        page=row["page"],
        width_px=row["width_px"],
        height_px=row["height_px"],
        label=row["label"],
        priority=row["priority"],
        question=question,
        deliveries=row["deliveries"],
        outcome=outcome,
        code=_code(outcome),
        cached=isinstance(outcome, Success) and outcome.cached,
        layer_tokens=row["layer_tokens"],
    )


DAMAGED: Final = Phrase(
    "The record of this item is damaged on disk, so it is not used. Run a new batch for it."
)


def _damaged(row: RowMapping, usual: Question) -> BatchItem:
    failure = Failure(
        code=StorageError.code,
        detail=DAMAGED,
        retryable=False,
        cost=Cost(None, CostBasis.UNKNOWN),
        attempts=0,
        latency_s=0.0,
    )
    return BatchItem(
        id=str(row["id"]),
        batch_id=str(row["batch"]),
        position=int(row["position"]),
        name=str(row["name"]),
        state=ItemState.FAILED,
        digest="",
        page=None,
        width_px=0,
        height_px=0,
        label=None,
        priority=1,
        question=usual,
        deliveries=0,
        outcome=failure,
        code=failure.code,
    )


def moment(seconds: float | None) -> datetime | None:
    """Return seconds since 1970 as a time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
