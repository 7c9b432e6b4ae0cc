"""A chat completions server that limits, delays, fails and bills as a real one does.

It runs as a process of its own, `python -m tests.metered CONDITIONS LOG`, so that
a client that is killed leaves its record whole: each call that would be billed is one line, the
SHA-256 of the picture that was sent. Its answer names that picture, so a wrong answer shows.
"""

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[1]
INPUT_TOKENS = 300
_PICTURE = re.compile(rb"base64,([A-Za-z0-9+/=]+)")
_MOST_OUTPUT = re.compile(rb'"max_(?:completion_)?tokens":\s*(\d+)')


@dataclass
class Conditions:
    """How the server behaves; shares are parts of the calls that the limits let through."""

    latency_s: float = 0.0
    requests_per_minute: int | None = None
    request_burst: int = 50
    tokens_per_minute: int | None = None
    token_burst: int = 50_000
    broken: float = 0.0
    hangs: float = 0.0
    refused: float = 0.0
    resets_after_payment: float = 0.0
    states_limits: bool = True
    seed: int = 1


@dataclass
class Counts:
    """What happened so far."""

    arrived: int = 0
    answered: int = 0
    over_limit: int = 0
    broken: int = 0
    hung: int = 0
    refused: int = 0
    reset: int = 0
    in_flight: int = 0
    most_in_flight: int = 0


class Bucket:
    """What a limit per minute lets through: a store that fills steadily."""

    def __init__(self, per_minute: int, burst: int) -> None:
        self.per_minute, self.burst = per_minute, burst
        self.level, self.at_s = float(burst), time.monotonic()

    def fill(self) -> None:
        now_s = time.monotonic()
        grown = self.level + (now_s - self.at_s) * self.per_minute / 60
        self.level, self.at_s = min(self.burst, grown), now_s

    def lacks_s(self, units: int) -> float:
        self.fill()
        return max(0.0, units - self.level) * 60 / self.per_minute


@dataclass
class Metered:
    conditions: Conditions
    paid_log: Path
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        given = self.conditions
        self._chance = random.Random(given.seed)
        self._requests = self._bucket(given.requests_per_minute, given.request_burst)
        self._tokens = self._bucket(given.tokens_per_minute, given.token_burst)
        self._paid = os.open(self.paid_log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    @staticmethod
    def _bucket(per_minute: int | None, burst: int) -> Bucket | None:
        return Bucket(per_minute, burst) if per_minute else None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head.lower())
                body = await reader.readexactly(int(length[1])) if length else b""
                if head.startswith(b"GET"):
                    self._respond(writer, 200, asdict(self.counts), {})
                elif not await self._answer(writer, body):
                    return
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client went away, as it may
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, body: bytes) -> bool:
        """Answer one call; False ends the connection."""
        counts = self.counts
        counts.arrived += 1
        counts.in_flight += 1
        counts.most_in_flight = max(counts.most_in_flight, counts.in_flight)
        try:
            return await self._decide(writer, body)
        finally:
            counts.in_flight -= 1

    async def _decide(self, writer: asyncio.StreamWriter, body: bytes) -> bool:
        given, counts = self.conditions, self.counts
        found = _MOST_OUTPUT.search(body)
        wait_s = self._admit(INPUT_TOKENS + (int(found[1]) if found else 0))
        headers = self._headers()
        if wait_s:
            counts.over_limit += 1
            headers["retry-after-ms"] = str(int(wait_s * 1000) + 1)
            self._fail(writer, 429, "rate_limit_exceeded", headers)
            return True
        fate = self._chance.random()
        if fate < given.broken:
            counts.broken += 1
            self._fail(writer, 500, "server_error", headers)
            return True
        if fate < given.broken + given.hangs:
            counts.hung += 1
            await asyncio.sleep(60)
            return False
        if fate < given.broken + given.hangs + given.refused:
            counts.refused += 1
            self._fail(writer, 429, "rate_limit_exceeded", headers)
            return True
        await asyncio.sleep(given.latency_s)
        picture = _PICTURE.search(body)
        digest = sha256(picture[1] if picture else b"").hexdigest()
        os.write(self._paid, digest.encode() + b"\n")
        if fate > 1 - given.resets_after_payment:
            counts.reset += 1
            writer.transport.abort()
            return False
        counts.answered += 1
        self._respond(writer, 200, completion(f"seen {digest}"), headers)
        return True

    def _admit(self, tokens: int) -> float:
        """Return how long to wait, or 0 and count the call."""
        lacking = [
            bucket.lacks_s(units)
            for bucket, units in ((self._requests, 1), (self._tokens, tokens))
            if bucket
        ]
        if wait_s := max(lacking, default=0.0):
            return wait_s
        for bucket, units in ((self._requests, 1), (self._tokens, tokens)):
            if bucket:
                bucket.level -= units
        return 0.0

    def _headers(self) -> dict[str, str]:
        if not self.conditions.states_limits:
            return {}
        return {
            f"x-ratelimit-{what}-{unit}": text
            for bucket, unit in ((self._requests, "requests"), (self._tokens, "tokens"))
            if bucket
            for what, text in (
                ("limit", str(bucket.per_minute)),
                ("remaining", str(max(0, int(bucket.level)))),
                ("reset", f"{(bucket.burst - bucket.level) * 60 / bucket.per_minute:.3f}s"),
            )
        }

    def _fail(
        self, writer: asyncio.StreamWriter, status: int, code: str, headers: dict[str, str]
    ) -> None:
        error = {"message": f"fault {code}", "type": "x", "param": None, "code": code}
        self._respond(writer, status, {"error": error}, headers)

    def _respond(
        self, writer: asyncio.StreamWriter, status: int, document: Any, headers: dict[str, str]
    ) -> None:
        data = json.dumps(document).encode()
        lines = [f"HTTP/1.1 {status} X", "content-type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"content-length: {len(data)}", "", ""]
        writer.write("\r\n".join(lines).encode() + data)


def completion(text: str) -> dict[str, Any]:
    """Return an answer as the API forms it, with a usage of 300 and 8 tokens."""
    message = {"role": "assistant", "content": text, "refusal": None}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-2024-11-20",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 300, "completion_tokens": 8, "total_tokens": 308},
    }


@dataclass
class Running:
    """A server in a process of its own."""

    port: int
    paid_log: Path

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def counts(self) -> Counts:
        with urlopen(f"http://127.0.0.1:{self.port}/", timeout=10) as answer:
            return Counts(**json.load(answer))

    def paid(self) -> list[str]:
        """Return the digest of each picture that was paid for, in the order of payment."""
        return self.paid_log.read_text().split()


@contextmanager
def metered(folder: Path, conditions: Conditions | None = None) -> Iterator[Running]:
    """Run a server until the block ends; its record is in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "paid.log"
    log.touch()
    given = json.dumps(asdict(conditions or Conditions()))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.metered", given, str(log)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        yield Running(int(process.stdout.readline()), log)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def _main(conditions: Conditions, log: Path) -> None:
    server = await asyncio.start_server(
        Metered(conditions, log).serve, "127.0.0.1", 0, limit=2**24, backlog=1024
    )
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("conditions", type=json.loads)
    parser.add_argument("paid_log", type=Path)
    chosen = parser.parse_args()
    asyncio.run(_main(Conditions(**chosen.conditions), chosen.paid_log))
