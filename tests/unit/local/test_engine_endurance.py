"""Jobs of the embedded engine outlive restarts, crashes, full disks and other processes."""

import os

import openai
import pytest

from core.local.jobs.runner import LINES_AT_ONCE
from tests.unit.local.batch_engine import (
    Clock,
    GatedReader,
    begun,
    ended,
    engine,
    line,
    rows,
    submit,
)

DAY_S = 86_400


async def test_a_batch_goes_on_after_a_restart(tmp_path):
    read = GatedReader()
    read.may_read.clear()
    async with engine(tmp_path, read) as client:
        batch = await submit(client, *[line(str(n), n) for n in range(4)])
        batch = await begun(client, batch, read)
        read.may_read.set()
        while not batch.request_counts.completed:
            batch = await client.batches.retrieve(batch.id)
        read.may_read.clear()
    (part,) = (tmp_path / "batches").glob("*.output")
    with part.open("ab") as torn:
        torn.write(b'{"id": "batch_req", "custom_id": "3", "respo')  # what a kill leaves behind

    async with engine(tmp_path) as client:
        batch = await ended(client, batch)
        output = await rows(client, batch.output_file_id)

    assert batch.status == "completed"
    assert sorted(row["custom_id"] for row in output) == ["0", "1", "2", "3"]
    assert batch.request_counts.completed == 4
    used = [row["response"]["body"]["usage"]["prompt_tokens"] for row in output]
    assert batch.usage.input_tokens == sum(used)
    assert {path.suffix for path in (tmp_path / "batches").iterdir()} == {".json"}


async def test_two_processes_share_the_work_without_doing_it_twice(tmp_path):
    first, second = GatedReader(), GatedReader()
    first.may_read.clear()
    async with engine(tmp_path, first) as one, engine(tmp_path, second) as other:
        batch = await submit(one, line("a"), line("b", 0))
        batch = await begun(other, batch, first)
        await other.batches.list()
        first.may_read.set()
        batch = await ended(other, batch)
        output = await rows(other, batch.output_file_id)

    assert (len(output), first.pages, second.pages) == (2, 2, 0)


async def test_another_process_can_cancel(tmp_path):
    first = GatedReader()
    first.may_read.clear()
    async with engine(tmp_path, first) as one, engine(tmp_path) as other:
        batch = await submit(one, *[line(str(n), n) for n in range(LINES_AT_ONCE + 1)])
        batch = await begun(other, batch, first)
        assert (await other.batches.cancel(batch.id)).status == "cancelling"
        first.may_read.set()
        batch = await ended(one, batch)

    assert batch.status == "cancelled"


async def test_a_batch_is_forgotten_when_its_results_are_long_gone(tmp_path):
    clock = Clock()
    async with engine(tmp_path, clock=clock) as client:
        old = await ended(client, await submit(client, line("a")))
        clock.now_s += 40 * DAY_S
        young = await ended(client, await submit(client, line("a")))
    clock.now_s += 30 * DAY_S
    async with engine(tmp_path, clock=clock) as client:
        listed = [batch.id async for batch in client.batches.list()]

    assert listed == [young.id]
    assert old.id != young.id


async def test_a_damaged_record_is_not_found_and_harms_no_other(tmp_path):
    async with engine(tmp_path) as client:
        lost, kept = [await ended(client, await submit(client, line("a"))) for _ in range(2)]
        (tmp_path / "batches" / f"{lost.id}.json").write_bytes(b"")  # what a power cut can leave
    async with engine(tmp_path) as client:
        listed = [batch.id async for batch in client.batches.list()]
        with pytest.raises(openai.NotFoundError):
            await client.batches.retrieve(lost.id)

    assert listed == [kept.id]


async def test_what_a_crash_left_behind_a_finished_batch_goes(tmp_path):
    async with engine(tmp_path) as client:
        batch = await ended(client, await submit(client, line("a")))
    for suffix in (".input", ".lock"):
        (tmp_path / "batches" / f"{batch.id}{suffix}").write_bytes(b"")
    async with engine(tmp_path) as client:
        await client.batches.retrieve(batch.id)

    assert [path.suffix for path in (tmp_path / "batches").iterdir()] == [".json"]


async def test_an_engine_can_close_at_any_moment(tmp_path):
    """And goes on from there: it is closed while it checks, begins, answers and ends."""
    async with engine(tmp_path) as client:
        batch = await submit(client, *[line(str(n), n) for n in range(3)])
    questions = 0
    while batch.status != "completed":
        questions += 1
        async with engine(tmp_path) as client:
            for _ in range(questions):
                batch = await client.batches.retrieve(batch.id)
    async with engine(tmp_path) as client:
        output = await rows(client, batch.output_file_id)

    assert sorted(row["custom_id"] for row in output) == ["0", "1", "2"]


async def test_a_batch_that_the_disk_refuses_goes_on_when_asked_for(tmp_path, caplog):
    read = GatedReader()
    read.may_read.clear()
    async with engine(tmp_path, read) as client:
        batch = await begun(client, await submit(client, line("a"), line("b")), read, 1)
    (part,) = (tmp_path / "batches").glob("*.output")
    part.unlink()
    part.mkdir()  # nothing can be written there
    async with engine(tmp_path) as client:
        while "local_batch_stopped" not in caplog.messages:
            batch = await client.batches.retrieve(batch.id)
        part.rmdir()
        batch = await ended(client, batch)

    assert (batch.status, batch.request_counts.completed) == ("completed", 2)


async def test_files_may_have_one_name_only(tmp_path, monkeypatch):
    def no_links(*paths):
        raise PermissionError

    monkeypatch.setattr(os, "link", no_links)
    async with engine(tmp_path) as client:
        batch = await ended(client, await submit(client, line("a")))

    assert batch.status == "completed"


async def test_names_that_are_no_text_come_back_as_they_are(tmp_path):
    """Half of a surrogate pair is JSON, but not UTF-8."""
    half = "\ud800"
    async with engine(tmp_path) as client:
        good = await ended(client, await submit(client, line(half)))
        bad = await ended(client, await submit(client, line(half), line(half)))
        (row,) = await rows(client, good.output_file_id)
        listed = [batch.status async for batch in client.batches.list()]

    assert row["custom_id"] == half
    assert half in bad.errors.data[0].message
    assert listed == ["failed", "completed"]
