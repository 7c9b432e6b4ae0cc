"""Metrics against the plainest way to get them: every row, one by one, and numpy."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from threading import Thread

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from core.errors import StorageError
from core.metrics import Filters, MetricsReader
from core.store.calls import CallRecord, CallStatus, PlannedCall
from core.store.check import check_store
from core.store.database import open_database
from core.store.ledger import Ledger
from core.store.rollups import check_rollups, rebuild, roll_up
from core.store.transactions import reading, writing
from core.types import Cost, CostBasis, TokenUsage
from tests.clock import Clock

START_S = Clock.now_s
PLANNED = PlannedCall(
    "page", "describe", "gpt-4o", "openai", "high", "k", estimated_input_tokens=290
)
SLOW = settings(max_examples=25, deadline=None)


@pytest.fixture
def reader(ledger, clock):
    return MetricsReader(ledger.database, clock, in_flight=lambda: 3)


def call(usd="0.001", basis=CostBasis.MEASURED, planned=PLANNED, **changes):
    usual = {
        "status": CallStatus.SUCCEEDED,
        "cost": Cost(None if usd is None else Decimal(usd), basis),
        "usage": TokenUsage(300, 50, 100, 0, 10),
        "latency_s": 1.5,
    }
    return CallRecord(planned, **(usual | changes))


def answer_from_cache(**changes):
    return call(
        "0",
        CostBasis.CACHED,
        cached=True,
        usage=TokenUsage(0, 0),
        saved_usd=Decimal("0.001"),
        latency_s=0.0,
        attempts=0,
        **changes,
    )


def at(seconds):
    return datetime.fromtimestamp(START_S + seconds, UTC)


def test_an_empty_ledger_has_no_rates(reader):
    found = reader.measure()
    assert (found.requests, found.success_rate, found.cache_hit_rate) == (0, None, None)
    assert (found.latency.n, found.latency.p95_s, found.drift) == (0, None, None)
    assert found.cost.total_usd == 0
    assert reader.latest(5) == []
    assert reader.frame().heat.counts == {}
    assert sum(point.succeeded for point in reader.series()) == 0


@pytest.mark.parametrize("rolled", [False, True])
def test_each_kind_of_call_is_counted_where_it_belongs(ledger, reader, clock, rolled):
    batch = replace(PLANNED, front_end="batch", lane="batch", task="receipt")
    ledger.record(call("0.001", saved_by_resizing_usd=Decimal("0.0005")))
    ledger.record(call("0.002", CostBasis.ESTIMATED, usage=None, first_token_s=0.5))
    ledger.record(
        call(None, CostBasis.UNKNOWN, usage=None, status=CallStatus.RETRIED, code="NET001")
    )
    ledger.record(
        call(
            None,
            CostBasis.UNKNOWN,
            usage=None,
            status=CallStatus.FAILED,
            code="NET001",
            attempts=2,
        )
    )
    ledger.record(answer_from_cache())
    ledger.record(call("0.0005", planned=batch, saved_usd=Decimal("0.0004")))
    ledger.record(call("0.001", CostBasis.ESTIMATED, status=CallStatus.STOPPED, code="SYS002"))
    clock.now_s += 60
    if rolled:
        roll_up(ledger.database, 1)
    found = reader.measure()

    assert (found.requests, found.calls) == (6, 6)
    assert (found.succeeded, found.failed, found.stopped, found.cached) == (4, 1, 1, 1)
    assert found.success_rate == 4 / 5
    assert found.cache_hit_rate == 1 / 6
    assert found.throughput_per_minute == 6
    assert found.in_flight == 3
    assert found.failures == {"NET001": 1, "SYS002": 1}
    assert (found.tokens.input, found.tokens.output, found.tokens.cache_read) == (900, 150, 300)
    assert found.tokens.largest_call == 350
    assert found.cost.measured_usd == Decimal("0.0015")
    assert found.cost.estimated_usd == Decimal("0.003")
    assert found.cost.total_usd == Decimal("0.0045")
    assert found.cost.unknown_calls == 2
    assert found.cost.saved_cache_usd == Decimal("0.001")
    assert found.cost.saved_batch_usd == Decimal("0.0004")
    assert found.cost.saved_resizing_usd == Decimal("0.0005")
    assert found.drift == pytest.approx(10 / 290)
    # The lines of a job have no latency: nobody waits for them.
    assert (found.latency.n, found.first_token.n, found.first_token.p50_s) == (2, 1, 0.5)
    assert {name: share.requests for name, share in found.by_lane.items()} == {
        "realtime": 5,
        "batch": 1,
    }
    assert found.by_task["receipt"].cost_usd == Decimal("0.0005")
    assert found.by_front_end["page"].failed == 1
    assert found.by_model["gpt-4o"].calls == 6
    assert check_store(ledger.database) == []


@pytest.mark.parametrize(
    ("filters", "requests"),
    [
        (Filters(), 4),
        (Filters(model="gpt-4o"), 2),
        (Filters(task="receipt", front_end="cli"), 1),
        (Filters(lane="flex"), 0),
    ],
)
@pytest.mark.parametrize("rolled", [False, True])
def test_filters_choose_everywhere_alike(ledger, reader, filters, requests, rolled):
    for model in ("gpt-4o", "gpt-4.1"):
        for task, front_end in (("receipt", "cli"), ("describe", "page")):
            planned = replace(PLANNED, model=model, task=task, front_end=front_end)
            ledger.record(call(planned=planned, latency_s=len(task)))
            ledger.record(call(planned=planned, status=CallStatus.FAILED, code="CNT003"))
    if filters == Filters(task="receipt", front_end="cli"):
        filters, requests = replace(filters, model="gpt-4.1"), 1
    if rolled:
        roll_up(ledger.database, 1)
    found = reader.measure(filters=filters)
    assert (found.succeeded, found.failed) == (requests, requests)
    assert found.latency.n == requests
    assert len(reader.latest(10, filters)) == 2 * requests
    assert sum(point.succeeded for point in reader.series(filters=filters)) == requests
    assert sum(map(sum, reader.frame(filters=filters).heat.counts.values())) == requests
    assert reader.known().models == ("gpt-4.1", "gpt-4o")


def test_rows_are_turned_like_pages_and_kept_by_request(ledger, reader):
    for number in range(5):
        status = CallStatus.RETRIED if number < 2 else CallStatus.SUCCEEDED
        planned = replace(PLANNED, request_id="one" if number < 3 else "other")
        ledger.record(call(planned=planned, status=status))
    first = reader.latest(2)
    assert [row.id for row in first] == [5, 4]
    assert [row.id for row in reader.latest(2, before_id=first[-1].id)] == [3, 2]
    assert [row.call.status for row in reader.attempts("one")] == [
        "retried",
        "retried",
        "succeeded",
    ]
    assert reader.last_id() == 5


def test_a_series_has_no_gaps_and_round_times(ledger, reader, clock):
    clock.now_s += 7
    ledger.record(call())
    clock.now_s += 180
    ledger.record(call(status=CallStatus.FAILED, code="NET001"))
    points = reader.series(at(0), at(200), points=4)
    assert [point.at for point in points] == [at(0), at(60), at(120), at(180)]
    assert [point.succeeded for point in points] == [1, 0, 0, 0]
    assert points[0].p95_s == pytest.approx(1.5, rel=0.004)
    assert points[1].p95_s is None
    frame = reader.frame(at(0), at(200), points=4)
    assert frame.points == tuple(points)
    assert frame.metrics == reader.measure(at(0), at(200))
    heat = frame.heat
    assert heat.counts == {"NET001": (0, 0, 0, 1)}
    assert heat.times == tuple(point.at for point in points)


@pytest.mark.parametrize("offset_s", [91193.725474, 2325.348894])
def test_a_window_ends_where_it_is_said_to_the_last_bit(ledger, reader, clock, offset_s):
    """These moments are two that SQLite, reading them as text, takes for their neighbours."""
    moment = at(offset_s)
    clock.now_s = moment.timestamp()
    ledger.record(call())
    roll_up(ledger.database, 1)
    assert reader.measure(moment, at(200_001)).requests == 1
    assert reader.measure(at(0), moment).requests == 0
    assert sum(point.succeeded for point in reader.series(moment, at(200_001))) == 1


def test_calls_of_other_processes_are_in_flight(ledger, reader):
    ledger.reserve("mine", PLANNED, Decimal(1), None)
    ledger.reserve("job", replace(PLANNED, lane="batch"), Decimal(1), None)
    ledger.reserve("theirs", PLANNED, Decimal(1), None)
    with writing(ledger.database) as connection:
        connection.execute(text("UPDATE reservations SET owner = 'other' WHERE id != 'mine'"))
    assert reader.measure().in_flight == 3 + 1


def test_a_full_disk_keeps_nobody_from_reading(ledger, reader):
    with writing(ledger.database) as connection:
        for number in range(1200):  # so far behind that a reader brings the sums forward
            ledger.record_in(connection, call(planned=replace(PLANNED, model=f"model{number}")))
    with reading(ledger.database) as connection:
        pages = connection.scalar(text("PRAGMA page_count"))
    event.listen(
        ledger.database, "connect", lambda c, _: c.execute(f"PRAGMA max_page_count={pages}")
    )
    ledger.database.dispose()
    with pytest.raises(StorageError):
        roll_up(ledger.database, 1)
    assert reader.measure().requests == 1200


def test_a_histogram_counts_what_is_up_to_each_bound(ledger, reader):
    for latency_s in (0.0, 0.25, 0.2500001, 30.0, 31.0):
        ledger.record(call(latency_s=latency_s))
    assert reader.totals().latency.up_to([0.25, 2.5, 30, 60]) == [2, 3, 4, 5]
    assert reader.measure().latency.min_s == 0


def rows_in(ledger, since_s, until_s):
    with reading(ledger.database) as connection:
        return connection.execute(
            text("SELECT * FROM calls WHERE at_s >= :a AND at_s < :b"), {"a": since_s, "b": until_s}
        ).all()


moments = st.floats(0, 200_000)
durations = st.one_of(st.floats(0, 100), st.sampled_from([0.0, 1.0, 1.0078125, 2.0]))


@SLOW
@given(
    written=st.lists(st.tuples(moments, durations, st.booleans()), max_size=80),
    since=moments,
    length=moments,
    rolled=st.lists(st.integers(0, 80), max_size=3),
)
def test_any_window_equals_its_rows_and_numpy(tmp_path_factory, written, since, length, rolled):
    """Also when the clock jumped between rows, wherever the rollups end, and after a rebuild."""
    clock = Clock()
    ledger = Ledger(open_database(tmp_path_factory.mktemp("ledger")), clock)
    reader = MetricsReader(ledger.database, clock)
    for number, (offset_s, latency_s, good) in enumerate(written):
        clock.now_s = START_S + offset_s
        status = {} if good else {"status": CallStatus.FAILED, "code": "NET001"}
        usage = TokenUsage(int(latency_s * 100), number)
        ledger.record(call(latency_s=latency_s, usage=usage, **status))
        if number in rolled:
            roll_up(ledger.database, 1)

    def check():
        rows = rows_in(ledger, at(since).timestamp(), at(since + length).timestamp())
        good_s = [row.latency_s for row in rows if row.status == "succeeded"]
        found = reader.measure(at(since), at(since + length))
        assert found.requests == len(rows)
        assert found.cost.total_usd == len(rows) * Decimal("0.001")
        assert found.latency.n == len(good_s)
        tokens = [row.input_tokens + row.output_tokens for row in rows]
        assert found.tokens.largest_call == max(tokens, default=0)
        if good_s:
            expected = np.percentile(good_s, [50, 95, 99]).tolist()
            assert [found.latency.p50_s, found.latency.p95_s, found.latency.p99_s] == expected
            assert (found.latency.min_s, found.latency.max_s) == (min(good_s), max(good_s))
            assert found.latency.mean_s == pytest.approx(np.mean(good_s))
        points = reader.series(at(since), at(since + length), 10)
        assert sum(point.succeeded for point in points) == len(good_s)
        assert sum(point.failed for point in points) == len(rows) - len(good_s)
        assert reader.measure().requests == len(written)

    check()
    rebuild(ledger.database)
    check()
    assert check_store(ledger.database) == []
    ledger.close()


def test_readers_and_writers_at_once_count_each_row_once(ledger, reader):
    with writing(ledger.database) as connection:
        for _ in range(1500):
            ledger.record_in(connection, call())

    def write():
        for _ in range(20):
            ledger.record(call())

    threads = [Thread(target=work) for work in (write, reader.measure, write, reader.series)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    roll_up(ledger.database, 1)
    found = reader.measure()
    assert (found.requests, found.latency.n) == (1540, 1540)
    assert check_store(ledger.database) == []


def grown(ledger, clock):
    """Fill a ledger with calls of three kinds over two days, the last of them not in the sums."""
    batch = replace(PLANNED, front_end="batch")
    for number in range(60):
        clock.now_s = START_S + number * 3000
        ledger.record(call(usage=TokenUsage(1000 + number * 37 % 60, 5)))
        ledger.record(call(planned=batch, usage=TokenUsage(2000 - number, 5)))
        ledger.record(call(usage=None, status=CallStatus.FAILED, code="NET001"))
        if number == 50:
            roll_up(ledger.database, 1)


def test_sums_from_before_the_largest_call_was_kept_get_it_in_an_upgrade(tmp_path, clock):
    ledger = Ledger(open_database(tmp_path), clock)
    grown(ledger, clock)
    reader = MetricsReader(ledger.database, clock)
    windows = [(None, None), (at(0), at(3 * 3600)), (at(7000), at(100_000))]
    before = [reader.measure(*window).tokens for window in windows]
    with writing(ledger.database) as connection:
        for change in (
            "ALTER TABLE call_sums DROP COLUMN most_tokens",
            "ALTER TABLE alerts DROP COLUMN current_value",
            "UPDATE alembic_version SET version_num = '0008'",
        ):
            connection.execute(text(change))
    ledger.close()

    ledger = Ledger(open_database(tmp_path), clock)
    reader = MetricsReader(ledger.database, clock)
    assert [reader.measure(*window).tokens for window in windows] == before
    assert before[0].largest_call == 2005
    assert check_store(ledger.database) == []
    ledger.close()


def test_a_row_that_was_corrected_by_hand_is_in_the_sums_after_a_rebuild(ledger, reader, clock):
    grown(ledger, clock)
    assert reader.measure().tokens.largest_call == 2005
    with writing(ledger.database) as connection:
        connection.execute(text("UPDATE calls SET input_tokens = 10 WHERE input_tokens > 1000"))
    rebuild(ledger.database)
    assert reader.measure().tokens.largest_call == 1005
    with reading(ledger.database) as connection:
        assert list(check_rollups(connection)) == []
