"""Whatever a server does or repeats, no key, picture or prompt gets where it would stay."""

import json
import logging
from dataclasses import replace

import pytest

from core.batch.types import JobLane
from core.engines.openai import OpenAIEngine
from core.export import explain
from core.types import Failure
from tests import batch_plans as plans
from tests import upstream as faults
from tests.batch_kit import QUESTION, FakeDecoder, open_bench, pictures
from tests.batch_plans import Fate
from tests.batch_upstream import BatchUpstream
from tests.batch_wire import refusal
from tests.canaries import (
    ECHO,
    PICTURE,
    PROMPT,
    CanaryPreparer,
    assert_no_secret,
    files_in,
    given,
    watched,
)
from tests.client_kit import SCHEMA, ManualTime, make_request, manual_timing, open_test_client
from tests.faults.test_upstream_faults import SILENT, TABLE
from tests.lane_kit import rhythm
from tests.upstream import upstream


def echo(status, code=None):
    """Return a fault that says everything back that it was sent."""

    async def fault(exchange):
        said = f"{exchange.headers['authorization']} sent {json.dumps(exchange.body)}"
        picture = exchange.body["messages"][1]["content"][1]["image_url"]["url"]
        if status == 200:
            await exchange.respond(200, said)
        else:
            await exchange.error(status, code, f"{picture[20:]} {said}")

    return fault


async def echo_in_200(exchange):
    said = f"{exchange.headers['authorization']} {json.dumps(exchange.body)}"
    await exchange.respond(200, json.dumps({"error": {"message": said, "code": "server_error"}}))


ECHOES = [
    *(echo(status) for status in (200, 400, 401, 403, 404, 413, 429, 500)),
    echo(400, "invalid_image"),
    echo(400, "content_policy_violation"),
    echo(429, "insufficient_quota"),
    echo_in_200,
]


ALL = [row[0] for row in TABLE] + ECHOES


@pytest.mark.parametrize(
    ("group", "call_timeout_s"),
    [
        pytest.param([each for each in ALL if each not in SILENT], 20, id="answering"),
        pytest.param(SILENT, 0.3, id="silent"),
    ],
)
@pytest.mark.parametrize("on_text", [None, lambda _: None], ids=["whole", "streamed"])
async def test_no_fault_makes_anything_tell_a_canary(
    tmp_path, monkeypatch, log, group, call_timeout_s, on_text
):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    time = ManualTime()
    timing = manual_timing(time, call_timeout_s)
    async with upstream(faults.fine) as server:
        engine = OpenAIEngine(settings := given(server.base_url, tmp_path))
        preparer = CanaryPreparer()
        async with open_test_client(
            tmp_path, engine, timing=timing, preparer=preparer, time=time
        ) as client:
            outcomes = []
            for number, fault in enumerate(group):
                server.fault = fault
                request = make_request(PICTURE + bytes([number]), prompt=PROMPT, schema=SCHEMA)
                outcomes.append(await client.analyze(request, on_text))
            logging.getLogger("core.test").error("asked")
            told = watched(client, settings)

    assert all(isinstance(outcome, Failure) for outcome in outcomes)
    assert len(server.requests) > len(group)  # every one of them was asked, some twice
    assert '"asked"' in log.getvalue()
    for text in (log.getvalue(), told, *files_in(tmp_path)):
        assert "canaryprompt" not in text
        assert_no_secret(text)
    for outcome in outcomes:
        assert_no_secret(repr(outcome))
        assert_no_secret(repr(explain(outcome.code, outcome.detail, str)))


class EchoingVendor(BatchUpstream):
    """Repeats key, question and picture wherever it has something to say."""

    def handle(self, asked):
        reply = super().handle(asked)
        told = f'"message": {json.dumps(ECHO)}'.encode()
        return reply and replace(reply, body=reply.body.replace(b'"message": "fault"', told))


class CanaryDecoder(CanaryPreparer, FakeDecoder):
    """Makes the picture that must not be seen again."""


@pytest.mark.parametrize(
    ("plan", "scripted"),
    [
        pytest.param(plans.ALL_REJECTED, {}, id="lines rejected"),
        pytest.param(plans.mixed(Fate.BROKEN, Fate.REFUSED, Fate.CUT), {}, id="lines failed"),
        pytest.param(plans.INVALID, {}, id="job found wrong"),
        pytest.param(plans.FINE, {"POST /v1/files": [refusal(400, "bad")]}, id="file refused"),
        pytest.param(plans.FINE, {"POST /v1/batches": [refusal(401, None)]}, id="key refused"),
        pytest.param(plans.FINE, {"GET /v1/batches/*": [refusal(500, None)]}, id="look failed"),
    ],
)
async def test_no_fault_of_the_batch_lane_makes_anything_tell_a_canary(
    tmp_path, log, plan, scripted
):
    """The question is part of a batch and kept with it, but neither logged nor counted."""
    vendor = EchoingVendor(plans=[plan], scripted=scripted)
    settings = given("http://127.0.0.1:1/v1", tmp_path)
    async with open_bench(
        tmp_path,
        OpenAIEngine(settings, vendor.transport),
        rhythm=rhythm(vendor),
        decoder=CanaryDecoder(),
        wall_clock=vendor.clock,
    ) as opened:
        asked = replace(QUESTION, prompt=PROMPT)
        lane = JobLane.BATCH
        batch_id = await opened.batches.create("canaries", pictures(3), asked, lane=lane)
        await opened.batches.start(batch_id)
        await opened.batches.wait()
        logging.getLogger("core.test").error("asked")
        told = repr(opened.batches.progress(batch_id))
        told += repr([opened.batches.item(item.id) for item in opened.batches.items(batch_id)])
        seen = watched(opened.client, settings)

    assert "canaryprompt" not in log.getvalue() + seen
    for text in (log.getvalue(), seen, told, *files_in(tmp_path)):
        assert_no_secret(text)
