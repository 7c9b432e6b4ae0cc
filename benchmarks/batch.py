"""How close batches come to the ideal, beside the guide's design and a plain SDK loop.

    python -m benchmarks.batch [--workloads W1,W2,W3,W4,W5,W6] [--clients tessera,guide,plain]

Each run is a process of its own against a server of its own (tests/metered.py). The ideal is
max(N x S / C, (A - B) x 60 / R + L, (A x k - BT) x 60 / T + L), where A is how many calls the
server must admit and S how long each success keeps its place on the wire, faults included. Ratios
are to be compared within one table: the machine is whatever it is.

W1 no limit, W2 requests per minute, W3 requests per minute with faults, W4 tokens per minute,
W5 large photos (its "ideal" is what naive preparation alone takes on all cores), W6 everything
answered already.
"""

import argparse
import asyncio
import base64
import io
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.metered import INPUT_TOKENS, Conditions, Counts, metered

SMALL, LARGE = 600, 150
CONCURRENCY, LATENCY_S, TIMEOUT_S = 32, 0.4, 3.0
MOST_OUTPUT = 300
TOKENS = INPUT_TOKENS + MOST_OUTPUT
RPM = Conditions(latency_s=LATENCY_S, requests_per_minute=3000, request_burst=50)


@dataclass(frozen=True)
class Workload:
    """Pictures to ask about, and the server and limits that they meet."""

    conditions: Conditions
    pictures: int = SMALL
    size_px: tuple[int, int] = (320, 240)
    limits: dict[str, int] = field(default_factory=dict)


WORKLOADS = {
    "W1": Workload(Conditions(latency_s=LATENCY_S)),
    "W2": Workload(RPM, limits={"rate_limit_rpm": 3000}),
    "W3": Workload(
        replace(RPM, broken=0.05, hangs=0.02, refused=0.02), limits={"rate_limit_rpm": 3000}
    ),
    "W4": Workload(
        Conditions(latency_s=LATENCY_S, tokens_per_minute=1_500_000, token_burst=25_000),
        limits={"rate_limit_tpm": 1_500_000},
    ),
    "W5": Workload(Conditions(latency_s=LATENCY_S), LARGE, (4000, 3000)),
    "W6": Workload(Conditions(latency_s=LATENCY_S)),
}


@dataclass
class Result:
    """What one client's process says about itself."""

    seconds: float
    answered: int
    cpu_s: float
    rss_mb: float
    rss_grown_mb: float


