"""The frame around the pages: deep links, language, no traffic to anywhere else."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import IDLE, Server, running_server

pytestmark = pytest.mark.browser


def test_a_first_deep_link_shows_the_navigation(page: Page, tmp_path) -> None:
    """In a fresh process Streamlit would run pages/batch.py without app.py."""
    with running_server(tmp_path) as server:
        page.goto(server.url + "/batch")
        expect(page.get_by_role("heading", name="Batch")).to_be_visible()
        expect(page.get_by_role("link", name="Analyze", exact=True)).to_be_visible()
        expect(page.get_by_text("Embedded engine")).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/estimate", "/batch", "/live", "/system"])
def test_every_page_opens_without_an_error(page: Page, server: Server, path: str) -> None:
    """The `page` fixture fails on page errors and on requests to anywhere else."""
    page.goto(server.url + path)
    page.wait_for_selector(IDLE)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_the_browser_chooses_the_language_and_the_sidebar_changes_it(browser, server) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(server.url + "/system")
    page.wait_for_selector(IDLE)
    title = page.get_by_role("heading", level=1)
    expect(title).not_to_have_text("System")
    page.get_by_text("English", exact=True).click()
    expect(title).to_have_text("System")
    context.close()


def test_health_answers_from_the_same_process(page: Page, server: Server) -> None:
    answer = page.request.get(server.url + "/health")
    assert answer.ok
    assert answer.json()["engine"] == "embedded"
    assert "frame-ancestors" in answer.headers["content-security-policy"]


def test_a_language_switch_keeps_the_scenario(page: Page, server: Server) -> None:
    page.goto(server.url + "/estimate")
    page.wait_for_selector(IDLE)
    page.get_by_role("radio", name="Batch").click()
    expect(page).to_have_url(re.compile("batch"))
    before = page.url.split("?", 1)[1]
    page.get_by_text("中文", exact=True).click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Estimate")
    page.wait_for_selector(IDLE)
    assert before.split("s=", 1)[1].split("&")[0] in page.url
