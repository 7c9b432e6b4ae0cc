"""What machines that watch are told: /metrics in Prometheus' form, /health as the guide has it."""

import re
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.errors import StorageError
from core.settings import Settings
from core.store.calls import CallRecord, CallStatus, PlannedCall
from core.types import Cost, CostBasis, TokenUsage
from core.workbench import Workbench
from service.monitoring import monitoring_routes

MONITORING = Path(__file__).resolve().parents[2] / "docs" / "monitoring.md"
PLANNED = PlannedCall("page", "describe", "gpt-4o", "openai", "high", "k", 290)


def call(usd="0.001", basis=CostBasis.MEASURED, planned=PLANNED, **changes):
    usual = {
        "status": CallStatus.SUCCEEDED,
        "cost": Cost(None if usd is None else Decimal(usd), basis),
        "usage": TokenUsage(300, 50, 100),
        "latency_s": 1.5,
    }
    return CallRecord(planned, **(usual | changes))


FAILED = {"status": CallStatus.FAILED, "usage": None, "code": "NET001", "usd": "0"}


@pytest.fixture
async def bench(tmp_path):
    opened = Workbench.open(Settings(tessera_data_dir=tmp_path / "data", tessera_budget_usd=2))
    yield opened
    await opened.close()


@pytest.fixture
def client(bench):
    with TestClient(Starlette(routes=monitoring_routes(lambda: bench))) as client:
        yield client


@pytest.fixture
def samples(client):
    """Return a function that scrapes, and gives every value by its name and labels."""

    def scrape():
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(client.get("/metrics").text)
            for sample in family.samples
        }

    return scrape


def test_the_series_of_the_guide_have_their_names_and_labels(bench, samples):
    bench.ledger.record(call())
    bench.ledger.record(call(latency_s=2.5, first_token_s=0.5))
    bench.ledger.record(call(**FAILED))
    found = samples()
    who = ("priority", "5")
    assert found["gpt4o_requests_total", who, ("status", "succeeded")] == 2
    assert found["gpt4o_requests_total", who, ("status", "failed")] == 1
    assert found["gpt4o_request_duration_seconds_count",] == 2
    assert found["gpt4o_request_duration_seconds_sum",] == 4
    assert found["gpt4o_request_duration_seconds_bucket", ("le", "1.0")] == 0
    assert found["gpt4o_request_duration_seconds_bucket", ("le", "2.5")] == 2
    assert found["gpt4o_request_duration_seconds_bucket", ("le", "+Inf")] == 2
    assert found["gpt4o_active_tasks",] == 0
    assert found["gpt4o_tokens_used_total",] == 700


def test_our_series_tell_the_money_apart(bench, samples):
    bench.ledger.record(call("0.000000003"))
    bench.ledger.record(call("0.5", CostBasis.ESTIMATED))
    bench.ledger.record(call(None, CostBasis.UNKNOWN, usage=None))
    bench.ledger.record(
        call("0", CostBasis.CACHED, cached=True, saved_usd=Decimal("0.25"), latency_s=0)
    )
    found = samples()
    model = ("model", "gpt-4o")
    assert found["tessera_cost_usd_total", ("basis", "measured"), model] == 3e-9
    assert found["tessera_cost_usd_total", ("basis", "estimated"), model] == 0.5
    assert found["tessera_unknown_cost_calls_total",] == 1
    assert found["tessera_saved_usd_total", ("by", "cache")] == 0.25
    assert found["tessera_budget_usd", ("part", "limit")] == 2
    assert found["tessera_batch_items", ("state", "queued")] == 0
    assert found["tessera_estimate_drift_ratio",] == pytest.approx(10 / 290)
    cached = [name for name in found if ("outcome", "cached") in name]
    assert [found[name] for name in cached] == [1]


def test_labels_stay_few_whatever_is_asked(bench, samples):
    for number in range(50):
        odd = PlannedCall(f"fe{number}", "t", f"model{number}", "e", "high", "k", lane=f"l{number}")
        bench.ledger.record(call(planned=odd, status=CallStatus.FAILED, code=f"X{number}"))
    found = samples()
    other = {label for name in found for label in name[1:] if label[1] == "other"}
    assert {name for name, _ in other} == {"model", "lane", "front_end", "code"}
    assert found["tessera_failures_total", ("code", "other")] == 50
    assert len(found) < 100