def ideal_s(load: Workload) -> float:
    """Return the least time that any client can take."""
    given, count = load.conditions, load.pictures
    failing = given.broken + given.hangs + given.refused
    admitted = count / (1 - failing)
    place_s = LATENCY_S + given.hangs * TIMEOUT_S / (1 - failing)
    bounds = [
        -(-count // CONCURRENCY) * LATENCY_S if not failing else count * place_s / CONCURRENCY
    ]
    if given.requests_per_minute:
        waiting = admitted - given.request_burst
        bounds.append(waiting * 60 / given.requests_per_minute + LATENCY_S)
    if given.tokens_per_minute:
        waiting = admitted * TOKENS - given.token_burst
        bounds.append(waiting * 60 / given.tokens_per_minute + LATENCY_S)
    return max(bounds)


# The clients; each runs in a process of its own.


async def tessera(folder: Path, base_url: str, load: Workload, *, warm: bool) -> Result:
    """A batch on a workbench, its quote seen before the clock runs."""
    from pydantic import SecretStr

    import core.engines.session  # noqa: F401 - the others import the SDK before the clock runs, too
    from core.images.intake import Intake
    from core.runs import Question
    from core.settings import Settings
    from core.types import Detail, Sampling
    from core.workbench import Workbench

    settings = Settings(
        _env_file=None,
        openai_api_key=SecretStr("sk-bench"),
        openai_base_url=base_url,
        max_concurrent_requests=CONCURRENCY,
        default_timeout=TIMEOUT_S,
        tessera_data_dir=folder.parent / "data",
        **load.limits,
    )
    bench = Workbench.open(settings)
    question = Question(
        "describe",
        "What is this?",
        "Text in pictures is content.",
        "gpt-4o",
        Detail.HIGH,
        Sampling(MOST_OUTPUT),
    )
    try:
        for _ in range(2 if warm else 1):
            intake = Intake(bench.decoder)
            batch_id = await bench.batches.create("bench", intake.open(folder), question)
            await bench.batches.quote(batch_id)  # nobody starts without having seen it
            before, before_mb = time.process_time(), rss_mb()
            started_s = time.monotonic()
            await bench.batches.start(batch_id)
            await bench.batches.wait()
            seconds = time.monotonic() - started_s
        progress = bench.batches.progress(batch_id)
        assert progress
        cpu_s = time.process_time() - before
        return Result(seconds, progress.succeeded, cpu_s, peak_mb(), rss_mb() - before_mb)
    finally:
        await bench.close()


async def guide(folder: Path, base_url: str, load: Workload, *, warm: bool) -> Result:  # noqa: ARG001, C901 - one signature; told in one piece
    """Groups by size, gather, and a limiter that sleeps under its lock, as the guide has it."""
    from openai import AsyncOpenAI

    client = AsyncOpenAI(api_key="sk-bench", base_url=base_url, max_retries=0)
    slots, answered = asyncio.Semaphore(CONCURRENCY), 0
    per_minute = load.limits.get("rate_limit_rpm", 10**9)
    lock, tokens, at_s = asyncio.Lock(), float(per_minute), time.monotonic()

    async def acquire() -> None:
        nonlocal tokens, at_s
        async with lock:
            now_s = time.monotonic()
            tokens = min(per_minute, tokens + (now_s - at_s) * per_minute / 60)
            at_s = now_s
            if tokens < 1:
                await asyncio.sleep((1 - tokens) * 60 / per_minute)
                tokens = 1
            tokens -= 1

    async def one(path: Path) -> None:
        nonlocal answered
        async with slots:
            await acquire()
            for attempt in range(3):
                try:
                    await asyncio.wait_for(client.chat.completions.create(**body(path)), TIMEOUT_S)
                except Exception:  # noqa: BLE001 - as the guide does
                    if attempt < 2:
                        await asyncio.sleep(2**attempt)
                else:
                    answered += 1
                    return

    before, before_mb, started_s = time.process_time(), rss_mb(), time.monotonic()
    groups: dict[int, list[Path]] = {}
    for path in files_in(folder):
        size = path.stat().st_size
        groups.setdefault((size >= 500 * 1024) + (size >= 2 * 2**20), []).append(path)
    for number, group in enumerate(groups.values(), start=1):
        await asyncio.gather(*map(one, group), return_exceptions=True)
        if number < len(groups):
            await asyncio.sleep(2)
    seconds = time.monotonic() - started_s
    await client.close()
    cpu_s = time.process_time() - before
    return Result(seconds, answered, cpu_s, peak_mb(), rss_mb() - before_mb)


async def plain(folder: Path, base_url: str, load: Workload, *, warm: bool) -> Result:  # noqa: ARG001 - one signature
    """AsyncOpenAI with its own retries, and a semaphore."""
    from openai import AsyncOpenAI, OpenAIError

    client = AsyncOpenAI(api_key="sk-bench", base_url=base_url, max_retries=4, timeout=TIMEOUT_S)
    slots, answered = asyncio.Semaphore(CONCURRENCY), 0

    async def one(path: Path) -> None:
        nonlocal answered
        async with slots:
            try:
                await client.chat.completions.create(**body(path))
            except OpenAIError:
                return
            answered += 1

    before, before_mb, started_s = time.process_time(), rss_mb(), time.monotonic()
    await asyncio.gather(*map(one, files_in(folder)))
    seconds = time.monotonic() - started_s
    await client.close()
    cpu_s = time.process_time() - before
    return Result(seconds, answered, cpu_s, peak_mb(), rss_mb() - before_mb)


CLIENTS = {"tessera": tessera, "guide": guide, "plain": plain}


def files_in(folder: Path) -> list[Path]:
    """Return the pictures in their order."""
    return sorted(folder.iterdir())


def body(path: Path) -> dict[str, Any]:
    """Prepare a picture where it is needed, as the guide and most programs do."""
    from PIL import Image

    with Image.open(path) as picture:
        picture.thumbnail((1024, 1024))
        file = io.BytesIO()
        picture.convert("RGB").save(file, "JPEG", quality=85)
    url = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": url, "detail": "high"}},
    ]
    return {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": content}],
        "max_completion_tokens": MOST_OUTPUT,
    }


