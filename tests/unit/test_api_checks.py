"""Tests of core/api_checks.py against servers that know more or less of the protocol."""

from decimal import Decimal

import pytest

from core.api_checks import PaidChecks, check_endpoint
from core.engines.openai import OpenAIEngine
from core.settings import Settings
from core.types import CostBasis
from tests.client_kit import open_test_client
from tests.endpoint import FULL, completion, endpoint, refusal


async def look(directory, base_url, *, paid=True, budget_usd=None, **more):
    settings = Settings(_env_file=None, openai_base_url=base_url, openai_api_key="sk-1", **more)
    async with open_test_client(directory, OpenAIEngine(settings), budget_usd=budget_usd) as client:
        found = check_endpoint(client.engine, client, settings, PaidChecks(paid, "page"))
        checks = {check.name: check async for check in found}
        return checks, client.ledger.recent(10)


def states(checks):
    return {name: check.state.value for name, check in checks.items()}


async def test_a_whole_server_passes_and_its_calls_are_in_the_ledger(tmp_path):
    async with endpoint() as server:
        checks, rows = await look(tmp_path, server.base_url)
    assert set(states(checks).values()) == {"ok"}
    assert all(check.latency_s is not None for check in checks.values())
    assert [(row.cost.usd, row.cost.basis, row.planned.front_end) for row in rows] == [
        (Decimal("0.00006"), CostBasis.MEASURED, "page")
    ] * 2


async def test_nothing_is_paid_unless_wanted(tmp_path):
    async with endpoint() as server:
        checks, rows = await look(tmp_path, server.base_url, paid=False)
    assert rows == []
    assert server.asked == ["GET /v1/models", "GET /v1/batches"]
    assert (states(checks)["completion"], states(checks)["images"]) == ("skip", "skip")
    assert "cost about $0.00" in str(checks["images"].detail)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"GET /v1/models": refusal(401, "invalid_api_key")},
         {"authentication": "API001", "models": "skip", "completion": "skip", "images": "skip"}),
        ({"GET /v1/models": refusal(403, "unsupported_country_region_territory")},
         {"authentication": "API005", "batches": "skip"}),
        ({"GET /v1/models": refusal(404, "not_found")},
         {"authentication": "skip", "models": "skip", "completion": "ok", "images": "ok"}),
        ({"GET /v1/models": (200, {"data": [{"id": "llava"}]})},
         {"authentication": "ok", "models": "warn"}),
        ({"GET /v1/models": (500, {})}, {"authentication": "skip", "models": "API006"}),
        ({"GET /v1/batches": refusal(404, "not_found")}, {"batches": "skip", "images": "ok"}),
        ({"GET /v1/batches": refusal(405, "method_not_allowed")}, {"batches": "skip"}),
        ({"POST text": refusal(429, "insufficient_quota")},
         {"completion": "API003", "images": "skip"}),
        ({"POST picture": refusal(400, "invalid_image_format")},
         {"completion": "ok", "images": "IMG005"}),
        ({"POST picture": refusal(400, "unsupported_value")}, {"images": "API007"}),
        ({"POST picture": completion("I see no picture.")}, {"images": "warn"}),
    ],
)  # fmt: skip
async def test_what_a_server_lacks_is_told(tmp_path, changes, expected):
    async with endpoint({**FULL, **changes}) as server:
        checks, _ = await look(tmp_path, server.base_url)
    told = {name: checks[name].code or checks[name].state.value for name in expected}
    assert told == expected


async def test_questions_keep_the_budget(tmp_path):
    async with endpoint() as server:
        checks, rows = await look(tmp_path, server.base_url, budget_usd="0")
    assert (checks["completion"].code, rows) == ("BGT001", [])
    assert "POST text" not in server.asked


async def test_an_unknown_price_is_said_to_be_unknown(tmp_path):
    async with endpoint() as server:
        checks, _ = await look(tmp_path, server.base_url, paid=False, openai_model="llava")
    assert "how much is not known" in str(checks["completion"].detail)
