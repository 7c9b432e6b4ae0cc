import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import event, text

from core.budget import Budget
from core.errors import BudgetError, StorageError
from core.store.calls import CallRecord, CallStatus, DriftPair, PlannedCall, from_nano, to_nano
from core.store.check import check_store
from core.store.database import FILE_NAME, open_database
from core.store.ledger import Ledger
from core.store.transactions import writing
from core.types import Cost, CostBasis, TokenUsage

ROOT = Path(__file__).resolve().parents[3]
PLANNED = PlannedCall(
    front_end="page",
    task="receipt",
    model="gpt-4o",
    engine="openai",
    detail="high",
    request_key="k",
    estimated_input_tokens=290,
    estimated_output_tokens=100,
    estimated_usd=Decimal("0.0017"),
)


def record(usd="0.001", basis=CostBasis.MEASURED, **changes):
    usual = {
        "planned": PLANNED,
        "status": CallStatus.SUCCEEDED,
        "cost": Cost(None if usd is None else Decimal(usd), basis),
        "usage": TokenUsage(300, 50, 100, 0, 10),
        "latency_s": 1.5,
        "attempts": 1,
    }
    return CallRecord(**(usual | changes))


def test_a_row_comes_back_as_it_was_written(ledger):
    written = record(
        planned=replace(PLANNED, lane="batch", request_id="r", source_digest="d"),
        saved_usd=Decimal("0.5"),
        saved_by_resizing_usd=Decimal("0.25"),
        first_token_s=0.3,
        code="CNT003",
        cached=True,
    )
    ledger.record(written)
    [read] = ledger.recent(5)
    assert read.at == datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
    assert (read.planned, read.usage, read.cost) == (written.planned, written.usage, written.cost)
    assert read.saved_by_resizing_usd == Decimal("0.25")
    assert (read.saved_usd, read.first_token_s, read.code, read.cached) == (
        Decimal("0.5"),
        0.3,
        "CNT003",
        True,
    )


@pytest.mark.parametrize("change", ["latency_s = 9", "cost_nano_usd = 1", "seal = NULL"])
def test_a_row_that_was_changed_is_found(ledger, change):
    for _ in range(2):
        ledger.record(record(latency_s=1, first_token_s=0.3))
    assert check_store(ledger.database) == []
    with writing(ledger.database) as connection:
        connection.execute(text(f"UPDATE calls SET {change} WHERE id = 2"))
    assert [found.values for found in check_store(ledger.database)] == [{"row": 2}]


def test_a_row_from_before_there_were_seals_is_accepted(ledger):
    ledger.record(record())
    with writing(ledger.database) as connection:
        connection.execute(text("UPDATE calls SET seal = NULL"))
    ledger.record(record())
    assert check_store(ledger.database) == []


@pytest.mark.parametrize("usd", ["0.000000001", "0.0019125", "9000000", "0"])
def test_money_keeps_every_nano_dollar(usd):
    assert from_nano(to_nano(Decimal(usd))) == Decimal(usd)


def test_history_is_of_real_answers_only(ledger):
    ledger.record(record(usage=TokenUsage(1, 11)))
    ledger.record(record(usage=TokenUsage(2, 22)))
    ledger.record(record(usage=TokenUsage(0, 0), cached=True))
    ledger.record(record(usage=None))
    ledger.record(record(usage=TokenUsage(3, 33), status=CallStatus.FAILED))
    assert ledger.output_tokens_history("receipt", "gpt-4o") == [22, 11]
    assert ledger.output_tokens_history("receipt", "gpt-4.1") == []
    assert ledger.drift_pairs("gpt-4o", "high") == [DriftPair(290, 2), DriftPair(290, 1)]
    assert ledger.drift_pairs("gpt-4o", "low") == []


@pytest.mark.parametrize(("amount", "fits"), [("0.9", True), ("0.900000001", False)])
def test_a_budget_is_kept_to_the_last_nano_dollar(ledger, amount, fits):
    ledger.record(record("0.06"))
    ledger.reserve("a", PLANNED, Decimal("0.04"), Decimal(1))
    if fits:
        ledger.reserve("b", PLANNED, Decimal(amount), Decimal(1))
    else:
        with pytest.raises(BudgetError):
            ledger.reserve("b", PLANNED, Decimal(amount), Decimal(1))


def test_settling_frees_what_was_held_and_may_happen_twice(ledger):
    budget = Budget(ledger, Decimal(1))
    budget.reserve("a", PLANNED, Decimal("0.4"))
    assert budget.state().left_usd == Decimal("0.6")
    ledger.record(record("0.1"), settles="a")
    ledger.record(record("0"), settles="a")
    assert budget.state().left_usd == Decimal("0.9")


def test_a_call_of_unknown_cost_is_counted_at_its_estimate(ledger):
    ledger.record(record(None, CostBasis.UNKNOWN))
    assert ledger.spending().spent_usd == Decimal("0.0017")


def test_many_threads_do_not_pass_the_budget_together(ledger):
    held = []

    def work(number):
        for attempt in range(10):
            try:
                ledger.reserve(f"{number}/{attempt}", PLANNED, Decimal("0.1"), Decimal(10))
            except BudgetError:
                continue
            held.append(number)

    threads = [Thread(target=work, args=[number]) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held) == 100


KILLED = """
import os, signal, sys
from decimal import Decimal
from pathlib import Path
from core.store.calls import PlannedCall
from core.store.database import open_database
from core.store.ledger import Ledger
planned = PlannedCall("cli", "receipt", "gpt-4o", "openai", "high", "k", 1, 2, Decimal("0.0017"))
Ledger(open_database(Path(sys.argv[1]))).reserve("x", planned, Decimal("0.5"), None)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_a_row_and_no_reservation(tmp_path, clock):
    alive = Ledger(open_database(tmp_path), clock)
    alive.reserve("mine", PLANNED, Decimal("0.25"), None)
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, check=False)
    assert alive.spending().reserved_usd == Decimal("0.75")

    later = Ledger(open_database(tmp_path), clock)
    [row] = later.recent(5)
    spending = later.spending()
    alive.close()
    later.close()

    assert (row.status, row.code, row.cost.usd) == (CallStatus.LOST, "SYS003", None)
    assert row.planned.front_end == "cli"
    assert spending.spent_usd == Decimal("0.0017")
    assert spending.reserved_usd == Decimal("0.25")  # this process still lives


def test_a_damaged_ledger_is_named_and_left_alone(tmp_path):
    file = tmp_path / FILE_NAME
    file.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StorageError, match="damaged"):
        open_database(tmp_path)
    assert file.read_bytes().startswith(b"not a database")


def test_a_full_disk_is_said_and_nothing_written_before_is_lost(tmp_path, clock):
    database = open_database(tmp_path)
    event.listen(database, "connect", lambda c, _: c.execute("PRAGMA max_page_count=50"))
    database.dispose()  # its connection is from before the limit
    ledger = Ledger(database, clock)
    written = _fill(ledger)
    assert 0 < written < 10_000
    assert len(ledger.recent(written + 1)) == written
    ledger.close()


def _fill(ledger):
    """Write until the disk refuses, and return the number of rows that were taken."""
    for written in range(10_000):
        try:
            ledger.record(record())
        except StorageError:
            return written
    return 10_000


def test_the_directory_is_for_the_owner_alone(ledger, tmp_path):
    assert tmp_path.stat().st_mode & 0o777 == 0o700
