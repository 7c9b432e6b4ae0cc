"""A disk that is full, fails at one write or changes what was written; a clock that jumps."""

import random
import shutil
import sqlite3
from itertools import cycle

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from core.batch import BatchState, ExportFormat, ItemState
from core.engines.fake import FakeEngine, fake_answer
from core.errors import StorageError, VisionError
from core.store.batches import SqlBatchStore
from core.store.check import check_store
from core.store.database import FILE_NAME, open_database
from tests.batch_kit import open_bench

CORRUPTIONS = 300
WRITES = ("INSERT", "UPDATE", "DELETE")


class Disk:
    """Refuses writes while it is full, or the one write whose number is `fails_at`."""

    def __init__(self, fails_at=0):
        self.writes = 0
        self.refused = 0
        self.fails_at = fails_at
        self.is_full = False

    def attach(self, database):
        event.listen(database, "before_cursor_execute", self._before)
        event.listen(database, "commit", lambda _: self._write("COMMIT"))

    def _before(self, _connection, _cursor, statement, *_):
        if statement.strip().startswith(WRITES):
            self._write(statement)

    def _write(self, statement):
        self.writes += 1
        if self.is_full or self.writes == self.fails_at:
            self.refused += 1
            cause = sqlite3.OperationalError("database or disk is full")
            raise OperationalError(statement, {}, cause)


async def test_whichever_write_fails_nothing_is_lost_or_paid_twice(tmp_path, monkeypatch):
    monkeypatch.setattr("core.batch.runner._LOOK_AGAIN_S", 0.01)
    number = 0
    while True:
        number += 1
        directory, disk, engine = tmp_path / str(number), Disk(number), FakeEngine()
        made = None
        async with open_bench(directory, engine, max_concurrent=2) as bench:
            disk.attach(bench.store.database)
            try:
                made = await bench.make(4)
                await bench.batches.start(made)
            except StorageError:
                pass
            await bench.batches.wait()
            disk.fails_at = 0
        async with open_bench(directory, engine, max_concurrent=2) as bench:
            if made:
                await bench.batches.start(made)
            await bench.batches.wait()
            assert check_store(bench.store.database) == [], number
            for progress in bench.batches.list_batches():
                assert progress.done + progress.cancelled == progress.total, number
                assert progress.state in {BatchState.SUCCEEDED, BatchState.CANCELLED}, number
            if made:
                assert (progress.succeeded, len(engine.calls)) == (4, 4), number
        if not disk.refused:
            assert number > 30
            return


async def test_a_full_disk_stops_the_work_until_there_is_room(tmp_path, monkeypatch):
    monkeypatch.setattr("core.batch.runner._LOOK_AGAIN_S", 0.01)
    disk = Disk()

    def answer():
        if len(engine.calls) == 5:
            disk.is_full = True
        return fake_answer()

    engine = FakeEngine([answer])
    async with open_bench(tmp_path, engine, max_concurrent=2) as bench:
        disk.attach(bench.store.database)
        batch_id = await bench.make(20)
        recorder = bench.client._recorder
        sleep = recorder._sleep

        async def wait(wait_s):
            disk.is_full = disk.refused < 6  # then somebody makes room
            await sleep(wait_s)

        monkeypatch.setattr(recorder, "_sleep", wait)
        await bench.batches.start(batch_id)
        await bench.batches.wait()
        progress = bench.batches.progress(batch_id)
        assert check_store(bench.store.database) == []

    assert disk.refused >= 6
    assert (progress.state, progress.succeeded) == (BatchState.SUCCEEDED, 20)
    assert len(engine.calls) == 20


async def test_a_changed_file_never_gives_a_wrong_answer(tmp_path):
    texts = iter(f"answer {n}" for n in range(1000))
    engine = FakeEngine([lambda: fake_answer(next(texts))])
    async with open_bench(tmp_path / "good", engine) as bench:
        batch_id = await bench.run(40)
        right = {item.id: item.outcome.text for item in bench.batches.items(batch_id)}
    whole, chance, noticed = (tmp_path / "good" / FILE_NAME).read_bytes(), random.Random(5), 0

    for number in range(CORRUPTIONS):
        directory = tmp_path / "bad"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        (directory / FILE_NAME).write_bytes(_changed(whole, chance))
        try:
            noticed += _read_all(directory, batch_id, right, number)
        except VisionError:
            noticed += 1
    assert noticed > CORRUPTIONS / 10


def _changed(whole, chance):
    """Return the file with flipped bits, a page of zeros, or its end cut off."""
    data = bytearray(whole)
    match chance.randrange(4):
        case 0 | 1:
            for _ in range(chance.choice([1, 1, 8, 64])):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        case 2:
            start = chance.randrange(len(data) // 4096) * 4096
            data[start : start + 4096] = bytes(4096)
        case 3:
            del data[chance.randrange(100, len(data)) :]
    return bytes(data)


def _read_all(directory, batch_id, right, number):
    database = open_database(directory)
    try:
        store = SqlBatchStore(database)
        items = store.page(batch_id)
        for item in items:
            if item.state is ItemState.SUCCEEDED:
                assert item.outcome.text == right.get(item.id), number
        return bool(check_store(database)) or len(items) < len(right)
    finally:
        database.dispose()


async def test_damage_that_changes_a_type_is_told_like_any_other(tmp_path):
    async with open_bench(tmp_path, FakeEngine()) as bench:
        await bench.run(2)
    with sqlite3.connect(tmp_path / FILE_NAME) as damaged:
        damaged.execute("UPDATE tallies SET cached = x'ff', code = x'00' WHERE items > 0")
    damaged.close()
    database = open_database(tmp_path)
    try:
        assert any("were counted" in str(each) for each in check_store(database))
    finally:
        database.dispose()


@pytest.mark.parametrize("hours", [1, -1, -500_000])
async def test_a_clock_that_jumps_changes_nothing(tmp_path, hours):
    moments = cycle([1_800_000_000.0, 1_800_000_000.0 + hours * 3600])
    engine = FakeEngine()
    async with open_bench(tmp_path, engine, wall_clock=lambda: next(moments)) as bench:
        batch_id = await bench.run(20)
        progress = bench.batches.progress(batch_id)
        assert check_store(bench.store.database) == []
        list(bench.batches.export(batch_id, ExportFormat.CSV))

    assert (progress.succeeded, len(engine.calls)) == (20, 20)
