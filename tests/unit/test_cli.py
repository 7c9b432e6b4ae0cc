"""Tests of the command line, whole: real settings, client and decoder; the server is a thread."""

import json
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core.cli import main
from core.quote import MESSAGE_TOKENS
from core.samples import SAMPLES
from tests.unit.images.drawings import pdf

ROOT = Path(__file__).resolve().parents[2]

USAGE = {"prompt_tokens": 900, "completion_tokens": 60, "total_tokens": 960}
RECEIPT = {
    "vendor": "SAMPLE CORNER CAFE",
    "date": "2026-04-05",
    "currency": "EUR",
    "total": 20.3,
    "tax": 1.85,
    "items": [{"name": "Lemon tart", "quantity": 1, "amount": 4.5}],
    "notes": [],
}


class Server(BaseHTTPRequestHandler):
    """Answers as an OpenAI server would: by task, or with the status that the test wants."""

    def do_GET(self):
        self._send(200, {"object": "list", "data": [{"id": "gpt-4o", "object": "model"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.bodies.append(body)
        self.server.asked.set()
        self.server.may_answer.wait(30)
        if self.server.refusal:
            status, error = self.server.refusal
            self._send(status, {"error": {"message": "no", "param": None, **error}})
            return
        text = json.dumps(RECEIPT) if "response_format" in body else f"Seen: {prompt_of(body)}"
        choice = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": text},
        }
        answer = {"id": "c1", "object": "chat.completion", "created": 1, "model": body["model"]}
        self._send(200, answer | {"choices": [choice], "usage": USAGE})

    def _send(self, status, document):
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        with suppress(BrokenPipeError):  # the interrupted command has hung up
            self.wfile.write(data)

    def log_message(self, *_):
        pass


def prompt_of(body):
    return body["messages"][1]["content"][0]["text"]


@contextmanager
def running_server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.bodies, server.refusal = [], None
    server.asked, server.may_answer = threading.Event(), threading.Event()
    server.may_answer.set()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def server(monkeypatch):
    with running_server() as running:
        monkeypatch.setenv("TESSERA_LANG", "en")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0000")
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{running.server_port}/v1")
        yield running


def picture(name="receipt"):
    return SAMPLES[name].path


@pytest.mark.parametrize(
    "arguments",
    [
        ("estimate", "--size", "0x10"),
        ("estimate", "--size", "large"),
        ("estimate", "--size", "9x9", "--count", "0"),
        ("estimate", "--size", "9x9", "--cache-hit-rate", "1.5"),
        ("estimate", "--size", "9x9", "--cache-hit-rate", "nan"),
        ("estimate", "--size", "9x9", "--prompt", "a", "--prompt-tokens", "1"),
        ("analyze",),
        ("analyze", "a.png", "--task", "recipe"),
        ("serve-local", "--port", "70000"),
        ("batch",),
        (),
    ],
)
def test_bad_usage_ends_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage:" in capsys.readouterr().err


# analyze


def test_analyze_answers_in_intake_order(server, run):
    code, document, err = run(
        "analyze", picture("chart"), picture("lake"), picture("invoice"), "--json"
    )
    assert (code, err) == (0, "")
    assert [(i["id"], i["source"]) for i in document["items"]] == [
        ("1", "chart.png"), ("2", "lake.jpg"), ("3", "invoice.png"),
    ]  # fmt: skip
    first = document["items"][0]
    assert first["text"].startswith("Seen: Describe this picture")
    assert (first["status"], first["cost_basis"], first["detail"]) == (
        "succeeded", "measured", "high",
    )  # fmt: skip
    assert Decimal(first["cost_usd"]) == Decimal("0.00285")
    assert {item["held"] for item in document["items"]} == {"CNT008"}  # the server says one thing
    assert first["estimate"]["image_tokens"] == 1105
    assert first["estimate"]["input_tokens"] > 1105
    assert Decimal(first["estimate"]["cost_usd"]) > 0
    assert document["totals"] == {
        "items": 3, "succeeded": 3, "failed": 0, "held": 3, "cached": 0, "input_tokens": 2700,
        "output_tokens": 180, "cost_usd": "0.00855", "unknown_costs": 0, "saved_usd": "0",
    }  # fmt: skip


def test_analyze_sends_the_tasks_form_and_settings(server, run):
    code, document, _ = run(
        "analyze", picture(), "--task", "receipt", "--detail", "low", "--model", "gpt-4.1",
        "--max-output-tokens", 700, "--json",
    )  # fmt: skip
    assert code == 0
    assert document["items"][0]["data"] == RECEIPT
    [body] = server.bodies
    assert (body["model"], body["max_completion_tokens"], body["temperature"]) == (
        "gpt-4.1", 700, 0.1,
    )  # fmt: skip
    assert body["response_format"]["json_schema"]["name"] == "receipt"
    assert body["messages"][1]["content"][-1]["image_url"]["detail"] == "low"


def test_a_prompt_alone_is_a_custom_question(server, run):
    run("analyze", picture(), "--prompt", "How many tables?", "--json")
    assert [prompt_of(body) for body in server.bodies] == ["How many tables?"]


def test_a_custom_task_needs_a_prompt(server, run):
    code, document, _ = run("analyze", picture(), "--task", "custom", "--json")
    assert code == 2
    assert "Write what you want to know" in document["error"]["message"]
    assert document["error"]["code"] == "CFG002"
    assert "restart" not in document["error"]["hint"]


def test_a_second_run_is_answered_from_the_cache_unless_told_otherwise(server, run):
    run("analyze", picture(), "--json")
    _, again, _ = run("analyze", picture(), "--json")
    assert (again["items"][0]["cached"], again["items"][0]["cost_basis"]) == (True, "cached")
    assert Decimal(again["totals"]["saved_usd"]) > 0
    run("analyze", picture(), "--no-cache", "--json")
    assert len(server.bodies) == 2


def test_each_item_fails_alone(server, run, tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    code, document, _ = run(
        "analyze", tmp_path / "empty.png", picture(), tmp_path / "missing.jpg", "--json"
    )
    assert code == 1
    assert [item["status"] for item in document["items"]] == ["failed", "succeeded", "failed"]
    assert [item["error"] and item["error"]["code"] for item in document["items"]] == [
        "IMG004", None, "IMG003",
    ]  # fmt: skip
    assert document["totals"]["failed"] == 2


def test_what_is_no_picture_in_a_folder_is_told_apart(server, run, tmp_path):
    (tmp_path / "a.jpg").write_bytes(picture().read_bytes())
    (tmp_path / "readme.md").write_text("words")
    code, document, _ = run("analyze", tmp_path, "--json")
    assert code == 0
    assert [item["source"] for item in document["items"]] == ["a.jpg"]
    assert [each["source"] for each in document["skipped"]] == ["readme.md"]


def test_a_manifest_may_ask_each_picture_something_else(server, run, tmp_path):
    rows = [
        {"source": str(picture("lake")), "id": "L", "prompt": "Is it dawn?"},
        {"source": str(picture()), "id": "R", "task": "receipt", "max_output_tokens": 900},
        {"source": str(picture()), "id": "X", "task": "recipe"},
    ]
    manifest = tmp_path / "list.jsonl"
    manifest.write_text("\n".join(map(json.dumps, rows)))
    code, document, _ = run("analyze", manifest, "--json")
    assert code == 1
    assert [item["id"] for item in document["items"]] == ["L", "R", "X"]
    assert document["items"][0]["text"] == "Seen: Is it dawn?"
    assert document["items"][1]["data"] == RECEIPT
    assert document["items"][2]["error"]["code"] == "CFG002"
    assert 900 in [body["max_completion_tokens"] for body in server.bodies]


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        ((401, {"code": "invalid_api_key", "type": "invalid_request_error"}), "API001"),
        ((429, {"code": "insufficient_quota", "type": "insufficient_quota"}), "API003"),
    ],
)
def test_no_key_or_no_money_ends_with_3_and_asks_no_further(
    server, run, monkeypatch, refusal, code
):
    monkeypatch.setenv("MAX_CONCURRENT_REQUESTS", "1")
    server.refusal = refusal
    exit_code, document, _ = run("analyze", picture(), picture("lake"), picture("chart"), "--json")
    assert exit_code == 3
    assert [item["error"]["code"] for item in document["items"]] == [code] * 3
    assert len(server.bodies) == 1


def test_a_spent_budget_ends_with_3(server, run, monkeypatch):
    monkeypatch.setenv("TESSERA_BUDGET_USD", "0.000001")
    code, document, _ = run("analyze", picture(), "--json")
    assert code == 3
    assert document["items"][0]["error"]["code"] == "BGT001"
    assert server.bodies == []


def test_people_get_progress_on_stderr_and_answers_on_stdout(server, run):
    code, out, err = run("analyze", picture(), "--task", "receipt")
    assert code == 0
    assert "[1] receipt.jpg:" in err
    assert "=== receipt.jpg" in out
    assert "Total: 20.3\n" in out
    assert "Items:\n  - Name: Lemon tart, Quantity: 1, Amount: 4.5\n" in out
    assert "Notes: -\n" in out
    assert "answered: 1" in out


def test_a_pictures_text_cannot_command_the_terminal(server, run):
    _, out, _ = run("analyze", picture(), "--prompt", "\x1b]0;owned\x07\x1b[2Jred\nline\ttab")
    assert "]0;owned[2Jred\nline\ttab" in out
    assert "\x1b" not in out


def test_an_empty_folder_is_bad_usage(server, run, tmp_path):
    code, document, _ = run("analyze", tmp_path, "--json")
    assert (code, document["items"]) == (2, [])


def test_control_c_ends_with_130_while_a_call_is_open(server):
    server.may_answer.clear()
    command = [sys.executable, "-m", "core", "analyze", picture(), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    assert server.asked.wait(30)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    server.may_answer.set()
    assert (process.returncode, out) == (130, b"")
    assert err.decode().splitlines() == ["Stopped."]


def test_a_bad_setting_is_named_and_never_shown(run, monkeypatch):
    monkeypatch.setenv("DEFAULT_TIMEOUT", "secret-value")
    code, document, err = run("doctor", "--json")
    assert code == 2
    assert "DEFAULT_TIMEOUT" in document["error"]["message"]
    assert "secret-value" not in err


@pytest.mark.slow
def test_without_key_and_network_the_samples_are_read(run):
    code, document, _ = run("analyze", picture(), picture("invoice"), "--task", "receipt", "--json")
    assert code == 0
    for item, name in zip(document["items"], ("receipt", "invoice"), strict=True):
        truth = SAMPLES[name].truth
        read = item["data"] | {"items": len(item["data"]["items"])}
        assert {field: read[field] for field in truth} == truth
    assert "2026-05-04" in document["items"][0]["data"]["notes"][0]
    assert document["totals"]["cost_usd"] == "0"
    for item in document["items"]:
        assert set(item["estimate"].values()) == {None}


def test_an_estimate_counts_a_pdf_pages_own_text_as_analyze_sends_it(server, run, tmp_path):
    (tmp_path / "bill.pdf").write_bytes(pdf(text="Total 42.00 " * 20))
    _, estimated, _ = run("estimate", tmp_path / "bill.pdf", "--json")
    _, analyzed, _ = run("analyze", tmp_path / "bill.pdf", "--json")
    [row], [item] = estimated["rows"], analyzed["items"]
    told = row["image_tokens"] + row["prompt_tokens"] + MESSAGE_TOKENS.expected
    assert told == item["estimate"]["input_tokens"]
    assert "text of the PDF page" in row["notes"][-1]
    _, given, _ = run("estimate", tmp_path / "bill.pdf", "--prompt-tokens", 5, "--json")
    assert given["rows"][0]["prompt_tokens"] == 5


# doctor


def test_doctor_finds_everything_in_order(server, run):
    code, document, err = run("doctor", "--paid", "--json")
    assert code == 0
    assert document["ok"] is True
    states = {check["name"]: check["state"] for check in document["checks"]}
    assert states == {
        "configuration": "ok", "model": "warn", "data_directory": "ok", "tokenizer": "ok",
        "records": "ok", "decoder": "ok", "dns": "ok", "tcp": "ok", "proxy": "skip", "tls": "skip",
        "authentication": "ok", "models": "ok", "batches": "ok", "completion": "ok",
        "images": "warn",  # this server says what it was asked, and sees no picture
    }  # fmt: skip
    timed = {c["name"] for c in document["checks"] if c["latency_s"] is not None}
    assert {"tokenizer", "dns", "tcp", "models", "batches", "completion", "images"} <= timed
    assert "The model is asked twice, for about $0." in err
    assert [len(body["messages"][1]["content"]) for body in server.bodies] == [1, 2]


def test_doctor_asks_nothing_that_costs_unless_told_to(server, run):
    code, text, err = run("doctor")
    assert code == 0
    assert server.bodies == []
    assert "-     Picture input: Not asked: both questions together cost about $0." in text
    assert "--paid" in err


def test_doctor_says_that_the_key_is_wrong(server, run):
    server.refusal = (401, {"code": "invalid_api_key", "type": "invalid_request_error"})
    code, text, _ = run("doctor", "--paid")
    assert code == 3
    assert "FAIL  Short answer:" in text
    assert "-     Picture input: Not tried" in text


def test_doctor_says_that_nothing_listens(run, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    code, document, _ = run("doctor", "--json")
    assert (code, document["ok"]) == (1, False)
    checks = {check["name"]: check for check in document["checks"]}
    assert checks["tcp"]["code"] == "NET002"
    assert {checks[name]["state"] for name in ("models", "completion", "images")} == {"skip"}
