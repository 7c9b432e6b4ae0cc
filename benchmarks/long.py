"""A batch of 10,000 pictures: is its end as fast as its beginning, and does memory grow?

    python -m benchmarks long

The pace of the last thousand items is set against that of the first, by the store's own times.
Memory is that of this process, which works on the batch, from before the start to the end.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from sqlalchemy import select

from benchmarks._batch_clients import question, rss_mb, settings_for
from benchmarks.app import report
from benchmarks.batch import FREE, Workload, draw
from core.images.intake import Intake
from core.store.batch_rows import items
from core.store.transactions import reading
from core.workbench import Workbench
from tests.metered import metered

LOAD = Workload(FREE, 10_000, (160, 120))
PART = 1000
SLOWER, GROWN_MB = 1.05, 100.0


async def run(folder: Path, base_url: str) -> None:
    """Take the pictures in, look at the price, answer all, and tell the course of it."""
    bench = Workbench.open(settings_for(folder, base_url, LOAD))
    try:
        started_s = time.perf_counter()
        batch_id = await bench.batches.create(
            "long", Intake(bench.decoder).open(folder), question()
        )
        print(f"taken in within {time.perf_counter() - started_s:.1f} s, {rss_mb():.0f} MB")
        for which in ("first, with the tokenizer's words read", "again"):
            started_s, cpu_s = time.perf_counter(), time.process_time()
            await bench.batches.quote(batch_id)
            print(f"quoted within {time.perf_counter() - started_s:.2f} s, ", end="")
            print(f"{time.process_time() - cpu_s:.2f} s of processor time: {which}")
        before_mb = rss_mb()
        await bench.batches.start(batch_id)
        waiting = asyncio.create_task(bench.batches.wait())
        most_mb = before_mb
        while not waiting.done():
            most_mb = max(most_mb, rss_mb())
            await asyncio.wait({waiting}, timeout=1)
        progress = bench.batches.progress(batch_id)
        assert progress is not None
        assert progress.started_at is not None
        with reading(bench.ledger.database) as connection:
            ends_s = sorted(connection.scalars(select(items.c.finished_at_s)))
    finally:
        await bench.close()
    first_s = ends_s[PART - 1] - progress.started_at.timestamp()
    last_s = ends_s[-1] - ends_s[-PART - 1]
    print(f"{progress.succeeded:,} answered; {PART:,} in {first_s:.2f} s at first, ", end="")
    print(f"{last_s:.2f} s at last")
    report("time of the last thousand against the first", last_s / first_s, SLOWER, "x")
    report("memory grown at most since the start", most_mb - before_mb, GROWN_MB, " MB")


def main() -> None:
    """Draw the pictures and answer them."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        draw(folder / "pictures", LOAD)
        with metered(folder / "model", LOAD.conditions) as model:
            asyncio.run(run(folder / "pictures", model.base_url))


if __name__ == "__main__":
    main()
