"""The embedded engine on a real port, driven by a plain OpenAI client."""

import base64
import io
import json
import threading

import openai
import pytest
import uvicorn
from PIL import Image, ImageDraw, ImageFont

from core.local.app import build_app
from core.tasks import prompt_for, task

INVOICE = (
    "HILLSIDE TOOLS LTD",
    "INVOICE",
    "Invoice No: HT-20417",
    "Invoice date: 21 March 2024",
    "Bill to: Corner Bakery",
    "Description          Qty     Price     Amount",
    "Hammer               2      14.50      29.00",
    "Box of screws        5       3.20      16.00",
    "Subtotal                               45.00",
    "VAT 20%                                 9.00",
    "Total due GBP                          54.00",
)


class Server(uvicorn.Server):
    """A server that says when it can be asked."""

    def __init__(self, app):
        super().__init__(uvicorn.Config(app, port=0, log_level="warning", lifespan="on"))
        self.is_ready = threading.Event()

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.is_ready.set()

    @property
    def port(self):
        return self.servers[0].sockets[0].getsockname()[1]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    server = Server(build_app(tmp_path_factory.mktemp("engine")))
    thread = threading.Thread(target=server.run)
    thread.start()
    assert server.is_ready.wait(30)
    with openai.OpenAI(
        base_url=f"http://127.0.0.1:{server.port}/v1", api_key="x", max_retries=0
    ) as plain:
        yield plain
    server.should_exit = True
    thread.join(30)


@pytest.fixture(scope="module")
def invoice():
    """Draw an invoice: black print on white, columns set apart."""
    image = Image.new("RGB", (1000, 80 + 60 * len(INVOICE)), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(28)
    for number, line in enumerate(INVOICE):
        columns = [part for part in line.split("  ") if part.strip()]
        lefts = [60, 480, 620, 800] if len(columns) == 4 else [60, 800]
        for left, column in zip(lefts, columns, strict=False):
            draw.text((left, 40 + 60 * number), column.strip(), fill="black", font=font)
    out = io.BytesIO()
    image.save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def messages(prompt, url):
    parts = [{"type": "text", "text": prompt}, {"type": "image_url", "image_url": {"url": url}}]
    return [{"role": "user", "content": parts}]


def test_it_lists_itself_and_nothing_else(client):
    assert [model.id for model in client.models.list()] == ["local-vision-1"]
    assert client.models.retrieve("local-vision-1").owned_by == "tessera"


def test_another_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x"}])

    assert caught.value.code == "model_not_found"


@pytest.mark.slow
def test_it_reads_an_invoice(client, invoice):
    answer = client.chat.completions.create(
        model="local-vision-1", messages=messages("What is the total and the date?", invoice)
    )

    text = answer.choices[0].message.content
    assert answer.model == "local-vision-1"
    assert "**54.00**" in text
    assert "**2024-03-21**" in text


@pytest.mark.slow
def test_it_streams(client, invoice):
    stream = client.chat.completions.create(
        model="local-vision-1",
        messages=messages("Describe this picture", invoice),
        stream=True,
        stream_options={"include_usage": True},
    )

    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert len(chunks) > 5
    assert "HILLSIDE TOOLS LTD" in text
    assert chunks[-1].usage.completion_tokens > 0


@pytest.mark.slow
def test_it_fills_the_receipt_schema(client, invoice):
    receipt = task("receipt")
    answer = client.chat.completions.create(
        model="local-vision-1",
        messages=messages(prompt_for(receipt).prompt, invoice),
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "receipt", "strict": True, "schema": receipt.schema.schema},
        },
    )

    data = json.loads(answer.choices[0].message.content)
    assert data["vendor"] == "HILLSIDE TOOLS LTD"
    assert (data["date"], data["currency"]) == ("2024-03-21", "GBP")
    assert (data["total"], data["tax"]) == (54, 9)
    assert data["items"] == [
        {"name": "Hammer", "quantity": 2, "amount": 29},
        {"name": "Box of screws", "quantity": 5, "amount": 16},
    ]


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"\x89PNG\r\n\x1a\n cut off", b"%PDF-1.7 broken"])
def test_a_file_that_is_no_picture_is_a_bad_request(client, data):
    url = f"data:image/png;base64,{base64.b64encode(data).decode()}"

    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="local-vision-1", messages=messages("Read", url))

    assert caught.value.code.endswith(("image", "image_format", "image_file", "parse_error"))


@pytest.mark.slow
def test_it_runs_a_batch_for_any_client(client, invoice):
    texts = [
        json.dumps(
            {
                "custom_id": str(number),
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {"model": "local-vision-1", "messages": messages(prompt, invoice)},
            }
        )
        for number, prompt in enumerate(("Which colours?", "What is the total?"))
    ]
    file = client.files.create(file=("in.jsonl", "\n".join(texts).encode()), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    while batch.status not in {"completed", "failed"}:
        batch = client.batches.retrieve(batch.id)
    rows = [json.loads(row) for row in client.files.content(batch.output_file_id).iter_lines()]

    assert batch.id in [each.id for each in client.batches.list()]
    assert batch.request_counts.completed == 2
    said = {row["custom_id"]: row["response"]["body"]["choices"][0]["message"] for row in rows}
    assert "white" in said["0"]["content"]
    assert "**54.00**" in said["1"]["content"]
    with pytest.raises(openai.ConflictError):
        client.batches.cancel(batch.id)
