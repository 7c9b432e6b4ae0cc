"""What the operator may expect of any server with a Batch API: the engine inside, and the vendor's.

The vendor's is simulated by tests/batch_upstream.py.
"""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.engines.base import EngineCall
from core.engines.jobs import BatchLane, NoBatchLaneError
from core.engines.openai import OpenAIEngine
from core.engines.transport import AsgiStreamTransport
from core.local.app import build_app
from core.settings import Settings
from core.types import Detail, PreparedImage, Sampling
from tests.batch_plans import STUCK
from tests.batch_upstream import BatchUpstream
from tests.batch_wire import NO_METHOD, NO_ROUTE, Reply
from tests.unit.local.batch_engine import ClosingReader, GatedReader, png


@dataclass
class Server:
    """A server, the way to it, and how to let it come to an end or to a halt."""

    lane: BatchLane
    model: str
    answers: Any  # an open gate, or the simulated server

    def call(self, number: int) -> EngineCall:
        image = PreparedImage(base64.b64decode(png(number)), "image/png", 64, 64, "PNG", 64, 64)
        sampling = Sampling(max_output_tokens=300)
        return EngineCall(
            self.model, "Be brief.", "What is the total?", image, Detail.HIGH, sampling, None, 30
        )

    def lines(self, count: int) -> bytes:
        return b"".join(self.lane.line(f"item-{n}", self.call(n)) for n in range(count))

    def halt(self) -> None:
        """Let it begin with lines, and not end."""
        if isinstance(self.answers, BatchUpstream):
            self.answers.plans.append(STUCK)
        else:
            self.answers.may_read.clear()

    async def ended(self, job_id: str) -> Any:
        """Let it work until the job has ended."""
        if isinstance(self.answers, BatchUpstream):
            self.answers.clock.step(720)
        else:
            self.answers.may_read.set()
        job = await self.lane.job(job_id)
        while not job.has_ended:
            job = await self.lane.job(job_id)
        return job


@pytest.fixture(params=["inside", "vendor"])
async def server(request, tmp_path):
    if request.param == "inside":
        gate = GatedReader()
        settings = Settings(_env_file=None, tessera_data_dir=tmp_path)
        app = build_app(settings.engine_dir, ClosingReader(gate))
        engine, model = OpenAIEngine(settings, AsgiStreamTransport(app)), settings.model
    else:
        gate = BatchUpstream()
        engine, model = vendor(gate), "gpt-4o"
    yield Server(await engine.batch_lane(), model, gate)
    await engine.close()


def vendor(upstream):
    settings = Settings(
        _env_file=None, openai_api_key="sk-test", openai_base_url="https://vendor.example/v1"
    )
    return OpenAIEngine(settings, upstream.transport)


async def upload(server: Server, folder: Path, content: bytes) -> str:
    file = folder / "requests.jsonl"
    file.write_bytes(content)
    return await server.lane.upload(file, "tessera-1.jsonl")


async def read_back(server: Server, folder: Path, file_id: str) -> dict[str, Any]:
    target = folder / "answers"
    assert await server.lane.download(file_id, target)
    found = [server.lane.read_line(line) for line in target.read_bytes().splitlines()]
    return {line.custom_id: line for line in found if line}


async def test_a_job_is_answered_line_by_line(server, tmp_path):
    await server.lane.check()
    file_id = await upload(server, tmp_path, server.lines(3))
    job = await server.lane.create_job(file_id, "tag-1")
    assert (job.state, job.tag, job.input_file) == ("validating", "tag-1", file_id)
    assert job.expires_at_s == job.created_at_s + 86_400

    job = await server.ended(job.id)
    lines = await read_back(server, tmp_path, job.output_file)

    assert (job.state, job.completed, job.failed, job.error_file) == ("completed", 3, 0, None)
    assert lines.keys() == {"item-0", "item-1", "item-2"}
    for line in lines.values():
        assert line.error is None
        assert line.answer.text
        assert line.answer.finish_reason == "stop"
        assert line.answer.usage.output_tokens > 0


async def test_a_job_and_a_file_are_found_again(server, tmp_path):
    for number in range(3):
        file_id = await upload(server, tmp_path, server.lines(1))
        made = await server.lane.create_job(file_id, f"tag-{number}")

    found = await server.lane.find_job("tag-0", "no such file", made.created_at_s)
    by_file = await server.lane.find_job("no such tag", file_id, made.created_at_s)

    assert (found.tag, by_file.id) == ("tag-0", made.id)
    assert await server.lane.find_file("tessera-1.jsonl") == file_id
    assert await server.lane.find_file("another.jsonl") is None
    assert await server.lane.find_job("no such tag", "nor file", made.created_at_s) is None


async def test_a_cancelled_job_lists_what_was_not_answered(server, tmp_path):
    server.halt()
    file_id = await upload(server, tmp_path, server.lines(3))
    job = await server.lane.create_job(file_id, "tag")
    while job.state == "validating":
        if isinstance(server.answers, BatchUpstream):
            server.answers.clock.step(60)
        job = await server.lane.job(job.id)
    await server.lane.cancel_job(job.id)
    asked = await server.lane.job(job.id)
    assert asked.state in {"cancelling", "cancelled"}  # at once, where no line was begun

    job = await server.ended(job.id)
    lines = await read_back(server, tmp_path, job.error_file)
    await server.lane.cancel_job(job.id)  # it has ended: fine

    assert job.state == "cancelled"
    assert job.completed + len(lines) == 3
    assert all(line.answer is None and line.error for line in lines.values())


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (lambda server: server.lines(1) + b"{no JSON\n", "invalid_json_line"),
        (lambda server: server.lines(1) * 2, "duplicate_custom_id"),
    ],
)
async def test_a_wrong_line_is_named(server, tmp_path, content, code):
    file_id = await upload(server, tmp_path, content(server))
    job = await server.ended((await server.lane.create_job(file_id, "tag")).id)

    assert job.state == "failed"
    assert [(problem.code, problem.line) for problem in job.problems] == [(code, 2)]
    assert (job.output_file, job.error_file) == (None, None)


async def test_what_is_gone_is_no_error(server, tmp_path):
    file_id = await upload(server, tmp_path, server.lines(1))
    await server.lane.delete_file(file_id)
    await server.lane.delete_file(file_id)
    await server.lane.cancel_job("batch_0")

    assert await server.lane.job("batch_0") is None
    assert not await server.lane.download(file_id, tmp_path / "answers")


@pytest.mark.parametrize("reply", [NO_ROUTE, NO_METHOD, Reply(501, b"", "text/plain")])
async def test_a_server_without_batches_is_told_apart(reply):
    engine = vendor(BatchUpstream(without_batches=reply))
    lane = await engine.batch_lane()
    with pytest.raises(NoBatchLaneError):
        await lane.check()
    await engine.close()
