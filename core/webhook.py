"""Tell another program what happened: one signed POST, repeated until it is taken or given up."""

import asyncio
import hmac
import json
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2

MAX_ATTEMPTS: Final = 6
_BASE_WAIT_S: Final = 1.0
_TIMEOUT_S: Final = 10.0
_WORTH_ANOTHER_TRY: Final = frozenset({408, 425, 429})

_log = logging.getLogger(__name__)


class Webhook:
    """Posts JSON documents to one address; redirects are not followed.

    Each carries `Tessera-Event-Id`, the same in every attempt, `Tessera-Timestamp` (seconds since
    1970) and `Tessera-Signature`, which is "v1=" and `signature` of that timestamp and the body.

    Args:
        url: https, or http to this machine; core/settings.py sees to that.
        secret: Shared with the receiver.
        transport: In place of the network, for tests.
        clock: Seconds since 1970.
        sleep: Waits between attempts.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._url = url
        self._secret = secret
        self._transport = transport
        self._clock = clock
        self._sleep = sleep

    async def tell(self, document: Mapping[str, Any]) -> bool:
        """Deliver a document; False if nobody took it. It may arrive twice, with the same id."""
        body = json.dumps(document, ensure_ascii=False).encode()
        event_id = uuid4().hex
        for attempt in range(1, MAX_ATTEMPTS + 1):
            status = await self._post(body, event_id)
            if status is not None and status < 300:
                return True
            if status is not None and status < 500 and status not in _WORTH_ANOTHER_TRY:
                break
            if attempt < MAX_ATTEMPTS:
                await self._sleep(_BASE_WAIT_S * 2 ** (attempt - 1) * (1 + random.random()))  # noqa: S311 - spreads retries
        # The host alone: the path of such an address is often a secret itself.
        host = urlsplit(self._url).hostname
        _log.warning("webhook_failed", extra={"host": host, "status": status, "attempts": attempt})
        return False

    async def _post(self, body: bytes, event_id: str) -> int | None:
        """Send one attempt and return its status; None if there was no answer."""
        timestamp = str(int(self._clock()))
        headers = {
            "content-type": "application/json",
            "tessera-event-id": event_id,
            "tessera-timestamp": timestamp,
            "tessera-signature": f"v1={signature(self._secret, timestamp, body)}",
        }
        try:
            async with (
                asyncio.timeout(_TIMEOUT_S),
                httpx2.AsyncClient(transport=self._transport, follow_redirects=False) as client,
                client.stream("POST", self._url, content=body, headers=headers) as response,
            ):
                return int(response.status_code)  # what it has to say is not read
        except (httpx2.HTTPError, OSError, TimeoutError):
            return None


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the HMAC-SHA256, in hex, of the timestamp, a full stop and the body."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, sha256).hexdigest()
