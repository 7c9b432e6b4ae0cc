"""The only engine on the network: any server that speaks the OpenAI API, or the embedded one.

With neither a key nor a server configured, the same SDK talks to the engine inside Tessera
through an in-process transport, so both take one code path.
"""

import asyncio
from typing import TYPE_CHECKING

from core.collector import spare_the_collector
from core.engines.base import EngineAnswer, EngineCall, TextSink
from core.errors import AuthenticationError
from core.phrases import Phrase
from core.settings import Settings
from core.version import VERSION

if TYPE_CHECKING:
    import httpx2

    from core.engines.jobs import BatchLane
    from core.engines.session import Session


EMBEDDED_ENGINE = "embedded"
"""The name of the engine inside Tessera, which costs nothing."""
_EMBEDDED_ORIGIN = f"{EMBEDDED_ENGINE}-{VERSION}"  # its answers change with its rules


class OpenAIEngine:
    """Sends calls through the OpenAI SDK; every retry, pause and limit is the client's.

    Args:
        settings: The key, the endpoint and the limits.
        transport: Stands in for the network, in tests.
    """

    def __init__(
        self, settings: Settings, transport: "httpx2.AsyncBaseTransport | None" = None
    ) -> None:
        self.name = EMBEDDED_ENGINE if settings.embedded else "openai"
        self.origin = _EMBEDDED_ORIGIN if settings.embedded else settings.server
        self._settings = settings
        self._transport = transport
        self._opening = asyncio.Lock()
        self._session: Session | None = None

    async def open(self) -> None:
        """Load the SDK, or the engine inside, and get ready to connect."""
        await self._open()

    async def send(self, call: EngineCall, on_text: TextSink | None = None) -> EngineAnswer:
        """Send one call and return its answer, streaming it when `on_text` is given."""
        session = await self._open()
        return await session.send(call, on_text)

    async def model_names(self) -> tuple[str, ...]:
        """Return the models that the endpoint lists; a way to see that it answers, free of charge.

        Raises:
            EngineError: Whatever went wrong, translated.
        """
        session = await self._open()
        return await session.model_names()

    async def batch_lane(self) -> "BatchLane":
        """Return the way to files and jobs; whether there are any, its `check` tells."""
        session = await self._open()
        return session.batch_lane()

    async def count_input_tokens(self, call: EngineCall) -> int:
        """Return the input tokens that the vendor would bill for this call, free of charge.

        Raises:
            EngineError: Whatever went wrong, also where the endpoint has no such count.
        """
        session = await self._open()
        return await session.count_input_tokens(call)

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def _open(self) -> "Session":
        key = self._settings.openai_api_key
        if key is not None:
            _check_key(key.get_secret_value())
        async with self._opening:
            if self._session is None:
                self._session = await asyncio.to_thread(self._open_session)
            return self._session

    def _open_session(self) -> "Session":
        # The SDK takes a second to import: pages start without it.
        from core.engines.session import Session

        session = Session(self._settings, self._transport)
        spare_the_collector()  # else it stops all calls for 0.1 s, amid the first of them
        return session


def _check_key(key: str) -> None:
    """Refuse what cannot be a header before the HTTP layer quotes it in an error."""
    if not (key.isascii() and key.isprintable() and key == key.strip()):
        raise AuthenticationError(
            Phrase("The key holds characters that no key has. Copy it again, without spaces.")
        )
