"""Each way a server can fail has one outcome, a bounded number of attempts, and no leak."""

import logging
import shutil
import ssl
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from core.engines.openai import OpenAIEngine
from core.metrics import MetricsReader
from core.settings import Settings
from core.types import CostBasis, Failure, Success
from tests import upstream as faults
from tests.client_kit import SCHEMA, ManualTime, make_request, manual_timing, open_test_client
from tests.upstream import upstream

CANARY_KEY = "sk-canary-0123456789abcdef"
BOTH = (False, True)

# fault, streamed or not, code, attempts, basis of the cost
TABLE = [
    (faults.rate_limit, BOTH, "API002", 6, CostBasis.MEASURED),
    (faults.rate_limit_2_s, BOTH, "API002", 6, CostBasis.MEASURED),
    (faults.rate_limit_600_s, BOTH, "API002", 1, CostBasis.MEASURED),
    (faults.rate_limit_date, BOTH, "API002", 1, CostBasis.MEASURED),
    (faults.too_large_for_the_limit, BOTH, "API010", 1, CostBasis.MEASURED),
    (faults.quota, BOTH, "API003", 1, CostBasis.MEASURED),
    (faults.credit, BOTH, "API003", 1, CostBasis.MEASURED),
    (faults.broken, BOTH, "API006", 5, CostBasis.MEASURED),
    (faults.overloaded, BOTH, "API006", 5, CostBasis.MEASURED),
    (faults.gateway_timeout, BOTH, "API006", 2, CostBasis.UNKNOWN),
    (faults.hang, BOTH, "NET001", 2, CostBasis.UNKNOWN),
    (faults.drip, BOTH, "NET001", 2, CostBasis.UNKNOWN),
    (faults.reset_before_payment, BOTH, "NET002", 2, CostBasis.UNKNOWN),
    (faults.reset_after_payment, BOTH, "NET002", 2, CostBasis.UNKNOWN),
    (faults.empty, BOTH, "API008", 2, CostBasis.UNKNOWN),
    (faults.html, BOTH, "API008", 2, CostBasis.UNKNOWN),
    (faults.cut_json, BOTH, "API008", 2, CostBasis.UNKNOWN),
    (faults.cut_stream, (True,), "API008", 2, CostBasis.UNKNOWN),
    (faults.empty_object, BOTH, "API008", 2, CostBasis.UNKNOWN),
    (faults.not_an_object, BOTH, "API008", 2, CostBasis.UNKNOWN),
    (faults.error_in_200, (False,), "API006", 5, CostBasis.MEASURED),
    (faults.error_in_stream, (True,), "API008", 2, CostBasis.UNKNOWN),
    (faults.no_choices, BOTH, "API008", 2, CostBasis.UNKNOWN),
    (faults.odd_types, BOTH, "API008", 2, CostBasis.UNKNOWN),
    (faults.null_content, BOTH, "CNT005", 1, CostBasis.MEASURED),
    (faults.refusal, BOTH, "CNT004", 1, CostBasis.MEASURED),
    (faults.length, BOTH, "CNT003", 1, CostBasis.MEASURED),
    (faults.content_filter, BOTH, "CNT001", 1, CostBasis.MEASURED),
    (faults.wrong_schema, BOTH, "CNT006", 1, CostBasis.MEASURED),
    (faults.huge, BOTH, "API008", 2, CostBasis.UNKNOWN),
    (faults.compressed_flood, BOTH, "API008", 2, CostBasis.UNKNOWN),
    (faults.wrong_charset, BOTH, "API008", 2, CostBasis.UNKNOWN),
    (faults.too_large, BOTH, "API009", 2, CostBasis.MEASURED),  # the second time smaller
    (faults.key_echoed, BOTH, "API001", 1, CostBasis.MEASURED),
    (faults.no_such_address, BOTH, "API007", 1, CostBasis.MEASURED),
    (faults.no_such_model, BOTH, "API004", 1, CostBasis.MEASURED),
    (faults.bad_picture, BOTH, "IMG005", 1, CostBasis.MEASURED),
    (faults.too_long, BOTH, "CNT002", 1, CostBasis.MEASURED),
    (faults.forbidden, BOTH, "API005", 1, CostBasis.MEASURED),
]
CASES = [
    pytest.param(
        (fault, streamed, *rest), id=f"{fault.__name__}-{'stream' if streamed else 'whole'}"
    )
    for fault, ways, *rest in TABLE
    for streamed in ways
]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,tessera.invalid")


def engine_for(base_url: str) -> OpenAIEngine:
    return OpenAIEngine(
        Settings(_env_file=None, openai_api_key=CANARY_KEY, openai_base_url=base_url)
    )


