"""The System page in a browser: every layer is checked, and two runs of a suite are compared."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.api_checks import red_picture
from tests.browser.conftest import IDLE, running_server

pytestmark = pytest.mark.browser

SUITE = """\
suite: Colours
cases:
  - id: red
    title: A red picture
    image: red.png
    prompt: Which colour has this picture?
    expect: {contains: [%s]}
"""
_WITHIN_MS = 60_000


def test_checks_and_runs_are_at_hand(page: Page, tmp_path: Path) -> None:
    folder = tmp_path / "var" / "quality"
    folder.mkdir(parents=True)
    (folder / "red.png").write_bytes(red_picture().data)
    (folder / "colours.yaml").write_text(SUITE % "red")
    with running_server(tmp_path) as server:
        page.goto(server.url + "/system")
        page.get_by_role("tab", name="Check").click()
        page.get_by_role("button", name="Check everything").click()
        expect(page.get_by_text("saw that the picture is red")).to_be_visible(timeout=_WITHIN_MS)

        page.get_by_role("tab", name="Quality").click()
        expect(page.get_by_text("No run yet.")).to_be_visible()
        page.get_by_role("combobox", name="Suite").click()
        page.get_by_role("option", name="Colours").click()
        _run(page)
        expect(page.get_by_text("1 / 1")).to_be_visible(timeout=_WITHIN_MS)
        (folder / "colours.yaml").write_text(SUITE % "purple")
        _run(page)
        worse = page.get_by_text("Worse: 1 passed before and fail now.")
        expect(worse).to_be_visible(timeout=_WITHIN_MS)
        expect(page.get_by_text("Does not contain “purple”.")).to_be_visible()


def _run(page: Page) -> None:
    page.wait_for_selector(IDLE)
    page.get_by_role("button", name="Run", exact=True).click()
