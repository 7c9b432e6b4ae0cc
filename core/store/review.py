"""Held answers on disk: found in the transaction that records them, decided by a person later.

Long answers are kept by their words (`answer_digest`), so that the same words for another picture
in the same batch, or within a day, are found by one look-up. Both answers are held then, the
earlier one too. Methods take a connection from `writing`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, select, text, update

from core.batch.types import BatchId, ItemState, NewItem
from core.review import REPEATED, accept, answer_digest, hold, is_accepted
from core.runs import Question
from core.store.batch_rows import (
    NO_OUTCOME,
    batches,
    item_from_row,
    item_seal,
    items,
    outcome_codec,
    outcome_values,
    question_from_row,
    question_text,
    seal,
    twin_key,
)
from core.types import Outcome, Success

WITHIN_S: Final = 86_400.0
"""How far back answers outside of a batch are compared: a day."""
_KEPT_S: Final = 30 * WITHIN_S
"""How long the words of an answer are kept: longer than any batch runs."""


class _State(StrEnum):
    KEPT = "kept"
    HELD = "held"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Given:
    """What an answer was given to: a picture, and the item of a batch where it was one.

    `picture` names the original and its page, not the question.
    """

    picture: str
    batch: BatchId | None = None
    item: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """An outcome, held or not, and the request keys of earlier answers that are held with it."""

    outcome: Outcome
    also_held: tuple[str, ...] = ()


_ELSEWHERE = "digest = :digest AND picture <> :picture AND (batch = :batch OR at_s > :since)"
_REPEATED = text(f"SELECT 1 FROM answers WHERE {_ELSEWHERE} LIMIT 1")  # noqa: S608 - a constant
_HOLD_OTHERS = text(
    f"UPDATE answers SET state = 'held' WHERE {_ELSEWHERE} AND state = 'kept' "  # noqa: S608
    "RETURNING request_key, item"
)
_REMEMBER = text("""
    INSERT OR REPLACE INTO answers (digest, request_key, item, picture, batch, at_s, state)
    VALUES (:digest, :key, :item, :picture, :batch, :now, :state)
""")
_ACCEPT = text("UPDATE answers SET state = 'accepted' WHERE request_key = :key")
_FORGET_KEY = text("DELETE FROM answers WHERE request_key = :key")
_FORGET_OLD = text("DELETE FROM answers WHERE at_s < :before")
_WITH_TWINS = text("""
    SELECT id, state, outcome, outcome_seal, finished_at_s FROM items
    WHERE state = 'succeeded' AND (seq = (SELECT coalesce(twin_of, seq) FROM items WHERE id = :id)
        OR twin_of = (SELECT coalesce(twin_of, seq) FROM items WHERE id = :id))
""")
_HELD_ITEMS = text("""
    SELECT id FROM items
    WHERE batch = :batch AND code IS NOT NULL AND state = 'succeeded' ORDER BY position
""")


def judge(connection: Connection, answer: Success, given: Given, now_s: float) -> Judged:
    """Remember a long answer, and hold it if another picture got the same words.

    Args:
        connection: The transaction that records the answer.
        answer: A valid one, from an engine or the cache.
        given: To what.
        now_s: Seconds since 1970.
    """
    digest = answer_digest(answer)
    if digest is None:
        return Judged(answer)
    values: dict[str, object] = {
        "digest": digest,
        "key": answer.request_key,
        "item": given.item or "",
    }
    values |= {"picture": given.picture, "batch": given.batch}
    values |= {"since": now_s - WITHIN_S, "now": now_s}
    also: tuple[str, ...] = ()
    if not is_accepted(answer) and connection.scalar(_REPEATED, values):
        also = _hold_others(connection, values)
        answer = answer if answer.held else hold(answer, REPEATED)
    connection.execute(_REMEMBER, values | {"state": _state(answer)})
    return Judged(answer, also)


def _state(answer: Success) -> _State:
    if answer.held:
        return _State.HELD
    return _State.ACCEPTED if is_accepted(answer) else _State.KEPT


def _hold_others(connection: Connection, values: dict[str, object]) -> tuple[str, ...]:
    found = connection.execute(_HOLD_OTHERS, values).all()
    for _, item in found:
        for row, answer in _answers(connection, item):
            if answer.held is None:
                _rewrite(connection, row, hold(answer, REPEATED))
    return tuple({key for key, _ in found})


def accept_key(connection: Connection, request_key: str) -> None:
    """Note that a person has accepted an answer: it is not held again."""
    connection.execute(_ACCEPT, {"key": request_key})


def held_items(connection: Connection, batch_id: BatchId) -> list[str]:
    """Return the ids of a batch's items whose answers are held."""
    return list(connection.scalars(_HELD_ITEMS, {"batch": batch_id}))


