"""How long-running commands show that they go on, and how they hear that they should not."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.batch import BatchProgress
from core.cli_output import Console, usd


@contextmanager
def interrupts() -> Iterator[asyncio.Event]:
    """Turn the first Ctrl-C or SIGTERM into an event; the second one ends the process at once."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)

    def ask() -> None:
        asked.set()
        for each in signals:
            loop.remove_signal_handler(each)

    for each in signals:
        loop.add_signal_handler(each, ask)
    try:
        yield asked
    finally:
        for each in signals:
            loop.remove_signal_handler(each)


@contextmanager
def progress_bar(console: Console) -> Iterator[Callable[[BatchProgress], None]]:
    """Draw a bar on stderr where somebody looks at a terminal; else nothing is drawn."""
    if console.as_json or not console.err.isatty():
        yield lambda _: None
        return
    from rich.console import Console as Terminal
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[cost]}"), Remaining())
    with Progress(*columns, console=Terminal(file=console.err), transient=True) as bar:
        task = bar.add_task("batch", total=None, cost="")

        def show(progress: BatchProgress) -> None:
            cost = usd(progress.cost_usd, "?")
            bar.update(task, completed=progress.done, total=progress.total, cost=cost)

        yield show