def test_counters_outlive_the_process(bench, samples, tmp_path):
    bench.ledger.record(call())
    before = samples()
    again = Workbench.open(bench.settings)
    again.ledger.record(call())
    after = samples()
    again.ledger.close()
    name = ("gpt4o_requests_total", ("priority", "5"), ("status", "succeeded"))
    assert (before[name], after[name]) == (1, 2)


@pytest.mark.parametrize(
    ("accept", "ends"), [("text/plain", b"\n"), ("application/openmetrics-text", b"# EOF\n")]
)
def test_scrapers_get_the_form_they_ask_for(bench, client, accept, ends):
    bench.ledger.record(call())
    answer = client.get("/metrics", headers={"accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(accept)
    assert answer.content.endswith(ends)


def test_every_series_has_help_a_type_and_a_usual_name(bench, client):
    bench.ledger.record(call(**FAILED))
    text = client.get("/metrics").text
    families = list(text_string_to_metric_families(text))
    assert len(families) > 15
    for family in families:
        assert family.documentation.endswith("."), family.name
        assert family.type in {"counter", "gauge", "histogram", "info"}, family.name
        assert family.name.startswith(("gpt4o_", "tessera_")), family.name
        if family.type == "counter":
            assert all(sample.name.endswith("_total") for sample in family.samples), family.name


EVERY_KIND = [
    {},
    {"first_token_s": 0.25, "saved_by_resizing_usd": Decimal("0.002")},
    {"usd": "0.5", "basis": CostBasis.ESTIMATED},
    {"usd": None, "basis": CostBasis.UNKNOWN, "usage": None},
    {"usd": "0", "basis": CostBasis.CACHED, "cached": True, "saved_usd": Decimal("0.25")},
    {"code": "CNT006"},
    FAILED,
]


@pytest.mark.parametrize("calls", [[], EVERY_KIND], ids=["nothing asked", "every kind of call"])
def test_promtool_accepts_every_series(bench, client, calls):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed; scripts/test_tools.py installs it where apt is")
    for changes in calls:
        bench.ledger.record(call(**changes))
    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=client.get("/metrics").text,
        text=True,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_series_is_documented(bench, client):
    for outcome in ({}, FAILED):
        bench.ledger.record(call(**outcome))
    told = re.findall(r"^# TYPE (\w+) ", client.get("/metrics").text, re.MULTILINE)
    documented = re.findall(r"^\| `(\w+)`", MONITORING.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(documented) == sorted(told)


def test_health_has_the_fields_of_the_guide(bench, client):
    answer = client.get("/health")
    told = answer.json()
    assert answer.status_code == 200
    assert (told["status"], told["engine"], told["model"]) == (
        "healthy",
        "embedded",
        "local-vision-1",
    )
    assert told["uptime"] >= 0
    assert told["timestamp"] > 1_700_000_000
    assert told["processor_pool"] == {"active": True, "size": 5, "in_flight": 0}
    assert told["task_queues"] == {f"priority_{number}": 0 for number in range(1, 6)}
    assert told["performance_stats"] == {
        "success_rate": None,
        "total_requests": 0,
        "successful_requests": 0,
        "failed_requests": 0,
    }


def test_failing_work_is_degraded_and_still_served(bench, client):
    bench.ledger.record(call())
    bench.ledger.record(call(**FAILED))
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["performance_stats"]["success_rate"] == 0.5


def test_a_data_directory_that_takes_no_writes_is_unhealthy(bench, client, tmp_path):
    (tmp_path / "data").rename(tmp_path / "moved")
    answer = client.get("/health")
    (tmp_path / "moved").rename(tmp_path / "data")
    assert answer.status_code == 503
    assert answer.json()["status"] == "unhealthy"
    assert answer.json()["error"] == "SYS001"


@pytest.mark.parametrize("path", ["/health", "/metrics"])
def test_a_process_that_cannot_work_says_so(path, caplog):
    def broken():
        raise StorageError

    with TestClient(Starlette(routes=monitoring_routes(broken))) as client:
        answer = client.get(path)
    assert answer.status_code == 503
    assert "SYS001" in answer.text
