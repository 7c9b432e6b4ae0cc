"""The app as a whole, in a real browser: first page, reruns, idle tabs, memory.

    python -m benchmarks app

One Tessera and one empty Streamlit page are served the same way, side by side. Processor time and
memory are those of the server's process and its children, read from /proc; so this needs Linux.
"""

import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from statistics import median

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Browser, Locator, Page, Request, WebSocket, expect, sync_playwright

from core.samples import SAMPLES
from tests.browser.conftest import (
    CHROMIUM_ARGUMENTS,
    IDLE,
    ROOT,
    Server,
    _wait_until_healthy,
    find_chromium,
    running_server,
)

VISITS = 7
TABS = 5
IDLE_S = 30.0
ALONE_S = 6.0
RERUNS = 6
GROUP = 10
GROUPS = 10
SETTLE_S = 3.0
WORDS = ("coffee", "paper", "lamp", "tea", "chair", "glass", "stamp")

EMPTY_APP = """
import streamlit as st

if st.runtime.exists():
    st.title("Empty")
else:
    from pathlib import Path

    from starlette.responses import Response
    from starlette.routing import Route

    app = st.App(Path(__file__), routes=[Route("/health", lambda request: Response())])
"""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a server and its children have used and hold now."""

    cpu_s: float
    own_mib: float
    tree_mib: float


def usage(server: Server) -> Usage:
    """Read the processor time and the resident memory of a server's process tree."""
    pids = _tree(server.process.pid)
    cpu_s = sum(_cpu_s(pid) for pid in pids)
    resident = [_resident_mib(pid) for pid in pids]
    return Usage(cpu_s, resident[0], sum(resident))


