"""Five viewers of the live page: what they cost the server, idle and while calls come in.

    python -m benchmarks live

The ledger is written by this process beside the server, a row a second; no model is asked. How
often the pages were drawn is told too: a browser without time to ask makes a server look calm.
This needs Linux and Chromium.
"""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from benchmarks.app import SETTLE_S, Traffic, idle_share, open_page, report, usage
from core.store.calls import CallRecord, CallStatus, PlannedCall
from core.store.database import open_database
from core.store.ledger import Ledger
from core.types import Cost, CostBasis, TokenUsage
from tests.browser.conftest import (
    CHROMIUM_ARGUMENTS,
    Server,
    find_chromium,
    running_server,
)

VIEWERS = 5
ROWS = 200
MEASURED_S = 24.0
WANTED = 3.0


def record(ledger: Ledger, number: int) -> None:
    """Write a call that was answered."""
    key = f"key-{number}"
    planned = PlannedCall("batch", "describe", "gpt-4o", "openai", "high", key, request_id=key)
    call = CallRecord(
        planned,
        CallStatus.SUCCEEDED,
        Cost(Decimal("0.001"), CostBasis.MEASURED),
        usage=TokenUsage(300, 8),
        latency_s=0.1 + number % 17 / 10,
    )
    ledger.record(call)


@contextmanager
def calls_coming_in(ledger: Ledger) -> Iterator[None]:
    """Write a row each second until the block ends."""
    ended = threading.Event()

    def write() -> None:
        number = ROWS
        while not ended.wait(1):
            record(ledger, number)
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        ended.set()
        writer.join()


def measure(browser: Browser, server: Server, ledger: Ledger) -> None:
    """Open the tabs, then compare a quiet ledger with one that grows."""
    alone = idle_share(server, MEASURED_S / 2)
    with browser.new_context(locale="en-GB") as context:
        pages = [context.new_page() for _ in range(VIEWERS)]
        traffic = [Traffic(page) for page in pages]
        for page in pages:
            open_page(page, server.url + "/live")
        quiet = idle_share(server, MEASURED_S)
        pages[0].wait_for_timeout(0)  # hears what has happened meanwhile
        for each in traffic:
            each.start_again()
        with calls_coming_in(ledger):
            before_mib = usage(server).own_mib
            busy = idle_share(server, MEASURED_S)
            grown_mib = usage(server).own_mib - before_mib
        pages[0].wait_for_timeout(0)
    print(f"no viewer: {alone:.2f} % of a core")
    report(f"{VIEWERS} viewers, nothing happens", quiet, WANTED, " % of a core")
    report(f"{VIEWERS} viewers, a call each second", busy, WANTED, " % of a core")
    each_s = VIEWERS * (MEASURED_S + SETTLE_S) / max(1, sum(each.reruns for each in traffic))
    print(f"  each viewer's page was rerun every {each_s:.1f} s; ", end="")
    print(f"resident memory {grown_mib:+.1f} MiB")


def main() -> None:
    """Seed a ledger, start the server and a browser, and measure."""
    expect.set_options(timeout=60_000)
    with ExitStack() as open_until_the_end:
        enter = open_until_the_end.enter_context
        folder = Path(enter(tempfile.TemporaryDirectory()))
        (folder / "var").mkdir()
        ledger = Ledger(open_database(folder / "var"))
        for number in range(ROWS):
            record(ledger, number)
        server = enter(running_server(folder))
        browser = enter(sync_playwright()).chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS, headless=True
        )
        measure(browser, server, ledger)
        browser.close()
        ledger.close()


if __name__ == "__main__":
    main()
