"""Take the README's pictures of the real app: python scripts/make_screenshots.py."""

import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.i18n import translator  # noqa: E402 - after the path is set
from core.phrases import Translate  # noqa: E402
from core.samples import SAMPLES  # noqa: E402
from tests.browser.conftest import (  # noqa: E402
    CHROMIUM_ARGUMENTS,
    IDLE,
    find_chromium,
    running_server,
)

FOLDER = ROOT / "docs" / "images"
LANGUAGES = {"en": ("en-GB", ""), "zh_CN": ("zh-CN", ".zh-CN")}
ANSWERED_WITHIN_MS = 180_000


def main() -> None:
    """Use the samples in each language and keep what the pages look like."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as data,
        running_server(Path(data)) as server,
        opened_browser() as browser,
    ):
        for language, (locale, ending) in LANGUAGES.items():
            say = translator(language)
            context = browser.new_context(locale=locale)
            for show, height_px in ((analyze, 1340), (estimate, 1240), (batch, 900)):
                page = context.new_page()
                page.set_viewport_size({"width": 1280, "height": height_px})
                show(page, server.url, say)
                keep(page, FOLDER / f"{show.__name__}{ending}.webp")
                page.close()


@contextmanager
def opened_browser() -> Iterator[Browser]:
    """Yield a Chromium that asks nobody for anything."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS
        )
        yield browser
        browser.close()


def analyze(page: Page, url: str, say: Translate) -> None:
    """Read the sample receipt."""
    page.goto(url)
    page.get_by_role("button", name=say("Till receipt")).click()
    page.get_by_role("button", name=say("Remove")).wait_for()
    page.locator(".st-key-analyze-go button").click()
    page.get_by_label(say("Total"), exact=True).wait_for(timeout=ANSWERED_WITHIN_MS)


def estimate(page: Page, url: str, _: Translate) -> None:
    """Price a month of Full HD pictures."""
    page.goto(f"{url}/estimate")
    page.get_by_test_id("stPlotlyChart").first.wait_for()


def batch(page: Page, url: str, say: Translate) -> None:
    """Put samples into a batch of receipts and wait for its end."""
    samples = [str(SAMPLES[name].path) for name in ("receipt", "invoice", "contract")]
    page.goto(f"{url}/batch?batch=new")
    page.wait_for_selector(IDLE)
    page.locator("[class*='st-key-analyze-task-'] input").click()
    page.get_by_role("option", name=say("Receipt or invoice"), exact=True).click()
    page.wait_for_selector(IDLE)
    page.locator('input[type="file"]').set_input_files(samples)
    start = say("Start {count} pictures").format(count=len(samples))
    page.get_by_role("button", name=start).click(timeout=ANSWERED_WITHIN_MS)
    done = say("{done} of {total} done").format(done=len(samples), total=len(samples))
    page.get_by_text(re.compile(re.escape(done))).wait_for(timeout=ANSWERED_WITHIN_MS)


def keep(page: Page, path: Path) -> None:
    """Write what the page shows, small enough to be read over a slow line."""
    page.wait_for_selector(IDLE)
    page.mouse.move(0, 0)  # no tools of the table
    page.wait_for_timeout(2500)  # fonts, plots and the table's canvas
    with Image.open(BytesIO(page.screenshot())) as picture:
        picture.convert("RGB").save(path, quality=82, method=6)


if __name__ == "__main__":
    main()
