"""The misbehaving server for tests that are not coroutines themselves."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

from tests.upstream import Fault, Upstream, upstream


@contextmanager
def serving(fault: Fault) -> Iterator[Upstream]:
    """Run the server on a loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = upstream(fault)
    try:
        yield asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _stop(server: AbstractAsyncContextManager[Upstream]) -> None:
    """Close the server and the connections that a fault left open."""
    await server.__aexit__(None, None, None)
    rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
