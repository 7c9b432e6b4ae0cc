"""What a newcomer does first, in a real browser."""

import json
import re

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as TooLate

from core.i18n import translator
from core.samples import SAMPLES
from core.tasks import TASKS
from tests.browser.conftest import IDLE, Server, running_server
from tests.serving import serving

pytestmark = pytest.mark.browser
RECEIPT = str(SAMPLES["receipt"].path)


def open_page(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_selector(IDLE)


def drop(page: Page, *files: str) -> None:
    """Give files to the drop zone and wait until they are in the tray."""
    page.locator('input[type="file"]').set_input_files(list(files))
    expect(page.get_by_role("button", name=re.compile("^Remove: "))).to_have_count(len(files))


def choose_task(page: Page, title: str) -> None:
    option = page.get_by_role("option", name=title, exact=True)
    page.locator(".st-key-analyze-task-en input").click()
    try:
        option.click(timeout=10_000)
    except TooLate:  # a rerun that was still on its way has closed the list
        page.locator(".st-key-analyze-task-en input").click()
        option.click()
    page.wait_for_selector(IDLE)


def analyze(page: Page) -> None:
    page.locator(".st-key-analyze-go button").click()


def test_a_dropped_receipt_is_read(page: Page, server: Server) -> None:
    open_page(page, server.url)
    drop(page, RECEIPT)
    choose_task(page, "Receipt or invoice")
    expect(page.get_by_text("The embedded engine reads the picture")).to_be_visible()
    analyze(page)
    expect(page.get_by_label("Total", exact=True)).to_have_value("20.3")
    expect(page.get_by_label("Date", exact=True)).to_have_value("2026-04-05")
    expect(page.get_by_text("1 of 1 done")).to_be_visible()


def test_a_correction_is_in_the_next_download(page: Page, server: Server) -> None:
    open_page(page, server.url)
    drop(page, RECEIPT)
    choose_task(page, "Receipt or invoice")
    analyze(page)
    total = page.get_by_label("Total", exact=True)
    expect(total).to_have_value("20.3")
    total.fill("21.5")
    total.press("Enter")
    expect(page.get_by_text("Corrected by you: 1")).to_be_visible()
    page.wait_for_selector(IDLE)
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON", exact=True).click()
    (item,) = json.loads(download.value.path().read_text())["items"]
    assert item["data"]["total"] == 20.3
    assert item["corrected"]["total"] == 21.5


def test_results_survive_a_page_switch_and_a_reload(page: Page, server: Server) -> None:
    open_page(page, server.url)
    drop(page, RECEIPT)
    choose_task(page, "Receipt or invoice")
    analyze(page)
    expect(page.get_by_label("Total", exact=True)).to_have_value("20.3")
    page.get_by_role("link", name="System").click()
    expect(page.get_by_role("heading", name="System")).to_be_visible()
    page.get_by_role("link", name="Analyze").click()
    expect(page.get_by_label("Total", exact=True)).to_have_value("20.3")
    page.reload()
    expect(page.get_by_label("Total", exact=True)).to_have_value("20.3")


def test_the_picture_shown_is_served_once(page: Page, server: Server) -> None:
    """A rerun of a page with results moves no picture again."""
    open_page(page, server.url)
    drop(page, RECEIPT)
    analyze(page)
    expect(page.get_by_text("1 of 1 done")).to_be_visible()
    page.wait_for_selector(IDLE)
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    choose_task(page, "Document")
    choose_task(page, "Describe")
    assert [url for url in fetched if "/image/" in url or "/media/" in url] == []


def test_a_pasted_picture_arrives(page: Page, server: Server) -> None:
    open_page(page, server.url)
    page.evaluate(
        """async () => {
          const canvas = new OffscreenCanvas(64, 48)
          canvas.getContext('2d').fillRect(8, 8, 20, 20)
          const file = new File([await canvas.convertToBlob()], 'image.png', {type: 'image/png'})
          const clipboard = new DataTransfer()
          clipboard.items.add(file)
          const paste = {clipboardData: clipboard, bubbles: true, composed: true}
          document.body.dispatchEvent(new ClipboardEvent('paste', paste))
        }"""
    )
    expect(page.get_by_role("button", name="Remove: image.png")).to_be_visible()


def test_a_file_that_is_no_picture_says_what_to_do(page: Page, server: Server, tmp_path) -> None:
    fake = tmp_path / "photo.png"
    fake.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    open_page(page, server.url)
    page.locator('input[type="file"]').set_input_files(str(fake))
    expect(page.get_by_text(re.compile("IMG002.*Export the drawing as PNG"))).to_be_visible()


def test_a_link_to_this_machine_is_refused(page: Page, server: Server) -> None:
    open_page(page, server.url)
    page.get_by_label("Link to a picture or PDF").fill(server.url + "/health")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("IMG003")).to_be_visible()


