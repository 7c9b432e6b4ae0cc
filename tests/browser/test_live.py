"""The Live metrics page watched while a batch with faults runs: every count agrees."""

import re
from decimal import Decimal
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect
from prometheus_client.parser import text_string_to_metric_families

from core.catalog import load_catalog
from core.pricing import request_cost_usd
from core.types import TokenUsage
from tests import upstream
from tests.browser.conftest import IDLE, Server, running_server
from tests.browser.test_batches import COUNT, start_batch, tiny_pictures
from tests.serving import serving

pytestmark = pytest.mark.browser
USAGE = TokenUsage(300, 8)


async def faulty(exchange: upstream.Exchange) -> None:
    """Refuse every fourth picture for good, fail for a moment every fifth time."""
    asked = len(exchange.upstream.requests)
    if asked % 4 == 0:
        await upstream.bad_picture(exchange)
    elif asked % 5 == 0:
        await upstream.broken(exchange)
    else:
        await upstream.fine(exchange)


def tile(page: Page, name: str) -> str:
    found = page.get_by_test_id("stMetric").filter(has_text=name)
    return found.get_by_test_id("stMetricValue").inner_text()


def scraped(server: Server) -> dict[str, float]:
    """Return the sum over all labels of each series of /metrics, and each outcome's requests."""
    with urlopen(server.url + "/metrics", timeout=10) as answer:
        text = answer.read().decode()
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            names = [sample.name]
            if sample.name == "gpt4o_requests_total":
                names.append(sample.labels["status"])
            for name in names:
                sums[name] = sums.get(name, 0) + sample.value
    return sums


def report(page: Page) -> dict[str, str]:
    """Download the report as Markdown and return its lines by name; the first of a name counts."""
    page.get_by_role("button", name="Download", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Report (Markdown)").click()
    text = download.value.path().read_text(encoding="utf-8")
    pairs = reversed(re.findall(r"^- ([^:\n]+): (.+)$", text, re.MULTILINE))
    return dict(pairs)


def test_page_metrics_report_and_the_upstream_agree(page: Page, tmp_path: Path) -> None:
    with serving(faulty) as model:
        environment = {
            "OPENAI_BASE_URL": model.base_url,
            "OPENAI_API_KEY": "sk-test",
            "MAX_CONCURRENT_REQUESTS": "2",
        }
        with running_server(tmp_path, **environment) as server:
            watcher = page.context.new_page()
            watcher.goto(server.url + "/live?live.window=24h")
            expect(watcher.get_by_text("No request was made in this time")).to_be_visible()
            start_batch(page, server, tiny_pictures(tmp_path))
            tiles = watcher.get_by_test_id("stMetric")
            expect(tiles.filter(has_text="Requests").first).to_contain_text(re.compile(r"\d"))
            plot = watcher.locator(".plots svg").first
            expect(tiles.filter(has_text="Requests").first).to_contain_text(
                re.compile(r"[5-9]|1\d")
            )
            plot.evaluate("plot => { plot.drawnOnce = true }")
            expect(page.get_by_text(f"{COUNT} of {COUNT} done")).to_be_visible()
            expect(tiles.filter(has_text="Requests").first).to_contain_text(str(COUNT))
            watcher.wait_for_selector(IDLE)
            assert plot.evaluate("plot => plot.drawnOnce"), "a plot was made anew"
            watcher.locator(".plots .area").first.hover()
            expect(watcher.locator(".plots .tip:visible")).to_have_text(re.compile(r"^\d{4}-\d\d-"))

            paid, asked = len(model.paid), len(model.requests)
            assert 0 < paid < COUNT < asked
            price = load_catalog().card("gpt-4o").price
            assert price is not None
            cost = paid * request_cost_usd(USAGE, price)

            assert tile(watcher, "Success rate") == f"{paid / COUNT:.1%}"
            assert tile(watcher, "Tokens") == f"{paid * 308:,}"
            assert Decimal(tile(watcher, "Cost").removeprefix("$")) == round(cost, 4)

            series = scraped(server)
            assert series["succeeded"] == paid
            assert series["failed"] == COUNT - paid
            assert series["gpt4o_tokens_used_total"] == paid * 308
            assert series["tessera_calls_total"] == asked
            assert series["tessera_cost_usd_total"] == pytest.approx(float(cost))

            lines = report(watcher)
            assert lines["Requests"] == str(COUNT)
            assert lines["Succeeded"] == str(paid)
            assert lines["Failed"] == str(COUNT - paid)
            assert lines["Attempts on the wire"] == str(asked)
            assert lines["Success rate"] == f"{paid / COUNT:.1%}"
            assert lines["Input tokens"] == f"{paid * USAGE.input_tokens:,}"
            assert lines["Largest call"] == "308"
            assert Decimal(lines["Measured"].removeprefix("$")) == round(cost, 6)
            assert any(name.startswith("IMG005") for name in lines)


def test_an_idle_page_asks_only_whether_anything_changed(page: Page, server: Server) -> None:
    """What is drawn stands still: no frame goes over the websocket without a change."""
    frames: list[object] = []

    def note(frame: object) -> None:
        frames.append(frame)

    page.on("websocket", lambda socket: socket.on("framereceived", note))
    page.goto(server.url + "/live?live.window=7d")
    expect(page.get_by_role("heading", name="Live metrics")).to_be_visible()
    page.wait_for_selector(IDLE)
    with page.expect_response(re.compile("/pulse/")) as first:
        pass
    frames.clear()
    for _ in range(2):
        with page.expect_response(re.compile("/pulse/")) as later:
            pass
    assert later.value.text() == first.value.text()
    assert frames == []
