"""The one event loop of the process, in a thread of its own, and the registry of what lives once.

Streamlit re-imports local modules when they change and re-runs scripts at will, so module globals
and its caches cannot own a service: the registry is kept on `sys`, which nothing replaces.
"""

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar, cast

T = TypeVar("T")

_REGISTRY = "_tessera_singletons"
_LOCK = "_tessera_singletons_lock"


class Runtime:
    """An event loop that outlives sessions, reruns and page switches."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tessera", daemon=True)
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Start `work` on the loop and return at once."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Run `work` to its end and return its result.

        Raises:
            TimeoutError: After `timeout_s`; the work is cancelled.
        """
        future = self.submit(work)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise

    def close(self) -> None:
        """Cancel what is running, then stop the loop; safe to call twice."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


async def _cancel_all() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def singleton(name: str, factory: Callable[[], T]) -> T:
    """Return the process-wide object called `name`, making it the first time."""
    lock = cast("threading.RLock", sys.__dict__.setdefault(_LOCK, threading.RLock()))
    with lock:
        registry = cast("dict[str, Any]", sys.__dict__.setdefault(_REGISTRY, {}))
        if name not in registry:
            registry[name] = factory()
        return cast("T", registry[name])


def forget(name: str) -> Any:
    """Take the object called `name` out of the registry and return it, or None."""
    return cast("dict[str, Any]", sys.__dict__.get(_REGISTRY, {})).pop(name, None)
