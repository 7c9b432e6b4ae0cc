"""What must never be seen again: a key, a question and a picture, easy to find in any text."""

import base64
import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from core.client import VisionClient
from core.logs import configure_logs
from core.metrics import MetricsReader
from core.settings import Settings
from core.types import PreparedImage
from service.health import examine_health
from service.prometheus import exposition
from tests.client_kit import FakePreparer

KEY = "relaykey0canary0key0"  # does not look like a key: only the settings know that it is one
PROMPT = "canaryprompt: what is this?"
PICTURE = b"\xff\xd8" + b"canarypicture" * 50
PIECES = [
    base64.b64encode(b"canarypicture" * 3)[shift : shift + 24].decode() for shift in range(26)
]
ECHO = f"{KEY} Bearer {KEY} sent {PROMPT} {base64.b64encode(PICTURE).decode()}"
"""What a server says that repeats all that it was sent."""


class CanaryPreparer(FakePreparer):
    """Makes the picture that must not be seen again."""

    async def prepare(self, *args: Any, **kwargs: Any) -> PreparedImage:
        return replace(await super().prepare(*args, **kwargs), data=PICTURE)


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """Collect everything that is logged, down to the least important, as the server writes it."""
    root, factory = logging.getLogger(), logging.getLogRecordFactory()
    handlers, level = root.handlers[:], root.level
    configure_logs(Settings(openai_api_key=KEY), logging.DEBUG)
    root.setLevel(logging.DEBUG)
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(root.handlers[-1].formatter)
    root.addHandler(handler)
    yield written
    root.handlers = handlers
    root.setLevel(level)
    for ours in ("core", "service", "ui"):
        logging.getLogger(ours).setLevel(logging.NOTSET)
    logging.setLogRecordFactory(factory)


def given(base_url: str, directory: Path) -> Settings:
    """Return settings with the key."""
    return Settings(openai_api_key=KEY, openai_base_url=base_url, tessera_data_dir=directory)


def watched(client: VisionClient, settings: Settings) -> str:
    """Return what /metrics and /health say."""
    bench: Any = SimpleNamespace(
        settings=settings,
        client=client,
        ledger=client.ledger,
        cache=client.cache,
        catalog=client.catalog,
        engine=client.engine,
        metrics=MetricsReader(client.ledger.database),
        opened_at_s=0.0,
    )
    return exposition(bench, "")[0].decode() + repr(examine_health(bench))


def files_in(directory: Path) -> list[str]:
    """Return the content of every file below a directory."""
    return [path.read_bytes().decode("latin-1") for path in directory.rglob("*") if path.is_file()]


def assert_no_secret(text: str) -> None:
    """Fail where the key or a piece of the picture is in a text."""
    assert KEY not in text
    assert "canarypicture" not in text
    assert not [piece for piece in PIECES if piece in text]
