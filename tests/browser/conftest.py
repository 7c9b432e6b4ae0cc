"""A real server and a real Chromium, both on this machine alone."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'


@dataclass
class Server:
    """A running Tessera."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def stop(self) -> int:
        """End it as a service manager would, and return its exit code."""
        self.process.terminate()
        return self.process.wait(20)


@contextmanager
def running_server(data_dir: Path, **environment: str) -> Iterator[Server]:
    """Start Tessera on a free port with nothing but these settings."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = data_dir / "server.log"
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)],
            cwd=ROOT,
            env={**kept, "TESSERA_DATA_DIR": str(data_dir / "var"), **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = Server(f"http://localhost:{port}", process, log)
    try:
        _wait_until_healthy(server)
        yield server
    finally:
        process.kill()
        process.wait(20)


def _wait_until_healthy(server: Server) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        try:
            with urlopen(server.url + "/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    pytest.fail("the server did not start:\n" + server.log.read_text()[-3000:])


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[Server]:
    """One server for the tests that do not stop it."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


def find_chromium() -> str:
    """Return the browser that `make test` installs."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "no Chromium: run `python scripts/test_tools.py`"
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS, headless=True
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser) -> Iterator[Page]:
    """A fresh English visitor; page errors and requests to anywhere else fail the test."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    fresh = context.new_page()
    problems: list[str] = []
    fresh.on("pageerror", lambda error: problems.append(f"page error: {error}"))
    fresh.on("request", lambda request: _note_foreign(request.url, problems))
    yield fresh
    context.close()
    assert problems == []


def _note_foreign(url: str, problems: list[str]) -> None:
    if not url.startswith(("http://localhost:", "ws://localhost:", "data:", "blob:")):
        problems.append(f"asked elsewhere: {url}")
