"""Files of the embedded engine, through the vendor's own client, inside the process."""

import json
import os
import tracemalloc

import openai
import pytest

from core.local.jobs import incoming
from tests.unit.local.batch_engine import Clock, ended, engine, http_inside, jsonl, line, submit

DAY_S = 86_400


async def test_a_file_is_kept_shown_and_deleted(tmp_path):
    async with engine(tmp_path) as client:
        file = await client.files.create(file=jsonl(line("a")), purpose="batch")
        shown = await client.files.retrieve(file.id)
        content = await client.files.content(file.id)
        deleted = await client.files.delete(file.id)
        with pytest.raises(openai.NotFoundError):
            await client.files.retrieve(file.id)

    assert shown == file
    assert (file.filename, file.purpose, file.status) == ("requests.jsonl", "batch", "processed")
    assert file.expires_at == file.created_at + 30 * DAY_S
    assert file.bytes == len(content.content)
    assert json.loads(content.content) == line("a")
    assert deleted.deleted
    assert list((tmp_path / "files").iterdir()) == []


async def test_files_are_listed_newest_first(tmp_path):
    async with engine(tmp_path) as client:
        made = [
            (await client.files.create(file=jsonl(line("a")), purpose="batch")).id for _ in range(3)
        ]
        newest = [file.id async for file in client.files.list(limit=2)]
        oldest = [file.id async for file in client.files.list(order="asc", purpose="batch")]
        batch = await ended(client, await submit(client, line("a")))
        results = await client.files.list(purpose="batch_output", limit=1)
        inputs = await client.files.list(purpose="batch", limit=1)

    assert (newest, oldest) == (made[::-1], made)
    assert ([file.id for file in results.data], results.has_more) == ([batch.output_file_id], False)
    assert ([file.id for file in inputs.data], inputs.has_more) == ([batch.input_file_id], True)


async def test_files_go_when_their_time_is_over(tmp_path):
    clock = Clock()
    hour = {"anchor": "created_at", "seconds": 3600}
    async with engine(tmp_path, clock=clock) as client:
        file = await client.files.create(file=jsonl(line("a")), purpose="batch", expires_after=hour)
        batch = await ended(client, await submit(client, line("a"), output_expires_after=hour))
        clock.now_s += 3600
        for file_id in (file.id, batch.output_file_id):
            with pytest.raises(openai.NotFoundError):
                await client.files.content(file_id)
        kept = await client.files.retrieve(batch.input_file_id)
    half = tmp_path / "files" / "0.incoming"  # what a crash left of an upload
    half.touch()
    os.utime(half, (0, 0))
    async with engine(tmp_path, clock=clock) as client:
        await client.models.list()

    assert {path.stem for path in (tmp_path / "files").iterdir()} == {kept.id}


async def test_a_batch_keeps_its_input(tmp_path):
    async with engine(tmp_path) as client:
        batch = await submit(client, line("a"))
        await client.files.delete(batch.input_file_id)
        batch = await ended(client, batch)

    assert batch.status == "completed"


@pytest.mark.parametrize(
    ("file", "purpose", "param"),
    [
        (("a.jsonl", b"{}"), "vision", "purpose"),
        (("a.json", b"{}"), "batch", "file"),
    ],
)
async def test_other_files_are_refused(tmp_path, file, purpose, param):
    async with engine(tmp_path) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.files.create(file=file, purpose=purpose)

    assert caught.value.param == param
    assert list((tmp_path / "files").iterdir()) == []


@pytest.mark.parametrize("seconds", [60, 31 * DAY_S])
async def test_a_file_is_kept_for_an_hour_to_a_month(tmp_path, seconds):
    expiry = {"anchor": "created_at", "seconds": seconds}
    async with engine(tmp_path) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.files.create(file=jsonl(line("a")), purpose="batch", expires_after=expiry)

    assert caught.value.param == "expires_after"


async def test_a_file_that_is_too_large_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(incoming, "MAX_FILE_BYTES", 1000)
    async with engine(tmp_path) as client:
        await client.files.create(file=("a.jsonl", b"x" * 1000), purpose="batch")
        with pytest.raises(openai.APIStatusError) as caught:
            await client.files.create(file=("a.jsonl", b"x" * 1001), purpose="batch")

    assert (caught.value.status_code, caught.value.code) == (413, "request_too_large")
    assert len(list((tmp_path / "files").iterdir())) == 2


FORM = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
FILE = FORM % (b"file", b'; filename="a.jsonl"', b"{}")


MULTIPART = "multipart/form-data; boundary=b"
END = b"--b--\r\n"
LONG = FORM % (b"x", b"", b"y" * 1001)
MANY = b"".join(FORM % (b"%d" % n, b"", b"y") for n in range(12))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        pytest.param("application/json", b"{}", id="json"),
        pytest.param("multipart/form-data", FILE + END, id="no boundary"),
        pytest.param("multipart/form-data; boundary=" + "b" * 500, FILE + END, id="long boundary"),
        pytest.param(MULTIPART, FILE, id="cut off"),
        pytest.param(MULTIPART, b"no form at all", id="no form"),
        pytest.param(MULTIPART, b"", id="empty"),
        pytest.param(MULTIPART, FORM % (b"purpose", b"", b"batch") + END, id="no file"),
        pytest.param(MULTIPART, LONG + FILE + END, id="long field"),
        pytest.param(MULTIPART, MANY + FILE + END, id="many fields"),
    ],
)
async def test_a_form_that_is_none_is_refused(tmp_path, kind, body):
    async with http_inside(tmp_path) as client:
        answer = await client.post("/files", content=body, headers={"content-type": kind})

    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert list((tmp_path / "files").iterdir()) == []


@pytest.mark.parametrize("name", ["file-local-", "file-local-" + "0" * 32, "..%2Fx", "%00"])
async def test_an_unknown_file_is_not_found(tmp_path, name):
    async with engine(tmp_path) as client:
        with pytest.raises(openai.NotFoundError):
            await client.files.retrieve(name)
        with pytest.raises(openai.NotFoundError):
            await client.files.delete(name)


async def test_an_upload_passes_through_little_memory(tmp_path):
    """30 MB go from disk to disk, both ends in this process."""
    source = tmp_path / "large.jsonl"
    row = (json.dumps(line("a")) + "\n").encode()
    source.write_bytes(row * (30_000_000 // len(row)))
    async with engine(tmp_path / "engine") as client:
        await client.models.list()
        tracemalloc.start()
        try:
            with source.open("rb") as content:
                file = await client.files.create(file=content, purpose="batch")
            async with client.files.with_streaming_response.content(file.id) as answer:
                size = 0
                async for chunk in answer.iter_bytes():
                    size += len(chunk)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert file.bytes == size == source.stat().st_size
    assert peak < 5_000_000
