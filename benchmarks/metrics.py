"""Metrics of windows over 1,000,000 rows of the ledger against windows over 10,000.

    python -m benchmarks.metrics [ROWS]

Thirty days of calls of two models, four tasks, four front ends and two lanes, one in ten from
the cache, one in fifty failed: some 200 kinds. Each window is asked for all that `measure`,
`series` and `frame` of `MetricsReader` return, in CPU time. The percentiles have to be numpy's.
"""

import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from core.metrics import EVERY_CALL, Filters, MetricsReader
from core.store.calls import calls
from core.store.database import FILE_NAME, open_database
from core.store.rollups import PARTS, Part, rebuild

END = datetime(2026, 11, 1, 12, 34, 56, 789, tzinfo=UTC)
SPAN = timedelta(days=30)
FEW = 10_000
WANTED_RATIO = 3
# What comes up more often stands here more often.
MODELS = ("gpt-4o", "gpt-4o", "gpt-4o", "gpt-4.1-mini")
TASKS = ("receipt", "receipt", "receipt", "document", "document", "describe", "product")
FRONT_ENDS = (
    *[("batch", "realtime")] * 3,
    *[("batch", "batch")] * 2,
    ("page", "realtime"),
    ("rest", "realtime"),
    ("cli", "realtime"),
)
REPEATS = 15


def make_rows(count: int) -> Iterator[dict[str, Any]]:
    """Yield rows of the ledger, evenly over the span, with long-tailed latencies."""
    chance = np.random.default_rng(1)
    latencies_s = chance.lognormal(0.9, 0.6, count).tolist()
    picks = chance.integers(0, 1 << 30, count).tolist()
    for number, (latency_s, pick) in enumerate(zip(latencies_s, picks, strict=True)):
        cached, failed = pick % 10 == 0, pick % 50 == 1
        front_end, lane = FRONT_ENDS[pick // 100 % len(FRONT_ENDS)]
        at = END - SPAN + SPAN * (number / count)
        yield {
            "at_s": at.timestamp(),
            "front_end": front_end,
            "task": TASKS[pick // 400 % len(TASKS)],
            "model": MODELS[pick // 4000 % len(MODELS)],
            "engine": "openai",
            "detail": "high",
            "request_key": f"{pick:064x}",
            "estimated_input_tokens": 1000,
            "estimated_output_tokens": 200,
            "estimated_nano_usd": 4_500_000,
            "lane": lane,
            "request_id": f"{number:032x}",
            "source_digest": f"{pick:064x}",
            "status": "failed" if failed else "succeeded",
            "code": ("API006", "NET001", "CNT004")[pick // 12000 % 3] if failed else None,
            "cached": cached and not failed,
            "input_tokens": 1010,
            "output_tokens": 100 + pick % 200,
            "cache_read_tokens": 0,
            "cache_write_tokens": 0,
            "reasoning_tokens": 0,
            "cost_nano_usd": 0 if cached else 4_000_000,
            "cost_basis": "cached" if cached else "measured",
            "counted_nano_usd": 0 if cached else 4_000_000,
            "saved_nano_usd": 4_000_000 if cached else None,
            "latency_s": 0.0 if cached and not failed else latency_s,
            "first_token_s": None if cached or pick % 3 else latency_s / 4,
            "attempts": 0 if cached and not failed else 1 + (pick % 30 == 7),
        }


def fill(directory: Path, count: int) -> MetricsReader:
    """Return a reader of a new ledger with that many rows and its rollups."""
    database = open_database(directory)
    names = [c.name for c in calls.columns if c.name in next(make_rows(1))]
    gaps = ", ".join(f":{name}" for name in names)
    with closing(sqlite3.connect(directory / FILE_NAME)) as connection, connection:
        connection.executemany(
            f"INSERT INTO calls ({', '.join(names)}) VALUES ({gaps})", make_rows(count)
        )
    started_s = time.process_time()
    rebuild(database)
    spent_s = time.process_time() - started_s
    print(f"rollups of {count:9,} rows   {spent_s / count * 1e6:8.1f} microseconds of CPU a row")
    return MetricsReader(database, clock=END.timestamp)


def median_ms(work: Callable[[], object]) -> float:
    """Return the middle time of several runs; the first one, which warms up, is not counted."""
    work()
    took_s = []
    for _ in range(REPEATS):
        started_s = time.process_time()
        work()
        took_s.append(time.process_time() - started_s)
    return median(took_s) * 1000


def look(
    reader: MetricsReader, since: datetime | None, filters: Filters = EVERY_CALL
) -> list[float]:
    """Return the milliseconds of each kind of question about one window."""
    return [
        median_ms(lambda: reader.measure(since, END, filters)),
        median_ms(lambda: reader.series(since, END, 60, filters)),
        median_ms(lambda: reader.frame(since, END, 60, filters)),
    ]


def agrees(reader: MetricsReader, directory: Path, since: datetime) -> bool:
    """Say whether the percentiles of a window are exactly numpy's."""
    with closing(sqlite3.connect(directory / FILE_NAME)) as connection:
        query = f"SELECT latency_s FROM calls WHERE {PARTS[Part.TOTAL]} AND at_s >= ?"
        values_s = [row[0] for row in connection.execute(query, [since.timestamp()])]
    found = reader.measure(since, END).latency
    return [found.p50_s, found.p95_s, found.p99_s] == np.percentile(values_s, [50, 95, 99]).tolist()


def show(name: str, values: list[float]) -> None:
    """Print one line of the table."""
    print(f"{name:32} " + " ".join(f"{value:10.2f}" for value in values))


def main() -> None:
    """Print what each window costs and the ratios; fail when one is above what was promised."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    short = END - SPAN * (FEW / many)
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder) / "small", Path(folder) / "large"
        few_reader, many_reader = fill(small, FEW), fill(large, many)
        rows = {
            f"{FEW:,} rows of {FEW:,}": look(few_reader, END - SPAN),
            f"{FEW:,} rows of {many:,}": look(many_reader, short),
            f"{many:,} rows of {many:,}": look(many_reader, END - SPAN),
            "  one model of them": look(many_reader, END - SPAN, Filters(model="gpt-4o")),
        }
        same = all(agrees(many_reader, large, since) for since in (short, END - SPAN))
    base, few_of_many, all_of_many, _ = rows.values()
    print(f"{'window':32} {'measure':>10} {'series':>10} {'frame':>10}   ms")
    for name, took_ms in rows.items():
        show(name, took_ms)
    ratios = [many_ms / few_ms for many_ms, few_ms in zip(all_of_many, few_of_many, strict=True)]
    show("ratio in the large ledger", ratios)
    show(
        "ratio to the small ledger",
        [many_ms / few_ms for many_ms, few_ms in zip(all_of_many, base, strict=True)],
    )
    print(f"wanted: at most {WANTED_RATIO}; percentiles are numpy's: {same}")
    sys.exit(max(ratios) > WANTED_RATIO or not same)


if __name__ == "__main__":
    main()
