"""Files and batches of the embedded engine, through the vendor's own client, inside the process."""

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
from core.local.app import build_app
from core.local.facts import page_facts
from core.local.lines import reading_of_text
from core.local.reader import PageReader
from core.types import PreparedImage

CHAT = "/v1/chat/completions"
FINAL = {"completed", "failed", "expired", "cancelled"}


def png(shade=255):
    out = io.BytesIO()
    Image.new("L", (64, 64), shade).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


class TrustingDecoder:
    """Takes every picture as it is."""

    async def prepare(self, source, rule, detail):
        return PreparedImage(source.data, "image/png", 64, 64, "PNG", 64, 64)

    async def close(self):
        """Hold nothing."""


class GatedReader:
    """Reads the same words in every picture, once it may."""

    def __init__(self):
        self.may_read = threading.Event()
        self.may_read.set()
        self.pages = 0

    def __call__(self, picture, looks, text_layer):
        assert self.may_read.wait(30)
        self.pages += 1
        return page_facts(reading_of_text("Total 9.90"), looks)


@dataclass
class Clock:
    now_s: float = 1_800_000_000.0

    def __call__(self):
        self.now_s += 0.001  # ids of one test sort by their making
        return self.now_s


@asynccontextmanager
async def engine(directory, read=None, clock=None):
    """Yield a client of an engine that keeps its state in `directory`."""
    reader = PageReader(TrustingDecoder(), read or GatedReader())
    transport = AsgiStreamTransport(build_app(directory, reader, clock or Clock()))
    http = httpx2.AsyncClient(transport=transport, timeout=60)
    async with openai.AsyncOpenAI(
        api_key="none", base_url="http://inside/v1", max_retries=0, http_client=http
    ) as client:
        yield client


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


async def test_a_batch_is_answered_as_calls_are(tmp_path):
    async with engine(tmp_path) as client:
        batch = await submit(client, line("a"), line("b", 0), metadata={"job": "7"})
        assert batch.status == "validating"
        batch = await ended(client, batch)
        output = await rows(client, batch.output_file_id)

    assert batch.status == "completed"
    assert batch.model == "local-vision-1"
    assert batch.metadata == {"job": "7"}
    assert batch.error_file_id is None
    counts = batch.request_counts
    assert (counts.total, counts.completed, counts.failed) == (2, 2, 0)
    assert batch.expires_at == batch.created_at + 86_400
    assert batch.created_at <= batch.in_progress_at <= batch.finalizing_at <= batch.completed_at
    assert sorted(row["custom_id"] for row in output) == ["a", "b"]
    for row in output:
        assert (row["error"], row["response"]["status_code"]) == (None, 200)
        body = row["response"]["body"]
        assert "**9.90**" in body["choices"][0]["message"]["content"]
        assert body["model"] == "local-vision-1"
    used = [row["response"]["body"]["usage"] for row in output]
    assert batch.usage.input_tokens == sum(usage["prompt_tokens"] for usage in used)
    assert batch.usage.output_tokens == sum(usage["completion_tokens"] for usage in used)
