"""Pages as AppTest runs them: from app.py, with a workbench of their own in this process."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.inbox import Arrival
from core.runtime import forget
from core.samples import SAMPLES
from core.types import Detail
from tests.serving import serving
from tests.upstream import Fault, Upstream
from ui.resources import runtime, shut_down, workbench
from ui.state import SessionState

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 60


@pytest.fixture(autouse=True)
def _own_process() -> Iterator[None]:
    """Let no test see the settings or the workbench of another."""
    forget("settings")
    yield
    shut_down()
    forget("settings")


@pytest.fixture
def open_app() -> Callable[..., AppTest]:
    """Open a page as a fresh visitor, with sample pictures already dropped in."""

    def open_(page: str = "", *, samples: tuple[str, ...] = (), locale: str = "en-GB") -> AppTest:
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=WAIT_S)
        at.context = {"locale": locale}
        if samples:
            at.session_state["_tessera"] = SessionState(tray=[_tray_item(s) for s in samples])
        at.run()
        return at.switch_page(f"pages/{page}.py").run() if page else at

    return open_


def _tray_item(name: str):
    sample, bench = SAMPLES[name], workbench()
    data = sample.path.read_bytes()
    arrival = Arrival(sample.file, bench.originals.put(data), len(data))
    rule = bench.catalog.card(bench.settings.model).image_rule
    (item,) = runtime().run(bench.tray.from_upload(arrival, rule, Detail.HIGH), WAIT_S)
    return item


@pytest.fixture
def use_upstream(monkeypatch) -> Iterator[Callable[[Fault], Upstream]]:
    """Let the pages ask a misbehaving server instead of the embedded engine."""
    with ExitStack() as servers:

        def use(fault: Fault) -> Upstream:
            running = servers.enter_context(serving(fault))
            monkeypatch.setenv("OPENAI_BASE_URL", running.base_url)
            monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-0123456789abcdef")
            return running

        yield use
        shut_down()  # before the server goes away
