"""The embedded engine as a process of its own, killed in the middle of a batch."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest

from tests.unit.local.batch_engine import CHAT, line

ROOT = Path(__file__).resolve().parents[2]
LINES = 12


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serve_local(directory, port):
    """Run `serve-local` and yield its process and a client of it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "core", "serve-local", "--port", str(port)],
        cwd=ROOT,
        env=os.environ | {"TESSERA_DATA_DIR": str(directory)},
        stderr=subprocess.DEVNULL,
    )
    base_url = f"http://127.0.0.1:{port}/v1"
    try:
        with openai.OpenAI(base_url=base_url, api_key="x", max_retries=0) as client:
            until(lambda: answers(client))
            yield process, client
    finally:
        process.kill()
        process.wait()


def answers(client):
    try:
        return client.models.list()
    except openai.APIConnectionError:
        return None


def until(is_so):
    end_s = time.monotonic() + 60
    while not (found := is_so()):
        assert time.monotonic() < end_s
        time.sleep(0.02)  # it needs the cores to get there
    return found


@pytest.mark.slow
def test_a_killed_engine_goes_on_with_its_batch(tmp_path):
    port = free_port()
    requests = "\n".join(json.dumps(line(str(n), n)) for n in range(LINES))
    with serve_local(tmp_path, port) as (process, client):
        file = client.files.create(file=("in.jsonl", requests.encode()), purpose="batch")
        batch = client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
        until(lambda: client.batches.retrieve(batch.id).request_counts.completed)
        process.send_signal(signal.SIGKILL)
        process.wait()
    before = sum(path.read_bytes().count(b"\n") for path in tmp_path.rglob("*.output"))

    with serve_local(tmp_path, port) as (_, client):
        ended = until(
            lambda: (now := client.batches.retrieve(batch.id)).status == "completed" and now
        )
        rows = client.files.content(ended.output_file_id).text.splitlines()

    assert 0 < before < LINES
    assert ended.request_counts.completed == LINES
    assert sorted(int(json.loads(row)["custom_id"]) for row in rows) == list(range(LINES))
