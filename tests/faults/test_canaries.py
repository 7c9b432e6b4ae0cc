"""Whatever a server does or repeats, no key, picture or prompt gets where it would stay."""

import base64
import io
import json
import logging
from dataclasses import replace
from types import SimpleNamespace

import pytest

from core.batch.types import JobLane
from core.engines.openai import OpenAIEngine
from core.export import explain
from core.logs import configure_logs
from core.metrics import MetricsReader
from core.settings import Settings
from core.types import Failure
from service.health import examine_health
from service.prometheus import exposition
from tests import batch_plans as plans
from tests import upstream as faults
from tests.batch_kit import QUESTION, FakeDecoder, open_bench, pictures
from tests.batch_plans import Fate
from tests.batch_upstream import BatchUpstream
from tests.batch_wire import refusal
from tests.client_kit import (
    SCHEMA,
    FakePreparer,
    ManualTime,
    make_request,
    manual_timing,
    open_test_client,
)
from tests.faults.test_upstream_faults import SILENT, TABLE
from tests.lane_kit import rhythm
from tests.upstream import upstream

KEY = "relaykey0canary0key0"  # does not look like a key: only the settings know that it is one
PROMPT = "canaryprompt: what is this?"
PICTURE = b"\xff\xd8" + b"canarypicture" * 50
PIECES = [
    base64.b64encode(b"canarypicture" * 3)[shift : shift + 24].decode() for shift in range(26)
]


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


class CanaryPreparer(FakePreparer):
    async def prepare(self, *args, **kwargs):
        return replace(await super().prepare(*args, **kwargs), data=PICTURE)


@pytest.fixture
def log():
    """Return everything that is logged, down to the least important, as the server writes it."""
    root, factory = logging.getLogger(), logging.getLogRecordFactory()
    handlers, level = root.handlers[:], root.level
    configure_logs(Settings(openai_api_key=KEY), logging.DEBUG)
    root.setLevel(logging.DEBUG)
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(root.handlers[-1].formatter)
    root.addHandler(handler)
    yield written
    root.handlers = handlers
    root.setLevel(level)
    for ours in ("core", "service", "ui"):
        logging.getLogger(ours).setLevel(logging.NOTSET)
    logging.setLogRecordFactory(factory)


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
            watched = exposition(bench(client, settings), "")[0].decode()
            watched += repr(examine_health(bench(client, settings)))

    assert all(isinstance(outcome, Failure) for outcome in outcomes)
    assert len(server.requests) > len(group)  # every one of them was asked, some twice
    assert '"asked"' in log.getvalue()
    kept = [path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()]
    for text in (log.getvalue(), watched, *kept):
        assert "canaryprompt" not in text
        assert_no_secret(text)
    for outcome in outcomes:
        assert_no_secret(repr(outcome))
        assert_no_secret(repr(explain(outcome.code, outcome.detail, str)))


class EchoingVendor(BatchUpstream):
    """Repeats key, question and picture wherever it has something to say."""

    def handle(self, asked):
        reply = super().handle(asked)
        said = f"{KEY} Bearer {KEY} sent {PROMPT} {base64.b64encode(PICTURE).decode()}"
        told = f'"message": {json.dumps(said)}'.encode()
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
        watched = exposition(bench(opened.client, settings), "")[0].decode()

    assert "canaryprompt" not in log.getvalue() + watched
    kept = [path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()]
    for text in (log.getvalue(), watched, told, *kept):
        assert_no_secret(text)


def given(base_url, directory):
    return Settings(openai_api_key=KEY, openai_base_url=base_url, tessera_data_dir=directory)


def bench(client, settings):
    """Return everything of a workbench that is watched."""
    return SimpleNamespace(
        settings=settings,
        client=client,
        ledger=client.ledger,
        cache=client.cache,
        catalog=client.catalog,
        engine=client.engine,
        metrics=MetricsReader(client.ledger.database),
        opened_at_s=0.0,
    )


def assert_no_secret(text):
    assert KEY not in text
    assert "canarypicture" not in text
    assert not [piece for piece in PIECES if piece in text]
