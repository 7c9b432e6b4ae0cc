"""A batch goes on whatever happens to the page and the server."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests import upstream
from tests.browser.conftest import IDLE, Server, running_server
from tests.serving import serving

pytestmark = pytest.mark.browser
COUNT = 200


async def unhurried(exchange: upstream.Exchange) -> None:
    """Answer after half a second, so that there is a batch to look at."""
    await asyncio.sleep(0.5)
    await upstream.fine(exchange)


def tiny_pictures(folder: Path) -> list[str]:
    files = [folder / f"{n:03}.png" for n in range(COUNT)]
    for n, file in enumerate(files):
        Image.new("RGB", (32, 32), (n, 90, 120)).save(file)
    return [str(file) for file in files]


def start_batch(page: Page, server: Server, files: list[str]) -> None:
    page.goto(server.url + "/batch")
    page.get_by_role("button", name="New batch").click()
    page.locator('input[type="file"]').set_input_files(files)
    expect(page.get_by_text(f"{COUNT} pictures are ready")).to_be_visible()
    page.get_by_role("button", name=f"Start {COUNT} pictures").click()
    expect(page.get_by_text(re.compile(f"of {COUNT} done"))).to_be_visible()


def test_a_batch_outlives_page_switch_reload_and_restart(page: Page, tmp_path) -> None:
    with serving(unhurried) as model:
        environment = {
            "OPENAI_BASE_URL": model.base_url,
            "OPENAI_API_KEY": "sk-test",
            "MAX_CONCURRENT_REQUESTS": "6",
        }
        with running_server(tmp_path, **environment) as server:
            start_batch(page, server, tiny_pictures(tmp_path))
            page.get_by_role("link", name="System").click()
            expect(page.get_by_role("heading", name="System")).to_be_visible()
            page.get_by_role("link", name="Batch", exact=True).click()
            page.locator("[class*='st-key-batch-open-'] button").click()
            expect(page.get_by_role("button", name="Pause")).to_be_visible()
            page.reload()
            expect(page.get_by_role("button", name="Pause")).to_be_visible()
            assert 0 < len(model.paid) < COUNT
            address = page.url.removeprefix(server.url)
            server.stop()
        with running_server(tmp_path, **environment) as server:
            page.goto(server.url + address)
            expect(page.get_by_text(re.compile("Finished$"))).to_be_visible()
            expect(page.get_by_text(f"{COUNT} of {COUNT} done")).to_be_visible()
            page.wait_for_selector(IDLE)
            with page.expect_download() as download:
                page.get_by_role("link", name="JSONL", exact=True).click()
            lines = download.value.path().read_text().splitlines()
        assert [json.loads(line)["status"] for line in lines] == ["succeeded"] * COUNT
        assert len(model.paid) == COUNT


def test_a_folder_of_the_server_becomes_a_batch_with_small_pictures(page: Page, tmp_path) -> None:
    folder = tmp_path / "shelves"
    folder.mkdir()
    for n in range(3):
        Image.new("RGB", (400, 300), (90 * n, 120, 60)).save(folder / f"{n}.png")
    (folder / "list.csv").write_text("source,prompt\n1.png,How many?\nmissing.png,\n")
    with serving(upstream.fine) as model:
        environment = {
            "OPENAI_BASE_URL": model.base_url,
            "OPENAI_API_KEY": "sk-test",
            "TESSERA_FOLDERS": str(folder),
        }
        with running_server(tmp_path, **environment) as server:
            page.goto(server.url + "/batch?batch=new")
            page.get_by_role("button", name="Folder of the server").click()
            page.get_by_role("button", name="Add", exact=True).click()
            expect(page.get_by_text("3 pictures are ready")).to_be_visible()
            page.keyboard.press("Escape")
            page.locator('input[type="file"]').set_input_files([str(folder / "list.csv")])
            expect(page.get_by_text("no uploaded file called missing.png")).to_be_visible()
            page.get_by_role("button", name="Leave them out").click()
            with page.expect_response(re.compile("/thumbnail/")) as small:
                page.get_by_role("button", name="Start 3 pictures").click()
            assert small.value.status == 200
            assert small.value.headers["content-type"] in {"image/jpeg", "image/png"}
            expect(page.get_by_text("3 of 3 done")).to_be_visible()
            with page.expect_download() as download:
                page.get_by_role("link", name="CSV", exact=True).click()
            assert download.value.path().read_bytes().startswith(b"\xef\xbb\xbf")
