"""The seam between the client and whatever answers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from core.phrases import Phrase
from core.types import AnswerSchema, Detail, PreparedImage, Sampling, TokenUsage

TextSink = Callable[[str], None]
"""Called with each piece of the answer as it arrives; must not block."""


@dataclass(frozen=True, slots=True)
class EngineCall:
    """One request as it goes on the wire; only a connectivity check asks without a picture."""

    model: str
    system: str
    prompt: str
    image: PreparedImage | None
    detail: Detail
    sampling: Sampling
    schema: AnswerSchema | None
    timeout_s: float


@dataclass(frozen=True, slots=True)
class EngineAnswer:
    """What came back, before anybody judged it.

    `refusal` is the model's own words when it declined. `limits` holds the `x-ratelimit-*`
    headers by their lower-case names; `service_tier` is the tier that was billed; `notes` says
    what the engine had to leave out.
    """

    text: str
    finish_reason: str | None
    refusal: str | None
    model: str
    usage: TokenUsage | None
    service_tier: str | None = None
    request_id: str | None = None
    first_token_s: float | None = None
    limits: dict[str, str] = field(default_factory=dict)
    notes: tuple[Phrase, ...] = ()


class Engine(Protocol):
    """Answers one call at a time; many calls may run at once.

    `name` is shown to the user ("embedded" or "openai"); `origin` is scheme://host:port of the
    endpoint and part of every request key.
    """

    name: str
    origin: str

    async def open(self) -> None:
        """Load what the first call would have to wait for.

        Raises:
            EngineError: If no call can be sent.
        """
        ...

    async def send(self, call: EngineCall, on_text: TextSink | None = None) -> EngineAnswer:
        """Send one call and return its answer, streaming it when `on_text` is given.

        Raises:
            EngineError: Whatever went wrong, translated; a bug passes through.
        """
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