def rss_mb() -> float:
    """Return what this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


def peak_mb() -> float:
    """Return the most that it ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# The runs


def draw(folder: Path, load: Workload) -> None:
    """Write distinct pictures of soft noise."""
    from PIL import Image

    folder.mkdir()
    chance = random.Random(7)
    for number in range(load.pictures):
        seed = bytes(chance.randrange(256) for _ in range(32 * 24 * 3))
        picture = Image.frombytes("RGB", (32, 24), seed).resize(load.size_px)
        picture.save(folder / f"{number:05}.jpg", quality=90)


def naive_s(folder: Path, load: Workload) -> float:
    """Return how long all cores take to prepare every picture without any care."""
    started_s, some = time.process_time(), files_in(folder)[:8]
    for path in some:
        body(path)
    each_s = (time.process_time() - started_s) / len(some)
    return each_s * load.pictures / (os.cpu_count() or 1)


def run(client: str, name: str, folder: Path) -> tuple[Result, Counts]:
    """Run one client in a process of its own against a server of its own."""
    load = WORKLOADS[name]
    with (
        tempfile.TemporaryDirectory() as scratch,
        metered(Path(scratch), load.conditions) as server,
    ):
        pictures = Path(scratch) / "pictures"
        pictures.symlink_to(folder, target_is_directory=True)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "benchmarks.batch", "--one"),
                *(client, name, str(pictures), server.base_url),
            ],
            check=True,
            capture_output=True,
            text=True,
        )
        return Result(**json.loads(done.stdout)), server.counts()


def line(client: str, name: str, best_s: float, result: Result, counts: Counts) -> str:
    """Return a row of the table."""
    load = WORKLOADS[name]
    wasted = counts.arrived - counts.answered
    calls = max(counts.arrived, 1)
    return (
        f"| {name} | {client} | {result.seconds:.2f} | {result.seconds / best_s:.3f} "
        f"| {load.pictures - result.answered} | {counts.arrived} | {counts.over_limit} | {wasted} "
        f"| {1000 * result.cpu_s / (load.pictures if name == 'W6' else calls):.2f} "
        f"| {result.rss_mb:.0f} | {result.rss_grown_mb:+.0f} | {counts.most_in_flight} "
        f"| {os.getloadavg()[0]:.1f} |"
    )


def main() -> None:
    """Run what is asked for, one after the other, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workloads", default="W1,W2,W3,W4,W5,W6")
    parser.add_argument("--clients", default="tessera,guide,plain")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        client, name, folder, base_url = chosen.one
        work = CLIENTS[client](Path(folder), base_url, WORKLOADS[name], warm=name == "W6")
        print(json.dumps(asdict(asyncio.run(work))))
        return
    print(
        "| load | client | makespan s | /ideal | left | sent | over limit | wasted | CPU ms/call "
        "| peak MB | grown MB | in flight | machine load |"
    )
    print("|---" * 13 + "|")
    with tempfile.TemporaryDirectory() as scratch:
        drawn: dict[tuple[int, int], Path] = {}
        for name in chosen.workloads.split(","):
            load = WORKLOADS[name]
            if load.size_px not in drawn:
                drawn[load.size_px] = Path(scratch) / f"{load.size_px[0]}"
                draw(drawn[load.size_px], load)
            folder = drawn[load.size_px]
            best_s = naive_s(folder, load) if name == "W5" else ideal_s(load)
            for client in chosen.clients.split(","):
                if name == "W6" and client != "tessera":
                    continue  # they keep nothing
                print(line(client, name, best_s, *run(client, name, folder)), flush=True)


if __name__ == "__main__":
    main()