@pytest.mark.parametrize("case", CASES)
async def test_each_fault_has_its_outcome(tmp_path, caplog, case):
    fault, streamed, code, attempts, basis = case
    caplog.set_level(logging.DEBUG)
    time, pieces = ManualTime(), []
    timing = manual_timing(time, call_timeout_s=0.3 if fault in SILENT else 20)
    async with (
        upstream(fault) as server,
        open_test_client(tmp_path, engine_for(server.base_url), timing=timing) as client,
    ):
        request = make_request(schema=SCHEMA)
        outcome = await client.analyze(request, pieces.append if streamed else None)
        kept_answers = client.cache.statistics().entries
        spending = client.ledger.spending()
        measured = MetricsReader(client.ledger.database).measure()

    assert isinstance(outcome, Failure)
    assert (outcome.code, outcome.attempts) == (code, attempts)
    assert len(server.requests) == attempts
    assert outcome.cost.basis is basis
    assert sum(time.slept_s) < timing.deadline_s
    assert kept_answers == 0
    assert spending.reserved_usd == 0
    assert (spending.spent_usd > 0) >= bool(server.paid)  # what was billed is never counted as 0
    assert measured.requests == 1
    assert_no_leak(outcome, caplog, tmp_path)


SILENT = {faults.hang, faults.drip}


def assert_no_leak(outcome: object, caplog, directory: Path) -> None:
    files = [path.read_bytes() for path in directory.rglob("*") if path.is_file()]
    assert files
    for kept in (repr(outcome), caplog.text, *(data.decode("latin-1") for data in files)):
        assert "canary" not in kept


@pytest.mark.parametrize("streamed", BOTH)
async def test_a_good_answer_comes_through_with_its_bill(tmp_path, streamed):
    pieces: list[str] = []
    async with (
        upstream(faults.fine) as server,
        open_test_client(tmp_path, engine_for(server.base_url)) as client,
    ):
        outcome = await client.analyze(
            make_request(schema=SCHEMA), pieces.append if streamed else None
        )

    assert isinstance(outcome, Success)
    assert outcome.data == {"total": 12.5}
    assert outcome.cost.usd == Decimal("0.00083")  # 300 in at 2.50, 8 out at 10 USD per million
    assert (outcome.first_token_s is not None) is streamed
    assert len(server.paid) == 1
    if streamed:
        assert "".join(pieces) == outcome.text


async def test_a_redirect_is_not_followed(tmp_path):
    async with (
        upstream(faults.fine) as other,
        upstream(faults.redirect_to(f"{other.base_url}/chat/completions")) as server,
        open_test_client(tmp_path, engine_for(server.base_url)) as client,
    ):
        outcome = await client.analyze(make_request())

    assert outcome.code == "API007"
    assert "redirects" in str(outcome.detail)
    assert other.requests == []


@pytest.mark.parametrize("streamed", BOTH)
async def test_parameters_an_older_server_does_not_know_are_dropped_once(tmp_path, streamed):
    server_fault = faults.refuses_parameters("store", "max_completion_tokens", "stream_options")
    sink = (lambda _: None) if streamed else None
    async with (
        upstream(server_fault) as server,
        open_test_client(tmp_path, engine_for(server.base_url)) as client,
    ):
        first = await client.analyze(make_request(), sink)
        asked = len(server.requests)
        second = await client.analyze(make_request(b"another picture"), sink)

    assert isinstance(first, Success)
    assert {note.values["name"] for note in second.notes} >= {"store", "max_completion_tokens"}
    assert len(server.requests) == asked + 1
    assert server.requests[-1].body["max_tokens"] == 300


async def test_the_request_has_the_agreed_form(tmp_path):
    async with (
        upstream(faults.fine) as server,
        open_test_client(tmp_path, engine_for(server.base_url)) as client,
    ):
        await client.analyze(make_request(schema=SCHEMA))

    body = server.requests[0].body
    system, user = body["messages"]
    text, image = user["content"]
    assert body["store"] is False
    assert body["max_completion_tokens"] == 300
    assert body["response_format"]["json_schema"]["strict"] is True
    assert (system["role"], text["text"]) == ("system", "What is this?")
    assert image["image_url"]["detail"] == "high"
    assert image["image_url"]["url"].startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize(
    ("base_url", "code"),
    [
        ("http://127.0.0.1:9/v1", "NET002"),  # nobody listens on the discard port
        ("http://tessera.invalid/v1", "NET003"),
    ],
)
async def test_an_endpoint_out_of_reach_costs_nothing(tmp_path, base_url, code):
    async with open_test_client(tmp_path, engine_for(base_url)) as client:
        outcome = await client.analyze(make_request())

    assert (outcome.code, outcome.cost.usd) == (code, 0)


async def test_a_proxy_out_of_reach_is_named(tmp_path, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with open_test_client(tmp_path, engine_for("http://tessera.invalid/v1")) as client:
        outcome = await client.analyze(make_request())

    assert (outcome.code, outcome.cost.usd) == ("NET004", 0)


@pytest.fixture
def self_signed(tmp_path):
    """Return a server context whose certificate nobody has signed."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is needed to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    for_address = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run([openssl, *new, *for_address], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


async def test_a_certificate_that_nobody_signed_is_refused(tmp_path, self_signed):
    async with (
        upstream(faults.fine, tls=self_signed) as server,
        open_test_client(tmp_path / "data", engine_for(server.base_url)) as client,
    ):
        outcome = await client.analyze(make_request())

    assert (outcome.code, outcome.attempts) == ("NET005", 1)
    assert server.requests == []
