"""Whatever a server does or repeats, no key, picture or prompt gets where it would stay."""

import base64
import io
import json
import logging
from dataclasses import replace
from types import SimpleNamespace

import pytest

from core.engines.openai import OpenAIEngine
from core.export import explain
from core.logs import configure_logs
from core.metrics import MetricsReader
from core.settings import Settings
from core.types import Failure
from service.health import examine_health
from service.prometheus import exposition
from tests import upstream as faults
from tests.client_kit import (
    SCHEMA,
    FakePreparer,
    ManualTime,
    make_request,
    manual_timing,
    open_test_client,
)
from tests.faults.test_upstream_faults import SILENT, TABLE
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
async def test_no_fault_makes_anything_tell_a_canary(
    tmp_path, monkeypatch, log, group, call_timeout_s
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
                outcomes.append(await client.analyze(request))
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
