"""Batches of the embedded engine, through the vendor's own client, inside the process."""

import base64

import openai
import pytest

from core.local.jobs import lines as lines_module
from core.local.jobs.runner import LINES_AT_ONCE, answer_with
from core.local.ocr import WORKERS
from core.local.problems import RequestError
from core.local.reader import PageReader
from core.phrases import Phrase
from tests.unit.local.batch_engine import (
    CHAT,
    Clock,
    GatedReader,
    TrustingDecoder,
    begun,
    ended,
    engine,
    line,
    rows,
    submit,
)

DAY_S = 86_400


async def test_a_batch_is_answered_as_calls_are(tmp_path):
    async with engine(tmp_path) as client:
        batch = await submit(client, line("a"), line("b", 0), metadata={"job": "7"})
        assert batch.status == "validating"
        batch = await ended(client, batch)
        output = await rows(client, batch.output_file_id)

    assert batch.status == "completed"
    assert batch.model == "local-vision-1"
    assert batch.metadata == {"job": "7"}
    assert batch.error_file_id is None
    counts = batch.request_counts
    assert (counts.total, counts.completed, counts.failed) == (2, 2, 0)
    assert batch.expires_at == batch.created_at + 86_400
    assert batch.created_at <= batch.in_progress_at <= batch.finalizing_at <= batch.completed_at
    assert sorted(row["custom_id"] for row in output) == ["a", "b"]
    for row in output:
        assert (row["error"], row["response"]["status_code"]) == (None, 200)
        body = row["response"]["body"]
        assert "**9.90**" in body["choices"][0]["message"]["content"]
        assert body["model"] == "local-vision-1"
    used = [row["response"]["body"]["usage"] for row in output]
    assert batch.usage.input_tokens == sum(usage["prompt_tokens"] for usage in used)
    assert batch.usage.output_tokens == sum(usage["completion_tokens"] for usage in used)


async def test_lines_that_cannot_be_answered_go_to_the_error_file(tmp_path):
    bad = line("bad")
    bad["body"]["messages"] = []
    streamed = line("streamed")
    streamed["body"]["stream"] = True
    damaged = line("damaged")
    url = f"data:image/png;base64,{base64.b64encode(b'refuse me').decode()}"
    damaged["body"]["messages"][0]["content"][1]["image_url"]["url"] = url
    async with engine(tmp_path) as client:
        batch = await ended(client, await submit(client, line("good"), bad, streamed, damaged))
        (good,) = await rows(client, batch.output_file_id)
        errors = {row["custom_id"]: row for row in await rows(client, batch.error_file_id)}

    assert good["custom_id"] == "good"
    counts = batch.request_counts
    assert (counts.total, counts.completed, counts.failed) == (4, 1, 3)
    assert errors.keys() == {"bad", "streamed", "damaged"}
    assert errors["bad"]["error"] is None
    assert errors["bad"]["response"]["status_code"] == 400
    assert errors["bad"]["response"]["body"]["error"]["param"] == "messages"
    assert errors["streamed"]["response"]["body"]["error"]["param"] == "stream"
    assert errors["damaged"]["response"]["body"]["error"]["code"] == "image_parse_error"


async def test_a_batch_in_which_all_fails_has_no_output_file(tmp_path):
    bad = line("bad")
    bad["body"]["messages"] = []
    async with engine(tmp_path) as client:
        batch = await ended(client, await submit(client, bad))

    assert (batch.status, batch.output_file_id) == ("completed", None)
    assert batch.error_file_id is not None


async def test_a_bug_costs_one_line(tmp_path):
    def read(picture, looks, text_layer):
        raise ZeroDivisionError

    async with engine(tmp_path, read) as client:
        batch = await ended(client, await submit(client, line("a")))
        (row,) = await rows(client, batch.error_file_id)

    assert row["response"]["status_code"] == 500
    assert row["response"]["body"]["error"]["code"] == "server_error"


@pytest.mark.parametrize(
    ("requests", "code", "number"),
    [
        ([line("a"), "{not JSON", line("b")], "invalid_json_line", 2),
        ([line("a"), "[1]"], "invalid_json_line", 2),
        (["[" * 100_000], "invalid_json_line", 1),
        ([line("a"), "", line("a")], "duplicate_custom_id", 3),
        ([line("a", url="/v1/responses")], "url_mismatch", 1),
        ([line("a", body={"model": "gpt-4o"})], "model_mismatch", 1),
        ([line("a", body="text")], "missing_required_parameter", 1),
        ([line("a", method="GET")], "missing_required_parameter", 1),
        ([line("")], "missing_required_parameter", 1),
        ([line(7)], "missing_required_parameter", 1),
        ([], "empty_file", None),
        ([line("a"), line("b"), line("c")], "too_many_tasks", None),
        ([line("a") | {"note": "x" * 2000}], "invalid_json_line", 1),
    ],
)
async def test_a_batch_with_a_wrong_line_is_not_begun(
    tmp_path, monkeypatch, requests, code, number
):
    monkeypatch.setattr(lines_module, "MAX_REQUESTS", 2 if code == "too_many_tasks" else 9)
    monkeypatch.setattr(lines_module, "MAX_LINE_BYTES", 1500 if "note" in str(requests) else 10**6)
    read = GatedReader()
    async with engine(tmp_path, read) as client:
        batch = await ended(client, await submit(client, *requests))

    assert batch.status == "failed"
    assert [(each.code, each.line) for each in batch.errors.data] == [(code, number)]
    assert (batch.output_file_id, batch.error_file_id, read.pages) == (None, None, 0)


async def test_only_so_many_wrong_lines_are_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(lines_module, "MAX_PROBLEMS", 3)
    async with engine(tmp_path) as client:
        batch = await ended(client, await submit(client, *["no"] * 5))

    assert [each.line for each in batch.errors.data] == [1, 2, 3]


