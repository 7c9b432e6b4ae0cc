"""The simulated server keeps to the vendor's rules: what tests of the lane rest on."""

import base64
import json
from contextlib import asynccontextmanager
from decimal import Decimal

import httpx2
import openai
import pytest

from tests import batch_plans as plans
from tests.batch_plans import DAY_S, Fate, Plan
from tests.batch_upstream import BatchUpstream
from tests.batch_wire import HTML_413, NO_METHOD, NO_ROUTE, listening

CHAT = "/v1/chat/completions"


def line(number, **changes):
    picture = base64.b64encode(f"picture {number}".encode()).decode()
    url = {"url": f"data:image/jpeg;base64,{picture}"}
    parts = [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": url}]
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": parts}]}
    return {"custom_id": f"n{number}", "method": "POST", "url": CHAT, "body": body} | changes


@asynccontextmanager
async def client_of(upstream):
    http = httpx2.AsyncClient(transport=upstream.transport)
    async with openai.AsyncOpenAI(
        api_key="x", base_url="http://vendor/v1", max_retries=0, http_client=http
    ) as client:
        yield client


async def submit(client, count=4, lines=None):
    texts = [json.dumps(each) for each in lines or map(line, range(count))]
    file = ("in.jsonl", "\n".join(texts).encode())
    uploaded = await client.files.create(file=file, purpose="batch")
    return await client.batches.create(
        input_file_id=uploaded.id, endpoint=CHAT, completion_window="24h", metadata={"job": "1"}
    )


async def rows(client, file_id):
    if file_id is None:
        return []
    content = await client.files.content(file_id)
    return [json.loads(text) for text in content.text.splitlines()]


async def test_a_batch_moves_with_the_clock_and_bills_each_line_once():
    upstream = BatchUpstream()
    async with client_of(upstream) as client:
        batch = await submit(client)
        seen = [batch.status]
        for seconds in (60, 300, 300, 60):
            upstream.clock.step(seconds)
            batch = await client.batches.retrieve(batch.id)
            seen.append((batch.status, batch.request_counts.completed, len(upstream.paid)))
        output = await rows(client, batch.output_file_id)

    assert seen == [
        "validating",
        ("in_progress", 0, 0),
        ("in_progress", 2, 2),
        ("finalizing", 4, 4),
        ("completed", 4, 4),
    ]
    assert [row["custom_id"] for row in output] == ["n0", "n1", "n2", "n3"]
    used = [row["response"]["body"]["usage"] for row in output]
    expected = sum(
        Decimal("1.25") / 10**6 * usage["prompt_tokens"]
        + Decimal(5) / 10**6 * usage["completion_tokens"]
        for usage in used
    )
    assert sum(paid.usd for paid in upstream.paid) == expected
    assert {paid.lane for paid in upstream.paid} == {"batch"}
    assert batch.usage.input_tokens == sum(usage["prompt_tokens"] for usage in used)


@pytest.mark.parametrize(
    ("plan", "elapsed_s", "status", "paid", "output", "errors"),
    [
        (plans.FINE, 720, "completed", 4, 4, set()),
        (plans.ALL_REJECTED, 720, "completed", 0, 0, {400}),
        (plans.mixed(Fate.ANSWERED, Fate.TIMED_OUT), 720, "completed", 2, 2, {"request_timeout"}),
        (plans.mixed(Fate.REFUSED, Fate.CUT), 720, "completed", 4, 4, set()),
        (plans.mixed(Fate.BROKEN, Fate.ANSWERED), 720, "completed", 2, 2, {500}),
        (plans.EXPIRES_HALFWAY, DAY_S, "expired", 2, 2, {"batch_expired"}),
        (plans.STUCK, DAY_S - 1, "in_progress", 0, 0, set()),
        (plans.STUCK, DAY_S, "expired", 0, 0, {"batch_expired"}),
        (plans.SLOW_FINALIZING, 720, "finalizing", 4, 0, set()),
        (plans.SLOW_FINALIZING, 660 + 6 * 3600, "completed", 4, 4, set()),
        (plans.TOKEN_LIMIT, 60, "failed", 0, 0, set()),
        (plans.INVALID, 60, "failed", 0, 0, set()),
    ],
)
async def test_each_plan_ends_as_it_says(plan, elapsed_s, status, paid, output, errors):
    upstream = BatchUpstream(plans=[plan])
    async with client_of(upstream) as client:
        batch = await submit(client)
        upstream.clock.step(elapsed_s)
        batch = await client.batches.retrieve(batch.id)
        answered = await rows(client, batch.output_file_id)
        failed = await rows(client, batch.error_file_id)

    assert (batch.status, len(upstream.paid), len(answered)) == (status, paid, output)
    assert (batch.output_file_id is None) is (output == 0)
    found = {
        row["response"]["status_code"] if row["response"] else row["error"]["code"]
        for row in failed
    }
    assert found == errors


async def test_a_plan_with_problems_names_them_by_line():
    upstream = BatchUpstream(plans=[plans.INVALID])
    async with client_of(upstream) as client:
        batch = await submit(client)
        upstream.clock.step(60)
        batch = await client.batches.retrieve(batch.id)

    assert [(each.code, each.line) for each in batch.errors.data] == [
        ("invalid_json_line", 2),
        ("duplicate_custom_id", 3),
    ]


async def test_a_cancelled_batch_keeps_what_is_done():
    upstream = BatchUpstream()
    async with client_of(upstream) as client:
        batch = await submit(client)
        upstream.clock.step(60 + 300)
        assert (await client.batches.cancel(batch.id)).status == "cancelling"
        upstream.clock.step(300)
        batch = await client.batches.retrieve(batch.id)
        output = await rows(client, batch.output_file_id)
        errors = await rows(client, batch.error_file_id)
        with pytest.raises(openai.ConflictError):
            await client.batches.cancel(batch.id)

    assert batch.status == "cancelled"
    assert (len(output), len(upstream.paid)) == (2, 2)
    assert [row["error"]["code"] for row in errors] == ["batch_cancelled"] * 2


async def test_enqueued_tokens_are_released_when_a_batch_ends():
    upstream = BatchUpstream(enqueued_token_limit=2000)
    async with client_of(upstream) as client:
        first, second = await submit(client), await submit(client)
        upstream.clock.step(720)
        ended = [(await client.batches.retrieve(each.id)) for each in (first, second)]
        third = await submit(client)
        upstream.clock.step(720)
        again = await client.batches.retrieve(third.id)

    assert [each.status for each in (*ended, again)] == ["completed", "failed", "completed"]
    (error,) = ended[1].errors.data
    assert error.code == "token_limit_exceeded"
    assert "Limit: 2,000 enqueued" in error.message


async def test_a_lost_answer_was_obeyed():
    upstream = BatchUpstream(lost=["POST /v1/batches"])
    async with client_of(upstream) as client:
        with pytest.raises(openai.APIConnectionError):
            await submit(client)
        listed = [batch async for batch in client.batches.list()]

    assert [batch.metadata for batch in listed] == [{"job": "1"}]


async def test_scripted_answers_come_first_and_do_nothing():
    upstream = BatchUpstream(scripted={"POST /v1/files": [HTML_413]})
    async with client_of(upstream) as client:
        with pytest.raises(openai.APIStatusError) as caught:
            await submit(client)
        assert upstream.files == {}
        await submit(client)

    assert caught.value.status_code == 413
    assert upstream.times("POST /v1/files") == 2


@pytest.mark.parametrize(("reply", "error"), [(NO_ROUTE, 404), (NO_METHOD, 405)])
async def test_a_server_without_batches_says_so(reply, error):
    async with client_of(BatchUpstream(without_batches=reply)) as client:
        with pytest.raises(openai.APIStatusError) as caught:
            await submit(client)

    assert caught.value.status_code == error


async def test_answers_come_in_another_order():
    upstream = BatchUpstream(plans=[plans.BACKWARDS])
    async with client_of(upstream) as client:
        batch = await submit(client)
        upstream.clock.step(720)
        batch = await client.batches.retrieve(batch.id)
        output = await rows(client, batch.output_file_id)

    assert [row["custom_id"] for row in output] == ["n3", "n2", "n1", "n0"]


async def test_files_expire():
    upstream = BatchUpstream()
    async with client_of(upstream) as client:
        batch = await submit(client)
        upstream.clock.step(720)
        batch = await client.batches.retrieve(batch.id)
        upstream.clock.step(30 * DAY_S)
        with pytest.raises(openai.NotFoundError):
            await client.files.content(batch.output_file_id)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([line(1), line(1)], "duplicate_custom_id"),
        ([line(1, url="/v1/responses")], "url_mismatch"),
        ([line(1), line(2, body={"model": "gpt-4o-mini", "messages": []})], "model_mismatch"),
    ],
)
async def test_what_is_really_wrong_is_found_too(lines, code):
    upstream = BatchUpstream(plans=[Plan(validating_s=0)])
    async with client_of(upstream) as client:
        batch = await submit(client, lines=lines)

    assert (batch.status, batch.errors.data[0].code) == ("failed", code)


async def test_it_serves_other_processes_on_a_port(tmp_path):
    upstream = BatchUpstream(paid_log=tmp_path / "paid.jsonl")
    async with (
        listening(upstream.handle) as base_url,
        openai.AsyncOpenAI(api_key="x", base_url=base_url, max_retries=0) as client,
    ):
        batch = await submit(client)
        upstream.clock.step(720)
        await client.batches.retrieve(batch.id)

    assert len(upstream.paid_log.read_text().splitlines()) == 4
