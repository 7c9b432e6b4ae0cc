"""What every store of batches promises; SQLite's is the one there is."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from runpy import run_path

import pytest
from sqlalchemy import MetaData, inspect, update

from core.batch.types import (
    MOST_DELIVERIES,
    BatchState,
    ItemState,
    JobLane,
    LeftOut,
    NewBatch,
    NewItem,
)
from core.errors import StorageError
from core.phrases import Phrase
from core.store import batch_rows, calls, upgrade
from core.store.batch_progress import BatchFigures
from core.store.batches import SqlBatchStore
from core.store.check import check_store
from core.store.database import FILE_NAME, open_database, writing
from core.store.ledger import Ledger
from core.store.upgrade import SCHEMA_VERSION
from core.types import Cost, CostBasis, Failure
from tests.batch_kit import QUESTION

BATCH = NewBatch("b" * 32, "test", QUESTION, JobLane.REALTIME, None, None, 3)
FAILED = Failure("NET001", Phrase("late"), True, Cost(None, CostBasis.UNKNOWN), 1, 0.0)
FIRST_STEP = Path(upgrade.__file__).parent / "migrations/versions/0001_calls_and_runs.py"
DEAD = "nowhere-else/1/0"


@pytest.fixture
def database(tmp_path):
    database = open_database(tmp_path)
    yield database
    database.dispose()


@pytest.fixture
def store(database):
    return SqlBatchStore(database, clock=lambda: 1_800_000_000.0)


def item(position, **changes):
    usual = {"name": f"{position}.png", "digest": f"{position:064x}", "rank": position}
    return NewItem(position, **(usual | changes))


def begin(store, *new):
    ledger = Ledger(store.database)
    with writing(store.database) as connection:
        store.add(connection, BATCH)
        ledger.open_purse(connection, BATCH.id, None)
        store.add_items(connection, BATCH.id, new)
        store.complete_intake(connection, BATCH.id)
        store.begin(connection, BATCH.id)
        assert store.take_up(connection, BATCH.id)


def claim(store, most):
    with writing(store.database) as connection:
        return store.claim(connection, BATCH.id, most)


def states(store):
    return [found.state.value for found in store.page(BATCH.id)]


def test_items_are_handed_out_once_and_by_rank(store):
    begin(store, item(0, rank=9), item(1, rank=1), item(2, rank=5))
    assert [each.position for each in claim(store, 2)] == [1, 2]
    assert [each.position for each in claim(store, 2)] == [0]
    assert claim(store, 2) == []


def test_only_the_driver_of_a_running_batch_gets_items(store):
    begin(store, item(0))
    with writing(store.database) as connection:
        store.pause(connection, BATCH.id)
    assert claim(store, 1) == []
    with writing(store.database) as connection:
        store.begin(connection, BATCH.id)
        connection.execute(update(batch_rows.batches).values(driver="somebody/1/1"))
        assert not store.take_up(connection, BATCH.id)  # of another machine nothing is known
    assert claim(store, 1) == []


def test_what_a_dead_process_had_is_queued_again_behind_the_rest(store, monkeypatch):
    begin(store, item(0), item(1))
    assert claim(store, 1)[0].position == 0
    with writing(store.database) as connection:
        connection.execute(
            update(batch_rows.items).where(batch_rows.items.c.state == "running").values(owner=DEAD)
        )
        monkeypatch.setattr("core.store.batches.is_dead", lambda owner: owner == DEAD)
        store.take_up(connection, BATCH.id)
    assert states(store) == ["queued", "queued"]
    assert [each.position for each in claim(store, 2)] == [1, 0]


def test_an_item_that_kills_its_process_is_given_up(store, monkeypatch):
    begin(store, item(0))
    monkeypatch.setattr("core.store.batches.is_dead", lambda owner: owner == DEAD)
    for _ in range(MOST_DELIVERIES):
        assert claim(store, 1)
        with writing(store.database) as connection:
            connection.execute(update(batch_rows.items).values(owner=DEAD))
            store.take_up(connection, BATCH.id)
    assert [found.code for found in store.page(BATCH.id)] == ["SYS003"]
    assert check_store(store.database) == []


def test_a_late_writer_is_refused(store):
    begin(store, item(0))
    [mine] = claim(store, 1)
    with writing(store.database) as connection:
        connection.execute(update(batch_rows.items).values(owner="another/1/1"))
        assert store.finish(connection, mine.id, FAILED, FAILED) == []
        store.release(connection, [mine.id])
    assert states(store) == ["running"]


def test_twins_share_the_fate_of_the_first(store):
    same = {"digest": "a" * 64}
    begin(store, item(0, **same), item(1, **same), item(2))
    assert [each.position for each in claim(store, 9)] == [0, 2]
    with writing(store.database) as connection:
        twins = store.finish(connection, store.page(BATCH.id)[0].id, FAILED, FAILED)
    assert len(twins) == 1
    assert states(store) == ["failed", "failed", "running"]


def test_a_question_of_its_own_makes_no_twin(store):
    other = replace(QUESTION, prompt="Why?")
    same = {"digest": "a" * 64}
    begin(store, item(0, **same), item(1, question=other, **same))
    assert [each.question.prompt for each in claim(store, 9)] == ["What is this?", "Why?"]


def test_figures_follow_every_change(store):
    begin(store, item(0), item(1), item(2, outcome=FAILED))
    with writing(store.database) as connection:
        store.leave_out(connection, BATCH.id, LeftOut("notes.txt", Phrase("No picture.")))
    claim(store, 1)
    progress = BatchFigures(store.database).progress(BATCH.id)
    assert (progress.total, progress.queued, progress.running, progress.failed) == (3, 1, 1, 1)
    assert (progress.failures, progress.left_out) == ({"NET001": 1}, 1)
    with writing(store.database) as connection:
        store.cancel(connection, BATCH.id)
    progress = BatchFigures(store.database).progress(BATCH.id)
    assert (progress.state, progress.cancelled) == (BatchState.CANCELLED, 1)


def test_pages_are_filtered_and_in_intake_order(store):
    begin(store, *(item(n, outcome=FAILED if n % 2 else None) for n in range(10)))
    failed = store.page(BATCH.id, ItemState.FAILED, "NET001", offset=1, limit=2)
    assert [each.position for each in failed] == [3, 5]
    assert [each.position for each in store.every(BATCH.id)] == list(range(10))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE items SET name = 'other' WHERE position = 0", "was changed"),
        ("UPDATE items SET outcome = '{}' WHERE position = 1", "was changed"),
        ("UPDATE batches SET question = '{}'", "was changed"),
        ("DELETE FROM items WHERE position = 0", "disappeared"),
        ("UPDATE tallies SET items = items + 1", "were counted"),
        ("UPDATE purses SET spent_nano_usd = 1", "does not add up"),
        ("UPDATE items SET deliveries = 99", "too often"),
        ("UPDATE batches SET state = 'succeeded'", "have not"),
        ("UPDATE items SET owner = 'job/gone' WHERE position = 0", "job that has ended"),
    ],
)
def test_the_checker_sees_what_is_wrong(store, change, said):
    begin(store, item(0), item(1, outcome=FAILED))
    assert check_store(store.database) == []
    with writing(store.database) as connection:
        connection.exec_driver_sql(change)
    assert any(said in str(problem) for problem in check_store(store.database))


def test_migrations_make_what_the_code_expects(database):
    found = inspect(database)
    for metadata in (calls.metadata, batch_rows.metadata):
        assert isinstance(metadata, MetaData)
        for table in metadata.sorted_tables:
            columns = {each["name"]: not each["nullable"] for each in found.get_columns(table.name)}
            expected = {c.name: not c.nullable for c in table.columns}
            assert columns == expected, table.name


def test_an_older_ledger_is_upgraded_and_kept_as_it_was(tmp_path):
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        for statement in run_path(str(FIRST_STEP))["_STATEMENTS"]:
            connection.execute(statement)
        connection.execute(
            "INSERT INTO calls VALUES (1, 1.0, 'page', 't', 'm', 'e', 'high', 'k', 1, 1, 1,"
            " 'succeeded', NULL, 0, 1, 1, 0, 0, 0, 7, 'measured', 7, NULL, 0.1, NULL, 1)"
        )
    database = open_database(tmp_path)
    assert [row.usage.input_tokens for row in Ledger(database).recent(5)] == [1]
    database.dispose()
    with closing(sqlite3.connect(tmp_path / f"{FILE_NAME}.before-{SCHEMA_VERSION}")) as backup:
        assert backup.execute("SELECT count(*) FROM calls").fetchone() == (1,)
        assert not backup.execute("SELECT 1 FROM sqlite_master WHERE name = 'items'").fetchone()


def test_a_newer_ledger_is_refused_and_left_alone(tmp_path):
    open_database(tmp_path).dispose()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StorageError, match="newer Tessera"):
        open_database(tmp_path)
