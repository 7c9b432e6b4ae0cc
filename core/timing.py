"""Time as the client sees it."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from core.backoff import RetryPolicy


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things may take, and what time is; tests put their own in.

    `deadline_s` bounds a request from its first attempt on, waits between attempts included;
    `call_timeout_s` bounds each attempt. `clock` is monotonic, in seconds.
    """

    call_timeout_s: float
    deadline_s: float
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random