def test_what_a_model_writes_loads_nothing(page: Page, tmp_path) -> None:
    async def hostile(exchange) -> None:
        picture = f"![x]({exchange.upstream.base_url}/stolen)"
        text = f"{picture} <img src='//evil.example/a'> www.evil.example done"
        await exchange.complete({"content": text})

    with serving(hostile) as upstream:
        key = {"OPENAI_BASE_URL": upstream.base_url, "OPENAI_API_KEY": "sk-test"}
        with running_server(tmp_path, **key) as server:
            open_page(page, server.url)
            drop(page, RECEIPT)
            choose_task(page, "Describe")
            analyze(page)
            expect(page.get_by_text("done", exact=False).last).to_be_visible()
            expect(page.get_by_text("1 of 1 done")).to_be_visible()
            page.wait_for_selector(IDLE)
            expect(page.locator('a[href*="evil.example"], a[href*="stolen"]')).to_have_count(0)
        assert len(upstream.requests) == len(upstream.paid) == 1
        sent = json.dumps(upstream.requests[0].body)
        assert "data:image/" in sent


def test_stop_keeps_what_had_arrived(page: Page, tmp_path) -> None:
    async def slow(exchange) -> None:
        first = json.dumps(
            {"model": "m", "choices": [{"index": 0, "delta": {"content": "Half an"}}]}
        )
        head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        exchange.writer.write(f"{head}data: {first}\n\n".encode())
        await exchange.writer.drain()
        await exchange.writer.wait_closed()

    with serving(slow) as upstream:
        key = {"OPENAI_BASE_URL": upstream.base_url, "OPENAI_API_KEY": "sk-test"}
        with running_server(tmp_path, **key) as server:
            open_page(page, server.url)
            drop(page, RECEIPT)
            analyze(page)
            expect(page.get_by_text("Half an")).to_be_visible()
            page.get_by_role("button", name="Stop").click()
            expect(page.get_by_text("SYS002")).to_be_visible()


def test_results_survive_a_restart(page: Page, tmp_path) -> None:
    with running_server(tmp_path) as server:
        open_page(page, server.url)
        drop(page, RECEIPT)
        choose_task(page, "Receipt or invoice")
        analyze(page)
        expect(page.get_by_label("Total", exact=True)).to_have_value("20.3")
        query = page.url.split("?", 1)[1]
        assert server.stop() in {0, -15, 143}
    with running_server(tmp_path) as server:
        open_page(page, f"{server.url}/?{query}")
        expect(page.get_by_label("Total", exact=True)).to_have_value("20.3")


def test_a_language_switch_does_not_change_what_is_asked(page: Page, server: Server) -> None:
    """The browser sends labels back; an English one is no option of the Chinese page."""
    chinese = translator("zh_CN")
    open_page(page, server.url)
    drop(page, RECEIPT)
    choose_task(page, "Receipt or invoice")
    page.get_by_text("中文", exact=True).click()
    expect(page.get_by_text(chinese(TASKS["receipt"].description))).to_be_visible()
    page.wait_for_selector(IDLE)
    analyze(page)
    expect(page.get_by_label(chinese("Total"), exact=True)).to_have_value("20.3")
    expect(page.get_by_text(chinese(TASKS["receipt"].description))).to_be_visible()


def test_a_sample_brings_the_task_that_suits_it(page: Page, server: Server) -> None:
    open_page(page, server.url)
    page.get_by_role("button", name="Chinese contract").click()
    expect(page.get_by_text(TASKS["document"].description)).to_be_visible()
    page.get_by_role("link", name="System").click()
    expect(page.get_by_role("heading", name="System", exact=True)).to_be_visible()
    page.get_by_role("link", name="Analyze", exact=True).click()
    expect(page.get_by_text(TASKS["document"].description)).to_be_visible()
