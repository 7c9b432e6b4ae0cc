"""Batches between processes: a disk that is really full, and a command line beside the app."""

import asyncio
import os
import resource
import sys
from collections import Counter
from io import BytesIO

import pytest
from PIL import Image

from core.batch import BatchState
from core.engines.fake import FakeEngine
from core.images.intake import Accepted
from core.store.check import check_store
from core.types import ImageSource
from tests.batch_kit import QUESTION, open_bench
from tests.batch_worker import ROOT, nursery
from tests.metered import Conditions, metered

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@pytest.fixture(scope="module")
def workers():
    with nursery() as found:
        yield found


def png(number):
    file = BytesIO()
    Image.new("RGB", (32, 32), (number, 0, 0)).save(file, "PNG")
    return file.getvalue()


async def begin(directory, count):
    """Make a batch that waits for somebody to work on it."""
    found = [Accepted(ImageSource(f"{n}.png", png(n))) for n in range(count)]
    async with open_bench(directory, FakeEngine()) as bench:
        batch_id = await bench.batches.create("test", found, QUESTION)
        await bench.client.writer.run(lambda c: bench.store.begin(c, batch_id))
    return batch_id


async def progress_of(directory, batch_id):
    async with open_bench(directory, FakeEngine()) as bench:
        assert check_store(bench.store.database) == []
        return bench.batches.progress(batch_id)


async def settled(server):
    """Return how many calls were paid for once no more are."""
    counts = [0] * 10
    while len(set(counts)) > 1 or not counts[0]:
        await asyncio.sleep(0.1)
        counts = [*counts[1:], len(server.paid())]
    return counts[0]


async def test_a_disk_that_is_full_stops_the_work_until_there_is_room(tmp_path, workers):
    batch_id = await begin(tmp_path / "data", 120)
    with metered(tmp_path / "server", Conditions(latency_s=0.01)) as server:
        room = (tmp_path / "data" / "ledger.db").stat().st_size + 150_000
        pid = workers.start(tmp_path / "data", server.base_url, 4, file_bytes=room)
        paid_when_full = await settled(server)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, UNLIMITED)  # somebody makes room
        assert workers.wait(pid) == (0, ["done"])
        paid = Counter(server.paid())

    progress = await progress_of(tmp_path / "data", batch_id)
    assert 0 < paid_when_full < 120
    assert (progress.state, progress.succeeded) == (BatchState.SUCCEEDED, 120)
    assert set(paid.values()) == {1}


@pytest.mark.parametrize("first", ["app", "command"])
async def test_the_command_line_and_the_app_never_ask_about_the_same_item(tmp_path, workers, first):
    directory = tmp_path / "data"
    batch_id = await begin(directory, 60)
    with metered(tmp_path / "server", Conditions(latency_s=0.2)) as server:
        if first == "app":
            pid = workers.start(directory, server.base_url, 2)
        command = await resume(directory, server.base_url, batch_id)
        if first == "command":
            while not server.paid():  # noqa: ASYNC110 - what is looked at is another process's file
                await asyncio.sleep(0.05)
            pid = workers.start(directory, server.base_url, 2)
        shown, _ = await command.communicate()
        assert (command.returncode, workers.wait(pid)[0]) == (0, 0)
        paid = Counter(server.paid())

    progress = await progress_of(directory, batch_id)
    assert (progress.state, progress.succeeded) == (BatchState.SUCCEEDED, 60)
    assert (len(paid), set(paid.values())) == (60, {1})
    assert b'"succeeded": 60' in shown


async def resume(directory, base_url, batch_id):
    """Start `batch resume` in a process of its own."""
    settings = {
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": base_url,
        "MAX_CONCURRENT_REQUESTS": "2",
        "TESSERA_DATA_DIR": str(directory),
    }
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "core", "batch", "resume", batch_id, "--json"),
        cwd=ROOT,
        env=os.environ | settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