async def test_a_batch_of_a_file_that_is_not_there_fails(tmp_path):
    async with engine(tmp_path) as client:
        batch = await client.batches.create(
            input_file_id="file-none", endpoint=CHAT, completion_window="24h"
        )
        batch = await ended(client, batch)

    assert (batch.status, batch.errors.data[0].code) == ("failed", "file_not_found")


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"input_file_id": ""}, "input_file_id"),
        ({"endpoint": "/v1/embeddings"}, "endpoint"),
        ({"completion_window": "1h"}, "completion_window"),
        ({"metadata": {"a": "x" * 513}}, "metadata"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "metadata"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 60}}, "output_expires_after"),
        ({"output_expires_after": "soon"}, "output_expires_after"),
    ],
)
async def test_a_wrong_order_is_refused_at_once(tmp_path, changes, param):
    order = {"input_file_id": "f", "endpoint": CHAT, "completion_window": "24h"}
    async with engine(tmp_path) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.batches.create(**order | changes)

    assert caught.value.param == param


async def test_batches_are_listed_newest_first_and_page_by_page(tmp_path):
    async with engine(tmp_path) as client:
        made = [(await submit(client, line("a"))).id for _ in range(5)]
        first = await client.batches.list(limit=2)
        listed = [batch.id async for batch in client.batches.list(limit=2)]

    assert ([batch.id for batch in first.data], first.has_more) == (made[:2:-1], True)
    assert listed == made[::-1]


@pytest.mark.parametrize("limit", ["0", "101", "many", "-1", "9" * 30])
async def test_a_page_has_a_limit(tmp_path, limit):
    async with engine(tmp_path) as client:
        with pytest.raises(openai.BadRequestError):
            await client.batches.list(limit=limit)


@pytest.mark.parametrize("name", ["batch_local_0", "batch_local_" + "0" * 32, "..%2F..%2Fetc", "x"])
async def test_an_unknown_batch_is_not_found(tmp_path, name):
    async with engine(tmp_path) as client:
        with pytest.raises(openai.NotFoundError):
            await client.batches.retrieve(name)
        with pytest.raises(openai.NotFoundError):
            await client.batches.cancel(name)


async def test_a_cancelled_batch_keeps_what_was_answered(tmp_path):
    read = GatedReader()
    read.may_read.clear()
    requests = [line(str(n), n) for n in range(LINES_AT_ONCE + 2)]
    async with engine(tmp_path, read) as client:
        batch = await submit(client, *requests)
        batch = await begun(client, batch, read)
        asked = await client.batches.cancel(batch.id)
        again = await client.batches.cancel(batch.id)
        read.may_read.set()
        batch = await ended(client, batch)
        output = await rows(client, batch.output_file_id)
        errors = await rows(client, batch.error_file_id)
        with pytest.raises(openai.ConflictError):
            await client.batches.cancel(batch.id)

    assert (asked.status, again.status, batch.status) == ("cancelling", "cancelling", "cancelled")
    assert batch.created_at <= batch.cancelling_at <= batch.cancelled_at
    assert len(output) == LINES_AT_ONCE
    assert [row["error"]["code"] for row in errors] == ["batch_cancelled"] * 2
    assert all(row["response"] is None for row in errors)


async def test_an_expired_batch_keeps_what_was_answered(tmp_path):
    clock, read = Clock(), GatedReader()
    read.may_read.clear()
    requests = [line(str(n), n) for n in range(LINES_AT_ONCE + 2)]
    async with engine(tmp_path, read, clock) as client:
        batch = await submit(client, *requests)
        batch = await begun(client, batch, read)
        clock.now_s += DAY_S
        read.may_read.set()
        batch = await ended(client, batch)
        output = await rows(client, batch.output_file_id)
        errors = await rows(client, batch.error_file_id)

    assert (batch.status, len(output)) == ("expired", LINES_AT_ONCE)
    assert [row["error"]["code"] for row in errors] == ["batch_expired"] * 2
    counts = batch.request_counts
    assert (counts.total, counts.completed, counts.failed) == (LINES_AT_ONCE + 2, LINES_AT_ONCE, 0)


@pytest.mark.skipif(WORKERS == 1, reason="one core reads one page at a time")
async def test_who_waits_for_an_answer_does_not_wait_for_a_batch(tmp_path):
    class BlackAtOnce(GatedReader):
        def __call__(self, picture, looks, text_layer):
            reader = GatedReader() if looks.brightness < 10 else super()
            return reader.__call__(picture, looks, text_layer)

    read = BlackAtOnce()
    read.may_read.clear()
    async with engine(tmp_path, read) as client:
        batch = await submit(client, *[line(str(n), 100 + n) for n in range(8)])
        await begun(client, batch, read)
        answer = await client.chat.completions.create(**line("now", 0)["body"])
        still = await client.batches.retrieve(batch.id)
        read.may_read.set()
        await ended(client, batch)

    assert "9.90" in answer.choices[0].message.content
    assert (still.status, still.request_counts.completed) == ("in_progress", 0)


async def test_a_line_waits_while_the_queue_is_full():
    class BusyReader(PageReader):
        refusals = 2

        async def open(self, picture):
            if self.refusals:
                self.refusals -= 1
                raise RequestError(429, "rate_limit_exceeded", Phrase("Busy."), retry_after_s=3)
            return await super().open(picture)

    slept_s = []

    async def sleep(wait_s):
        slept_s.append(wait_s)

    reader = BusyReader(TrustingDecoder(), GatedReader())
    answer = await answer_with(reader, sleep)(line("a")["body"])
    await reader.close()

    assert slept_s == [3, 3]
    assert answer["object"] == "chat.completion"