def accept_items(connection: Connection, item_ids: Iterable[str]) -> set[str]:
    """Free held answers, and those of items that ask the same; return their request keys."""
    keys = set[str]()
    for item_id in item_ids:
        for row, answer in _answers(connection, item_id):
            if answer.held is not None:
                _rewrite(connection, row, accept(answer))
                accept_key(connection, answer.request_key)
                keys.add(answer.request_key)
    return keys


def ask_again(connection: Connection, item_ids: Iterable[str]) -> set[str]:
    """Queue items with held answers anew, with those that ask the same; return the old keys."""
    keys = set[str]()
    for item_id in item_ids:
        for row, answer in _answers(connection, item_id):
            if answer.held is not None:
                connection.execute(_FORGET_KEY, {"key": answer.request_key})
                again = update(items).where(items.c.id == row["id"])
                connection.execute(again.values(NO_OUTCOME | {"deliveries": 0}))
                keys.add(answer.request_key)
    return keys


def reword(
    connection: Connection,
    batch_id: BatchId,
    code: str,
    in_other_words: Callable[[str], str | None],
) -> int:
    """Queue items that failed with a code anew, each with its question in other words.

    Args:
        connection: From `writing`.
        batch_id: Whose items.
        code: Why they failed.
        in_other_words: From a prompt to another, or None to leave the item as it is.
    """
    batch = connection.execute(select(batches).where(batches.c.id == batch_id)).mappings().one()
    usual, count = question_from_row(batch), 0
    of_code = select(items).where(items.c.batch == batch_id, items.c.code == code)
    failed = of_code.where(items.c.state == ItemState.FAILED.value)
    for row in connection.execute(failed).mappings().all():
        item = item_from_row(row, usual)
        prompt = in_other_words(item.question.prompt)
        if prompt is not None and item.digest:
            question = replace(item.question, prompt=prompt)
            again = update(items).where(items.c.id == item.id)
            connection.execute(again.values(_asked_anew(row, question)))
            count += 1
    return count


def _asked_anew(row: RowMapping, question: Question) -> dict[str, Any]:
    """Return the columns of an item that is queued with another question, sealed."""
    new = NewItem(0, row["name"], row["digest"], row["page"], question=question)
    changed = {"question": question_text(question), "twin_key": twin_key(new)}
    changed["seal"] = item_seal(dict(row) | changed)
    return changed | NO_OUTCOME | {"deliveries": 0}


def forget_old(connection: Connection, now_s: float) -> None:
    """Forget the words of answers that nothing is compared with any more."""
    connection.execute(_FORGET_OLD, {"before": now_s - _KEPT_S})


def _answers(connection: Connection, item_id: str) -> Iterator[tuple[RowMapping, Success]]:
    """Yield the answers of an item and of those that ask the same; damaged rows are left alone."""
    for row in connection.execute(_WITH_TWINS, {"id": item_id}).mappings().all():
        if row["outcome_seal"] == seal(row["id"], row["state"], row["outcome"]):
            answer = outcome_codec.validate_json(row["outcome"])
            if isinstance(answer, Success):
                yield row, answer


def _rewrite(connection: Connection, row: RowMapping, answer: Success) -> None:
    values = outcome_values(row["id"], answer, row["finished_at_s"])
    connection.execute(update(items).where(items.c.id == row["id"]).values(values))
