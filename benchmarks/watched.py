"""A batch in the app, its page open five times: what looking on costs its throughput.

    python -m benchmarks watched

The server runs batches and draws pages, as it does for a team. Pages are sessions over the
websocket that ask for what a browser would ask for, when it would: a browser takes processor time,
too, but not on the server's machine. Equal batches run without a page and with all of them, in
turns; their makespans are the store's own.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from benchmarks._batch_clients import CONCURRENCY, question, settings_for
from benchmarks.app import report, usage
from benchmarks.batch import FREE, Workload, draw
from core.batch import BatchProgress, BatchState
from core.images.intake import Intake
from core.store.batch_progress import BatchFigures
from core.store.database import open_database
from core.workbench import Workbench
from tests.browser.conftest import Server, running_server
from tests.metered import Running, metered

VIEWERS = 5
ROUNDS = 4
LOAD = Workload(FREE, 900)
WANTED, WANTED_KB = 1.05, 2.0
FIGURES_EVERY_S = 2


@dataclass
class OpenPage:
    """A session that looks at a batch; it reruns fragments by their clocks, as browsers do.

    `figures` is the fragment that follows the batch most closely, `figures_bytes` what came for it.
    """

    socket: ClientConnection
    query: str
    reruns: int = 0
    figures: str = ""
    figures_bytes: int = 0
    figures_reruns: int = 0
    buttons: dict[str, str] = field(default_factory=dict)
    _script: str = ""
    _drawn: tuple[str, ...] = ()
    _clocks: list["asyncio.Task[None]"] = field(default_factory=list)

    async def press(self, label: str) -> None:
        """Click a button as soon as it is there."""
        while label not in self.buttons:  # noqa: ASYNC110 - the page is asked nothing for it
            await asyncio.sleep(0.05)
        message = BackMsg()
        pressed = message.rerun_script.widget_states.widgets
        pressed.add(id=self.buttons[label], trigger_value=True)
        await self._ask(message)

    async def look(self) -> None:
        """Heed what the server draws until the connection ends."""
        message = BackMsg()
        message.rerun_script.page_name = "batch"
        await self._ask(message)
        async for data in self.socket:
            self._heed(ForwardMsg.FromString(data))
            if self.figures and self._drawn == (self.figures,):
                self.figures_bytes += len(data)

    def end_clocks(self) -> None:
        """Rerun nothing any longer."""
        for clock in self._clocks:
            clock.cancel()
        self._clocks.clear()

    def _heed(self, message: Any) -> None:
        match message.WhichOneof("type"):
            case "navigation":
                self._script = message.navigation.page_script_hash
            case "new_session":
                self._drawn = tuple(message.metadata.run.fragment_ids)
                self.figures_reruns += self._drawn == (self.figures,)
                if not self._drawn:
                    self.end_clocks()
            case "auto_rerun":
                if message.auto_rerun.interval <= FIGURES_EVERY_S:
                    self.figures = message.auto_rerun.fragment_id
                self._clocks.append(asyncio.create_task(self._tick(message.auto_rerun)))
            case "delta" if message.delta.new_element.HasField("button"):
                button = message.delta.new_element.button
                self.buttons[button.label] = button.id

    async def _tick(self, clock: Any) -> None:
        while True:
            await asyncio.sleep(clock.interval)
            message = BackMsg()
            message.rerun_script.fragment_id = clock.fragment_id
            message.rerun_script.is_auto_rerun = True
            await self._ask(message)
            self.reruns += 1

    async def _ask(self, message: Any) -> None:
        message.rerun_script.query_string = self.query
        message.rerun_script.page_script_hash = self._script
        await self.socket.send(message.SerializeToString())


@asynccontextmanager
async def open_page(server: Server, batch_id: str) -> AsyncIterator[OpenPage]:
    """Look at a batch until the block ends."""
    address = server.url.replace("http", "ws", 1) + "/_stcore/stream"
    async with connect(address, subprotocols=["streamlit"], max_size=None) as socket:
        page = OpenPage(socket, f"batch={batch_id}")
        looking = asyncio.create_task(page.look())
        try:
            yield page
        finally:
            page.end_clocks()
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking


async def make_batches(folder: Path, base_url: str) -> list[str]:
    """Take the same pictures into batches of different questions, which wait for their start."""
    bench = Workbench.open(settings_for(folder, base_url, LOAD))
    try:
        return [
            await bench.batches.create(
                "bench", Intake(bench.decoder).open(folder), question(f"What is this? {n}")
            )
            for n in range(2 * ROUNDS + 1)
        ]
    finally:
        await bench.close()


@dataclass
class Bench:
    """A server, its store, and the model that it asks."""

    server: Server
    figures: BatchFigures
    model: Running

    async def run(self, batch_id: str, viewers: int) -> "Run":
        """Start a batch, open so many pages on it at once, and wait for its end."""
        before_s = usage(self.server).cpu_s
        async with AsyncExitStack() as open_until_the_end:
            enter = open_until_the_end.enter_async_context
            async with open_page(self.server, batch_id) as starting:
                await starting.press("Start")
                await self._becomes(BatchState.RUNNING, batch_id)
            pages = [await enter(open_page(self.server, batch_id)) for _ in range(viewers)]
            ended = await self._becomes(BatchState.SUCCEEDED, batch_id)
        cpu_s = usage(self.server).cpu_s - before_s
        assert ended.started_at
        assert ended.finished_at
        seconds = (ended.finished_at - ended.started_at).total_seconds()
        ticks = sum(page.figures_reruns for page in pages)
        tick_kb = sum(page.figures_bytes for page in pages) / 1e3 / max(1, ticks)
        return Run(seconds, cpu_s, sum(page.reruns for page in pages), tick_kb)

    async def _becomes(self, state: BatchState, batch_id: str) -> BatchProgress:
        while True:
            progress = await asyncio.to_thread(self.figures.progress, batch_id)
            assert progress is not None
            if progress.state is state:
                return progress
            await asyncio.sleep(0.25)


@dataclass(frozen=True, slots=True)
class Run:
    """How long a batch took, the server's processor time for it, and what open pages asked for.

    `tick_kb` is what comes each time that a page follows the figures.
    """

    seconds: float
    cpu_s: float
    reruns: int
    tick_kb: float


async def compare(bench: Bench, batch_ids: list[str]) -> None:
    """Run batches without and with open pages in turns, the first of them to warm up."""
    await bench.run(batch_ids.pop(), 0)
    alone, watched = [], []
    for _ in range(ROUNDS):
        alone.append(await bench.run(batch_ids.pop(), 0))
        watched.append(await bench.run(batch_ids.pop(), VIEWERS))
    for what, runs in (("no page open", alone), (f"{VIEWERS} pages open", watched)):
        seconds = " ".join(f"{run.seconds:.2f}" for run in runs)
        cpu_ms = median(run.cpu_s for run in runs) / LOAD.pictures * 1e3
        reruns = median(run.reruns for run in runs)
        cost = f"{cpu_ms:.1f} ms of processor time a call, {reruns:.0f} reruns"
        print(f"{what:14} {seconds} s; {cost}")
    ratio = median(run.seconds for run in watched) / median(run.seconds for run in alone)
    report(f"makespan with {VIEWERS} pages open / without", ratio, WANTED, "x")
    report("what follows the figures", median(run.tick_kb for run in watched), WANTED_KB, " kB")


def main() -> None:
    """Make the batches, then serve the app and run them in it."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        draw(folder / "pictures", LOAD)
        with metered(folder / "model", LOAD.conditions) as model:
            batch_ids = asyncio.run(make_batches(folder / "pictures", model.base_url))
            environment = {
                "OPENAI_API_KEY": "sk-bench",
                "OPENAI_BASE_URL": model.base_url,
                "MAX_CONCURRENT_REQUESTS": str(CONCURRENCY),
                "TESSERA_DATA_DIR": str(folder / "data"),
            }
            figures = BatchFigures(open_database(folder / "data"))
            with running_server(folder, **environment) as server:
                asyncio.run(compare(Bench(server, figures, model), batch_ids))


if __name__ == "__main__":
    main()
