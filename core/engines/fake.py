"""An engine for tests: answers from a script, and remembers what it was asked."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from core.engines.base import EngineAnswer, EngineCall, TextSink
from core.types import TokenUsage

Step = EngineAnswer | Exception | Callable[[], EngineAnswer]
"""What happens at one call: an answer, an error, or a function that makes the answer."""

_PIECE_CHARS = 4


def fake_answer(text: str = "a red square", finish_reason: str | None = "stop") -> EngineAnswer:
    """Return a complete answer with a usage of 100 input and 10 output tokens."""
    return EngineAnswer(
        text=text,
        finish_reason=finish_reason,
        refusal=None,
        model="gpt-4o-2024-11-20",
        usage=TokenUsage(100, 10),
    )


@dataclass
class FakeEngine:
    """Plays its script one step a call; the last step repeats.

    `gate` holds every call until it is set, for tests of what happens meanwhile; `asked` is set
    by the first call.
    """

    script: Iterable[Step] = field(default_factory=lambda: [fake_answer()])
    name: str = "openai"
    origin: str = "https://fake.example/v1"
    gate: asyncio.Event | None = None
    calls: list[EngineCall] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._steps = list(self.script)

    async def open(self) -> None:
        """Load nothing."""

    async def send(self, call: EngineCall, on_text: TextSink | None = None) -> EngineAnswer:
        """Play the next step, its text in small pieces when `on_text` is given."""
        self.calls.append(call)
        self.asked.set()
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if isinstance(step, Exception):
            raise step
        answer = step if isinstance(step, EngineAnswer) else step()
        if on_text is not None:
            for start in range(0, len(answer.text), _PIECE_CHARS):
                on_text(answer.text[start : start + _PIECE_CHARS])
        if self.gate is not None:
            await self.gate.wait()
        return answer

    async def close(self) -> None:
        """Hold nothing."""
