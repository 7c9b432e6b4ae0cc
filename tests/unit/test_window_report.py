"""Tests of core/report.py and core/metrics_tables.py: every number from Metrics, nothing active."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from core.alerts import Alert, AlertKind
from core.i18n import translator
from core.metrics import CallRow, Costs, Filters, Latency, Metrics, Point, Share, Tokens
from core.metrics_tables import calls_table, series_table
from core.report import performance_report, rate_text, to_html, to_markdown
from core.store.calls import CallRecord, CallStatus, PlannedCall
from core.tables import table_to_csv
from core.types import Cost, CostBasis, TokenUsage

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
METRICS = Metrics(
    3600,
    requests=200,
    calls=190,
    succeeded=180,
    failed=15,
    stopped=5,
    held=7,
    cached=40,
    success_rate=180 / 195,
    cache_hit_rate=0.2,
    throughput_per_minute=3.3333,
    latency=Latency(140, 1.25, 0.5, 9.75, 1.0, 4.5, 8.25),
    tokens=Tokens(48_000, 1_280, 100, 4_321),
    cost=Costs(Decimal("1.2345"), Decimal("0.5"), 3, Decimal("0.0042"), Decimal(0), Decimal(2)),
    failures={"NET001": 4, "API006": 11},
    by_model={"gpt-4o": Share(requests=150, cost_usd=Decimal("1.7345")), "x*y": Share(requests=50)},
    by_lane={"batch": Share(requests=120, cost_usd=Decimal("0.5"))},
)
HOSTILE = replace(
    METRICS,
    by_model={"<script>alert(1)</script>": Share(), "[a](javascript:b)": Share()},
    failures={"<img src=x onerror=y>": 1},
)


ALL_CALLS = Filters()


def report(
    metrics=METRICS, alerts=(), language="en", since=NOW - timedelta(hours=1), only=ALL_CALLS
):
    return performance_report(metrics, alerts, since, NOW, only, translator(language))


@pytest.mark.parametrize(
    "line",
    [
        "- Mean: 1.25 s",
        "- Median: 1.00 s",
        "- 95 of 100 within: 4.50 s",
        "- 99 of 100 within: 8.25 s",
        "- Shortest: 0.50 s",
        "- Longest: 9.75 s",
        "- Total: 49,280",
        "- Mean of a request on the wire: 308",
        "- Largest call: 4,321",
        "- Success rate: 92.3%",
        "- Held for a person to look at: 7",
        "- Batch: $0.500000, requests: 120",
        "- Requests: 200",
        "- Succeeded: 180",
        "- Cache hit rate: 20.0%",
        "- Total: $1.73",
        "- Mean of a request: $0.008672",
        "- Calls at an unknown cost: 3",
        "- Saved by the cache: $0.004200",
        "- Saved by resizing: $2.00",
        "- gpt-4o: $1.73, requests: 150",
    ],
)
def test_the_report_has_the_guides_numbers(line):
    assert line in to_markdown(report()).splitlines()


def test_what_was_looked_at_is_said_in_words():
    assert "Only:" not in to_markdown(report())
    some = Filters(model="gpt-4o", task="own", lane="realtime", front_end="cli")
    line = "Only: Model: gpt-4o, Task: own, Lane: At once, Asked by: Command line  "
    assert line in to_markdown(report(only=some)).splitlines()


def test_tasks_and_lanes_are_named_as_the_pages_name_them():
    tasks = {"describe": Share(), "own": Share()}
    named = replace(METRICS, by_task=tasks, by_front_end={"rest": Share()})
    text = to_markdown(report(named))
    assert "- Describe: " in text
    assert "- REST API: " in text
    assert "- own: " in text
    assert "describe: " not in to_markdown(report(named, language="zh_CN"))


@pytest.mark.parametrize(
    ("per_minute", "text"),
    [(0, "0.0"), (0.0999, "< 0.1"), (0.1, "0.1"), (0.333, "0.33"), (1, "1.0"), (1234.5, "1,234.5")],
)
def test_a_low_rate_is_not_taken_for_none(per_minute, text):
    assert rate_text(per_minute) == text


def test_errors_come_most_frequent_first_and_in_words():
    text = to_markdown(report())
    assert text.index("API006 ·") < text.index("NET001 ·")


def test_a_report_without_requests_says_so():
    empty = report(Metrics(3600))
    assert "No request was made in this time." in to_markdown(empty)
    assert empty.sections == ()


def test_active_alerts_are_told_with_their_time():
    zone = timezone(timedelta(hours=8), "CST")
    alert = Alert(AlertKind.SUCCESS, "", 0.9, 0.95, NOW - timedelta(minutes=5))
    local = performance_report(
        METRICS, [alert], None, NOW.astimezone(zone), ALL_CALLS, translator("en")
    )
    text = to_markdown(local)
    assert "90.0% of requests succeed; 95.0% are wanted.: 2026-11-23 19:55:00 CST" in text
    assert "From the first call to 2026-11-23 20:00:00 CST" in text


class Seen(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes = set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs


def test_the_page_stands_alone_and_nothing_in_it_is_active():
    seen = Seen()
    seen.feed(to_html(report(HOSTILE, only=Filters(model="<b>")), "zh_CN"))
    plain = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "tr", "td"}
    assert seen.tags <= plain
    assert not {name for name, _ in seen.attributes} & {"src", "href", "onerror"}
    assert ("lang", "zh-CN") in seen.attributes


def test_markdown_cannot_be_made_active():
    text = to_markdown(report(HOSTILE))
    assert "<script" not in text
    assert "<img" not in text
    assert "[a](" not in text


def test_calls_become_rows_that_no_spreadsheet_computes():
    planned = PlannedCall("batch", "=cmd()", "gpt-4o", "openai", "high", "k", request_id="r")
    call = CallRecord(
        planned,
        CallStatus.FAILED,
        Cost(None, CostBasis.UNKNOWN),
        code="NET001",
        usage=TokenUsage(300, 8),
        latency_s=1.23456,
        at=NOW,
    )
    lines = table_to_csv(calls_table([CallRow(7, call)])).splitlines()
    assert lines[0].startswith('\ufeff"id","at"')
    assert lines[1].startswith(f'"7","{NOW.isoformat()}","batch","realtime","\'=cmd()"')
    assert '"failed","NET001","false","300","8","0","","unknown","","1.2346",""' in lines[1]


def test_steps_become_rows_with_a_column_for_each_model():
    points = [
        Point(NOW, succeeded=2, p50_s=1.5, cost_usd={"b": Decimal("0.01")}),
        Point(NOW + timedelta(minutes=1), failed=1, cost_usd={"a": Decimal(3)}),
    ]
    header, first, second = table_to_csv(series_table(points)).splitlines()
    assert header.endswith('"cost_usd.a","cost_usd.b"')
    assert first.endswith('"0","0","0","0.01"')
    assert second.split(",")[2] == '"1"'
