"""Tests of core/webhook.py against receivers that behave and that do not."""

import json
import logging

import httpx2
import pytest

from core.webhook import MAX_ATTEMPTS, Webhook, signature

URL = "https://hooks.example/services/T0/path-canary"
SECRET = "secret-canary"


class Receiver:
    """Answers with each status in turn, the last one for ever; None breaks the connection."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.seen = []

    def __call__(self, request):
        self.seen.append(request)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status is None:
            raise httpx2.ConnectError("refused")
        return httpx2.Response(status, headers={"location": "https://elsewhere.example/"})


class Waits(list):
    async def __call__(self, seconds):
        self.append(seconds)


def webhook(receiver, waits):
    return Webhook(
        URL,
        SECRET,
        transport=httpx2.MockTransport(receiver),
        clock=lambda: 1_800_000_000.7,
        sleep=waits,
    )


async def test_a_document_arrives_signed():
    receiver = Receiver(204)
    assert await webhook(receiver, Waits()).tell({"message": "zu spät"})
    (request,) = receiver.seen
    assert str(request.url) == URL
    assert json.loads(request.content) == {"message": "zu spät"}
    timestamp = request.headers["tessera-timestamp"]
    assert timestamp == "1800000000"
    expected = signature(SECRET, timestamp, request.content)
    assert request.headers["tessera-signature"] == f"v1={expected}"
    assert len(request.headers["tessera-event-id"]) == 32


def test_the_signature_is_hmac_sha256_of_timestamp_and_body():
    # printf '1.{}' | openssl dgst -sha256 -hmac key
    assert signature("key", "1", b"{}") == (
        "1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224"
    )


@pytest.mark.parametrize("first", [500, 503, 429, 408, None])
async def test_what_may_pass_is_tried_again_with_longer_waits(first):
    receiver, waits = Receiver(first, first, first, 200), Waits()
    assert await webhook(receiver, waits).tell({})
    assert len(receiver.seen) == 4
    assert all(1.0 * 2**n <= wait <= 2.0 * 2**n for n, wait in enumerate(waits))
    assert len({request.headers["tessera-event-id"] for request in receiver.seen}) == 1


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 410])
async def test_what_cannot_pass_is_given_up_at_once(status):
    receiver = Receiver(status)
    assert not await webhook(receiver, Waits()).tell({})
    assert len(receiver.seen) == 1, "redirects are not followed"


async def test_a_dead_receiver_is_given_up_without_a_secret_in_the_log(caplog):
    receiver, waits = Receiver(None), Waits()
    with caplog.at_level(logging.DEBUG):
        assert not await webhook(receiver, waits).tell({})
    assert len(receiver.seen) == MAX_ATTEMPTS
    assert len(waits) == MAX_ATTEMPTS - 1
    (record,) = [each for each in caplog.records if each.getMessage() == "webhook_failed"]
    assert record.host == "hooks.example"
    assert "canary" not in repr([vars(each) for each in caplog.records])