def _tree(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    children = [int(c) for t in tasks.iterdir() for c in (t / "children").read_text().split()]
    return [pid, *(below for child in children for below in _tree(child))]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def has_loaded(server: Server, library: str) -> bool:
    """Say whether a shared library is mapped into the server's process."""
    return library in Path(f"/proc/{server.process.pid}/maps").read_text()


def report(what: str, value: float, wanted: float, unit: str = "") -> None:
    """Print one number beside its bound."""
    verdict = "OK" if value <= wanted else "NOT"
    print(
        f"{what:58} {value:8.2f}{unit}  (wanted: at most {wanted:g}{unit})  {verdict}", flush=True
    )


@contextmanager
def empty_server(folder: Path) -> Iterator[Server]:
    """Serve a page with a title and nothing else, with the same command and configuration."""
    folder.mkdir()
    (folder / "app.py").write_text(EMPTY_APP)
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "server.log"
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
    server = Server(f"http://localhost:{port}", process, log)
    try:
        _wait_until_healthy(server)
        yield server
    finally:
        process.kill()
        process.wait(20)


@contextmanager
def visitor(browser: Browser) -> Iterator[Page]:
    """Open a tab of somebody who was never here: nothing is cached."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def visit_s(browser: Browser, server: Server, title: str) -> tuple[float, float]:
    """Return the seconds until a first page stands still, and the server's processor seconds."""
    before = usage(server).cpu_s
    with visitor(browser) as page:
        started_s = time.perf_counter()
        page.goto(server.url)
        page.get_by_role("heading", name=title, exact=True).wait_for()
        page.wait_for_selector(IDLE)
        taken_s = time.perf_counter() - started_s
    return taken_s, usage(server).cpu_s - before


def measure_first_page(browser: Browser, ours: Server, empty: Server) -> None:
    """Compare first visits, turn by turn; the very first of each process is told apart."""
    turns = [
        (visit_s(browser, ours, "Analyze"), visit_s(browser, empty, "Empty")) for _ in range(VISITS)
    ]
    (cold, cold_empty), warm = turns[0], turns[1:]
    wall, wall_empty, cpu, cpu_empty = (
        median(turn[which][number] for turn in warm) for number in (0, 1) for which in (0, 1)
    )
    print(f"first page: {wall:.2f} s, empty page {wall_empty:.2f} s (medians of {len(warm)})")
    print(f"  server alone: {cpu * 1e3:.0f} ms and {cpu_empty * 1e3:.0f} ms of processor time")
    print(f"  the very first visit of each process: {cold[0]:.2f} s and {cold_empty[0]:.2f} s")
    report("first page / empty page", wall / wall_empty, 2, "x")


@dataclass(frozen=True, slots=True)
class BrowserFile:
    """A file to give to the browser, in the browser driver's words."""

    name: str
    mimeType: str  # noqa: N815
    buffer: bytes


def picture(number: int) -> BrowserFile:
    """Return a till receipt that differs from every other, in size, too."""
    rng = random.Random(number)
    image = Image.new("RGB", (rng.randrange(440, 600), 420), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=30)
    goods = [(rng.choice(WORDS), rng.randrange(100, 9999)) for _ in range(2)]
    lines = [f"SAMPLE SHOP {number}", f"2026-03-{number % 28 + 1:02}"]
    lines += [f"{name}    {cents / 100:.2f}" for name, cents in goods]
    lines.append(f"TOTAL    {sum(cents for _, cents in goods) / 100:.2f}")
    for at, text in enumerate(lines):
        draw.text((40, 40 + at * 70), text, fill="black", font=font)
    out = BytesIO()
    image.save(out, "PNG")
    return BrowserFile(f"receipt-{number}.png", "image/png", out.getvalue())


def open_page(page: Page, address: str) -> None:
    """Go there and wait until the page stands still."""
    page.goto(address)
    page.wait_for_selector(IDLE)


def choose_task(page: Page, title: str) -> None:
    """Choose what is asked."""
    page.get_by_role("combobox", name="Task", exact=True).click()
    page.get_by_role("option", name=title, exact=True).click()
    page.wait_for_selector(IDLE)


def ask(page: Page, files: list[BrowserFile]) -> None:
    """Upload pictures, ask about them and wait for the answers; none may fail."""
    page.locator('input[type="file"]').set_input_files([asdict(file) for file in files])
    expect(remove_buttons(page)).to_have_count(len(files))
    page.wait_for_selector(IDLE)
    page.locator(".st-key-analyze-go button").click()
    expect(page.get_by_role("heading", name=files[0].name)).to_be_visible()
    expect(page.get_by_text(f"{len(files)} of {len(files)} done · cost")).to_be_visible()
    page.wait_for_selector(IDLE)


def clear(page: Page) -> None:
    """Empty the tray."""
    page.locator(".st-key-analyze-clear button").click()
    expect(remove_buttons(page)).to_have_count(0)
    page.wait_for_selector(IDLE)


def remove_buttons(page: Page) -> Locator:
    """Return the button of each picture in the tray."""
    return page.get_by_role("button", name=re.compile("^Remove: "))


def measure_memory(browser: Browser, server: Server) -> None:
    """Compare resident memory after ten and after a hundred analyses in one session."""
    report("recogniser loaded before its first use", has_loaded(server, "onnxruntime"), 0)
    sizes = [usage(server)]
    with visitor(browser) as page:
        open_page(page, server.url)
        choose_task(page, "Receipt or invoice")
        for group in range(GROUPS):
            ask(page, [picture(group * GROUP + at) for at in range(GROUP)])
            clear(page)
            sizes.append(usage(server))
    assert has_loaded(server, "onnxruntime")
    print("resident memory of the server and its children, MiB:")
    for group, size in enumerate(sizes):
        print(f"  {group * GROUP:4} analyses  {size.own_mib:6.0f} server  {size.tree_mib:6.0f} all")
    growth = sizes[-1].tree_mib - sizes[1].tree_mib
    report(f"memory growth from {GROUP} to {GROUP * GROUPS} analyses", growth, 50, " MiB")


class Traffic:
    """What a tab asks for and what goes over its websocket, from now on."""

    def __init__(self, page: Page) -> None:
        self.socket_bytes = 0
        self.reruns = 0
        self.requests: list[Request] = []
        page.on("websocket", self._listen)
        page.on("request", self._asked)

    def start_again(self) -> None:
        """Count from nothing."""
        self.socket_bytes = 0
        self.reruns = 0
        self.requests.clear()

    def pictures(self) -> list[Request]:
        """Return what was asked for of our own pictures and of Streamlit's."""
        return [r for r in self.requests if "/image/" in r.url or "/media/" in r.url]

    def _asked(self, request: Request) -> None:
        self.requests.append(request)

    def _listen(self, web_socket: WebSocket) -> None:
        web_socket.on("framesent", self._rerun)
        web_socket.on("framereceived", self._count)

    def _rerun(self, payload: str | bytes) -> None:
        self.reruns += 1  # a page says nothing else
        self._count(payload)

    def _count(self, payload: str | bytes) -> None:
        self.socket_bytes += len(payload)


def measure_reruns(browser: Browser, server: Server) -> str:
    """Count what travels when a widget reruns a page with results; return the page's address."""
    files = [BrowserFile(s.file, "", s.path.read_bytes()) for s in SAMPLES.values()]
    with visitor(browser) as page:
        traffic = Traffic(page)
        open_page(page, server.url)
        traffic.start_again()
        ask(page, files)
        page.wait_for_timeout(1000)  # the last pictures are still on their way
        shown = sum(request.sizes()["responseBodySize"] for request in traffic.pictures())
        traffic.start_again()
        before_s = usage(server).cpu_s
        for title in ("Document", "Describe") * (RERUNS // 2):
            choose_task(page, title)
        cpu_s = (usage(server).cpu_s - before_s) / RERUNS
        address = page.url
    sent = traffic.socket_bytes / RERUNS
    print(f"rerun of a page with {len(files)} results and {shown / 1e3:.0f} kB of pictures:")
    print(
        f"  {cpu_s * 1e3:.0f} ms of processor time, {sent / 1e3:.1f} kB over the websocket, ",
        end="",
    )
    print(f"{len(traffic.requests)} HTTP requests in {RERUNS} reruns")
    report("pictures fetched again by reruns", len(traffic.pictures()), 0)
    report("bytes of a rerun / bytes of the pictures", sent / shown, 0.2, "x")
    return address


def measure_idle(browser: Browser, server: Server, address: str) -> None:
    """Measure what open tabs that nobody touches cost the server, in percent of one core."""
    with browser.new_context(locale="en-GB") as context:
        pages = [context.new_page() for _ in range(TABS)]
        for page in pages:
            open_page(page, address)
        share = idle_share(server, IDLE_S)
    alone = idle_share(server, ALONE_S)
    report(f"{TABS} idle tabs with results", share, 3, " % of a core")
    print(f"  no tab: {alone:.2f} %")


def idle_share(server: Server, seconds: float) -> float:
    """Return the percentage of one core that the server uses while nobody does anything."""
    time.sleep(SETTLE_S)
    before_s, started_s = usage(server).cpu_s, time.perf_counter()
    time.sleep(seconds)
    return (usage(server).cpu_s - before_s) / (time.perf_counter() - started_s) * 100


def main() -> None:
    """Start both servers and a browser, and measure one thing after the other."""
    expect.set_options(timeout=60_000)
    with ExitStack() as open_until_the_end:
        enter = open_until_the_end.enter_context
        folder = Path(enter(tempfile.TemporaryDirectory()))
        ours, empty = enter(running_server(folder)), enter(empty_server(folder / "empty"))
        browser = enter(sync_playwright()).chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS, headless=True
        )
        fresh_mib, empty_mib = usage(ours).tree_mib, usage(empty).tree_mib
        print(f"fresh server: {fresh_mib:.0f} MiB, the empty page's {empty_mib:.0f} MiB")
        measure_first_page(browser, ours, empty)
        measure_memory(browser, ours)
        measure_idle(browser, ours, measure_reruns(browser, ours))
        browser.close()


if __name__ == "__main__":
    main()
