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
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks._batch_clients import (
    CLIENTS,
    CONCURRENCY,
    TIMEOUT_S,
    TOKENS,
    Result,
    Workload,
    body,
    files_in,
)
from tests.metered import Conditions, Counts, metered

SMALL, LARGE, LATENCY_S = 600, 150, 0.4
FREE = Conditions(latency_s=LATENCY_S)
RPM = replace(FREE, requests_per_minute=3000, request_burst=50)
FAULTY = replace(RPM, broken=0.05, hangs=0.02, refused=0.02)
TPM = replace(FREE, tokens_per_minute=1_500_000, token_burst=25_000)
WORKLOADS = {
    "W1": Workload(FREE, SMALL),
    "W2": Workload(RPM, SMALL, limits={"rate_limit_rpm": 3000}),
    "W3": Workload(FAULTY, SMALL, limits={"rate_limit_rpm": 3000}),
    "W4": Workload(TPM, SMALL, limits={"rate_limit_tpm": 1_500_000}),
    "W5": Workload(FREE, LARGE, (4000, 3000)),
    "W6": Workload(FREE, SMALL, is_warm=True),
}
OURS_ALONE = ("W6",)
"""The others keep nothing."""


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


def run_one(client: str, name: str, folder: str, base_url: str) -> None:
    """Run one client in this process and print what it says about itself."""
    result = asyncio.run(CLIENTS[client](Path(folder), base_url, WORKLOADS[name]))
    print(json.dumps(asdict(result)))


def compare(names: list[str], clients: list[str]) -> None:
    """Run everything, one after the other, and print a table."""
    print(
        "| load | client | makespan s | /ideal | left | sent | over limit | wasted | CPU ms/call "
        "| peak MB | grown MB | in flight | machine load |"
    )
    print("|---" * 13 + "|")
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            load = WORKLOADS[name]
            folder = Path(scratch) / f"{load.size_px[0]}"
            if not folder.exists():
                draw(folder, load)
            best_s = naive_s(folder, load) if name == "W5" else ideal_s(load)
            for client in clients:
                if client == "tessera" or name not in OURS_ALONE:
                    print(line(client, name, best_s, *run(client, name, folder)), flush=True)


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--clients", default=",".join(CLIENTS))
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        run_one(*chosen.one)
    else:
        compare(chosen.workloads.split(","), chosen.clients.split(","))


if __name__ == "__main__":
    main()
