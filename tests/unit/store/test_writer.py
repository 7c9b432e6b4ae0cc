import asyncio

import pytest
from sqlalchemy import text

from core.errors import BudgetError, StorageError
from core.store.database import open_database, reading
from core.store.writer import GroupWriter


@pytest.fixture
def database(tmp_path):
    database = open_database(tmp_path)
    yield database
    database.dispose()


def insert(name):
    def work(connection):
        connection.execute(
            text("INSERT INTO left_out (batch, name, why) VALUES ('b', :name, '')"), {"name": name}
        )
        return name

    return work


def names(database):
    with reading(database) as connection:
        return list(connection.scalars(text("SELECT name FROM left_out ORDER BY id")))


async def test_writes_are_kept_in_their_order_and_answered(database):
    writer = GroupWriter(database)
    results = await asyncio.gather(*(writer.run(insert(str(n))) for n in range(20)))
    await writer.close()
    assert results == names(database) == [str(n) for n in range(20)]


async def test_one_that_fails_takes_nobody_with_it_and_leaves_nothing(database):
    def refuse(connection):
        insert("half")(connection)
        raise BudgetError("no money")

    def break_off(connection):
        insert("torn")(connection)
        connection.execute(text("INSERT INTO nowhere VALUES (1)"))

    writer = GroupWriter(database)
    works = [insert("a"), refuse, insert("b"), break_off, insert("c")]
    results = await asyncio.gather(*map(writer.run, works), return_exceptions=True)
    await writer.close()
    assert [type(each) for each in results] == [str, BudgetError, str, StorageError, str]
    assert names(database) == ["a", "b", "c"]


async def test_a_caller_that_leaves_waits_for_its_write(database):
    writer = GroupWriter(database)
    task = asyncio.create_task(writer.run(insert("a")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(database) == ["a"]
    await writer.close()


async def test_trouble_is_known_until_a_write_succeeds(database):
    writer = GroupWriter(database)
    with pytest.raises(StorageError):
        await writer.run(lambda c: c.execute(text("INSERT INTO nowhere VALUES (1)")))
    assert writer.trouble is not None
    await writer.run(insert("a"))
    assert writer.trouble is None
    await writer.close()
