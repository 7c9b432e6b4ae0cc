"""Take the README's pictures of the real app: python scripts/make_screenshots.py."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.i18n import translator  # noqa: E402 - after the path is set
from tests.browser.conftest import (  # noqa: E402
    CHROMIUM_ARGUMENTS,
    IDLE,
    find_chromium,
    running_server,
)

FOLDER = ROOT / "docs" / "images"
PICTURES = {"analyze.png": ("en-GB", "en"), "analyze.zh-CN.png": ("zh-CN", "zh_CN")}


def main() -> None:
    """Analyze the sample receipt in each language and keep what the page looks like."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as data,
        running_server(Path(data)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS
        )
        for name, (locale, language) in PICTURES.items():
            say = translator(language)
            page = browser.new_context(
                locale=locale, viewport={"width": 1280, "height": 1340}
            ).new_page()
            page.goto(server.url)
            page.get_by_role("button", name=say("Till receipt")).click()
            page.get_by_role("button", name=say("Remove")).wait_for()
            page.locator(".st-key-analyze-go button").click()
            page.get_by_label(say("Total"), exact=True).wait_for(timeout=120_000)
            page.wait_for_selector(IDLE)
            page.wait_for_timeout(1500)  # fonts and the table's canvas
            page.screenshot(path=FOLDER / name)
        browser.close()


if __name__ == "__main__":
    main()
