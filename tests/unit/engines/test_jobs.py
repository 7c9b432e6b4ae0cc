import json

import pytest

from core.engines.jobs import NoBatchLaneError
from core.errors import (
    ContentPolicyError,
    EngineError,
    MalformedAnswerError,
    ModelUnavailableError,
    RateLimitError,
    UnavailableError,
)
from tests.batch_upstream import BatchUpstream
from tests.batch_wire import NO_ROUTE, refusal
from tests.lane_kit import engine

COMPLETION = {
    "model": "gpt-4o",
    "choices": [{"message": {"content": "red"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1},
}


def line(response=None, error=None, custom_id="a"):
    return json.dumps({"custom_id": custom_id, "response": response, "error": error}).encode()


def http(status, body):
    return {"status_code": status, "request_id": "r", "body": body}


@pytest.fixture
async def lane():
    found = engine(BatchUpstream())
    yield await found.batch_lane()
    await found.close()


async def test_a_line_with_an_answer_is_read_as_one(lane):
    found = lane.read_line(line(http(200, COMPLETION)))
    assert (found.custom_id, found.answer.text, found.answer.usage.input_tokens) == ("a", "red", 5)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (line(http(429, {"error": {"code": "rate_limit_exceeded"}})), RateLimitError),
        (line(http(500, {"error": {"code": None}})), UnavailableError),
        (line(http(400, {"error": {"code": "content_policy_violation"}})), ContentPolicyError),
        (line(http(200, {"error": {"code": None, "message": "no"}})), MalformedAnswerError),
        (line(http(200, None)), MalformedAnswerError),
        (line(None, {"code": "batch_expired", "message": "too late"}), UnavailableError),
        (line(None, None), UnavailableError),
    ],
)
async def test_both_shapes_of_error_lines_are_told_by_status_and_code(lane, written, expected):
    found = lane.read_line(written)
    assert found.answer is None
    assert type(found.error) is expected


@pytest.mark.parametrize("written", [b"", b"{", b"[1]", b'{"custom_id": 5}'])
async def test_a_line_that_says_nothing_is_nothing(lane, written):
    assert lane.read_line(written) is None


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (NO_ROUTE, NoBatchLaneError),
        (refusal(404, None, "No such File object: file-1"), ModelUnavailableError),
    ],
)
async def test_an_unknown_address_is_told_from_an_unknown_file(reply, expected):
    upstream = BatchUpstream(scripted={"POST /v1/batches": [reply]})
    found = engine(upstream)
    lane = await found.batch_lane()
    with pytest.raises(EngineError) as caught:
        await lane.create_job("file-1", "tag")
    await found.close()
    assert type(caught.value) is expected
