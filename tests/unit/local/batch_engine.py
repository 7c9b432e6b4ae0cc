"""The embedded engine with files and batches, its pictures read by a stand-in."""

import asyncio
import base64
import io
import json
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import openai
from PIL import Image

from core.engines.transport import AsgiStreamTransport
from core.errors import ImageError, ImageRefusal
from core.local.app import build_app
from core.local.facts import page_facts
from core.local.jobs.runner import LINES_AT_ONCE
from core.local.lines import reading_of_text
from core.local.reader import PageReader
from core.phrases import Phrase
from core.types import PreparedImage

CHAT = "/v1/chat/completions"
FINAL = {"completed", "failed", "expired", "cancelled"}


def png(shade=255):
    out = io.BytesIO()
    Image.new("L", (64, 64), shade).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


class TrustingDecoder:
    """Takes every picture as it is; refuses what says so."""

    async def prepare(self, source, rule, detail):
        if source.data == b"refuse me":
            raise ImageError(ImageRefusal.DAMAGED, Phrase("It is cut off."))
        return PreparedImage(source.data, "image/png", 64, 64, "PNG", 64, 64)

    async def close(self):
        """Hold nothing."""


class GatedReader:
    """Reads the same words in every picture, once it may."""

    def __init__(self):
        self.may_read = threading.Event()
        self.may_read.set()
        self.begun = 0
        self.pages = 0

    def __call__(self, picture, looks, text_layer):
        self.begun += 1
        assert self.may_read.wait(30)
        self.pages += 1
        return page_facts(reading_of_text("Total 9.90"), looks)


@dataclass
class Clock:
    now_s: float = 1_800_000_000.0

    def __call__(self):
        self.now_s += 0.001  # ids of one test sort by their making
        return self.now_s


class ClosingReader(PageReader):
    """Opens the gate when it is closed, so that no thread stays behind it."""

    def __init__(self, read):
        super().__init__(TrustingDecoder(), read)
        self.gate = read

    async def close(self):
        self.gate.may_read.set()
        await super().close()


def http_inside(directory, read=None, clock=None):
    """Return an HTTP client of an engine that keeps its state in `directory`."""
    app = build_app(directory, ClosingReader(read or GatedReader()), clock or Clock())
    transport = AsgiStreamTransport(app)
    return httpx2.AsyncClient(transport=transport, base_url="http://inside/v1", timeout=60)


@asynccontextmanager
async def engine(directory, read=None, clock=None):
    """Yield a client of the vendor's SDK for it."""
    http = http_inside(directory, read, clock)
    async with openai.AsyncOpenAI(
        api_key="none", base_url="http://inside/v1", max_retries=0, http_client=http
    ) as client:
        yield client


async def begun(client, batch, read, count=LINES_AT_ONCE):
    """Ask until the batch is in progress and that many pages are under way."""
    while batch.status != "in_progress" or read.begun < count:
        await asyncio.sleep(0.005)
        batch = await client.batches.retrieve(batch.id)
    return batch


def line(custom_id, shade=255, **changes):
    url = {"url": f"data:image/png;base64,{png(shade)}"}
    parts = [
        {"type": "text", "text": "What is the total?"},
        {"type": "image_url", "image_url": url},
    ]
    body = {"model": "local-vision-1", "messages": [{"role": "user", "content": parts}]}
    request = {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": body}
    return request | changes


def jsonl(*requests):
    texts = [each if isinstance(each, str) else json.dumps(each) for each in requests]
    return ("requests.jsonl", "\n".join(texts).encode())


async def submit(client, *requests, **options):
    file = await client.files.create(file=jsonl(*requests), purpose="batch")
    return await client.batches.create(
        input_file_id=file.id, endpoint=CHAT, completion_window="24h", **options
    )


async def ended(client, batch):
    """Ask until the batch has ended."""
    while batch.status not in FINAL:
        await asyncio.sleep(0.005)
        batch = await client.batches.retrieve(batch.id)
    return batch


async def rows(client, file_id):
    content = await client.files.content(file_id)
    return [json.loads(text) for text in content.text.splitlines()]
