"""`python -m core metrics`, as scripts and people meet it."""

import json
from decimal import Decimal

import pytest
from sqlalchemy import text

from core.cli import main
from core.settings import load_settings
from core.store.calls import CallRecord, CallStatus, PlannedCall
from core.store.check import check_store
from core.store.database import open_database
from core.store.ledger import Ledger
from core.store.transactions import writing
from core.types import Cost, CostBasis, TokenUsage

PLANNED = PlannedCall("cli", "describe", "gpt-4o", "openai", "high", "k", 290)
PAID = CallRecord(
    PLANNED,
    CallStatus.SUCCEEDED,
    Cost(Decimal("0.0000425"), CostBasis.MEASURED),
    usage=TokenUsage(300, 50, 100),
    latency_s=1.25,
)
FAILED = CallRecord(
    PLANNED, CallStatus.FAILED, Cost(None, CostBasis.UNKNOWN), code="NET001", attempts=2
)


@pytest.fixture
def ledger():
    opened = Ledger(open_database(load_settings().tessera_data_dir))
    opened.record(PAID)
    opened.record(FAILED)
    yield opened
    opened.close()


def test_a_script_reads_one_document(ledger, capsys):
    assert main(["metrics", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["window_s"] == 3600
    counts = {"requests": 2, "calls": 3, "succeeded": 1, "failed": 1, "cached": 0, "held": 0}
    assert {name: told[name] for name in counts} == counts
    assert told["success_rate"] == 0.5
    assert told["latency_s"] == dict.fromkeys(("mean", "min", "max", "p50", "p95", "p99"), 1.25)
    assert told["tokens"] == {"input": 300, "output": 50, "cache_read": 100}
    assert told["cost_usd"] == {
        "measured": "0.0000425",
        "estimated": "0",
        "total": "0.0000425",
        "saved_cache": "0",
        "saved_batch": "0",
        "saved_resizing": "0",
        "unknown_calls": 1,
    }
    assert told["failures"] == {"NET001": 1}
    assert told["by_model"]["gpt-4o"]["cost_usd"] == "0.0000425"
    assert set(told) >= {"by_task", "by_lane", "by_front_end", "first_token_s", "drift"}


def test_a_person_reads_a_table(ledger, capsys):
    assert main(["metrics", "--window", "all"]) == 0
    told = capsys.readouterr().out
    assert "50.0%" in told
    assert "gpt-4o" in told
    assert "NET001: 1" in told


def test_an_empty_window_is_said(capsys):
    assert main(["metrics", "--window", "30s"]) == 0
    assert "Nothing was asked" in capsys.readouterr().out


@pytest.mark.parametrize("window", ["", "0h", "1y", "h", "1.5h", "1234567d"])
def test_a_window_that_means_nothing_is_bad_usage(window, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["metrics", "--window", window])
    assert stopped.value.code == 2
    assert "1h" in capsys.readouterr().err


def test_sums_that_are_wrong_are_found_and_made_anew(ledger, capsys):
    assert main(["metrics", "--rebuild"]) == 0
    with writing(ledger.database) as connection:
        connection.execute(text("UPDATE call_sums SET n = n + 1 WHERE step_s = 60"))
    assert "metrics --rebuild" in str(check_store(ledger.database)[0])
    assert main(["metrics", "--rebuild"]) == 0
    assert check_store(ledger.database) == []
