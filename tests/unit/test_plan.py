from dataclasses import replace
from decimal import Decimal

import pytest

from core.catalog import load_catalog
from core.engines.fake import FakeEngine
from core.plan import plan_request, quote_plan, saved_by_resizing_usd
from core.terms import Terms
from core.types import Detail, ImageSource, PreparedImage, Sampling
from tests.client_kit import SCHEMA, make_request

CATALOG = load_catalog()


def key(request, engine=None):
    return plan_request(request, Terms(), CATALOG.card(request.model), engine or FakeEngine()).key


USUAL = make_request()


@pytest.mark.parametrize(
    "changed",
    [
        replace(USUAL, source=ImageSource("red.png", b"other bytes")),
        replace(USUAL, source=replace(USUAL.source, page=0)),
        replace(USUAL, prompt="What is that?"),
        replace(USUAL, system=""),
        replace(USUAL, model="gpt-4.1"),
        replace(USUAL, detail=Detail.LOW),
        replace(USUAL, schema=SCHEMA),
        replace(USUAL, tenant="somebody else"),
        replace(USUAL, sampling=Sampling(301, 0.1)),
        replace(USUAL, sampling=Sampling(300, 0.2)),
        replace(USUAL, sampling=Sampling(300, None)),
        replace(USUAL, sampling=Sampling(300, 0.1, 0.5)),
    ],
)
def test_what_can_change_the_answer_changes_the_key(changed):
    assert key(changed) != key(USUAL)


def test_another_endpoint_has_other_answers():
    assert key(USUAL, FakeEngine(origin="https://other.example/v1")) != key(USUAL)


@pytest.mark.parametrize(
    "changed",
    [
        replace(USUAL, source=replace(USUAL.source, name="blue.png")),
        replace(USUAL, task="custom"),
        replace(USUAL, use_cache=False),
        replace(USUAL, sampling=Sampling(300, 0.1, reasoning_effort="high")),  # gpt-4o has none
    ],
)
def test_what_is_not_sent_does_not(changed):
    assert key(changed) == key(USUAL)


@pytest.mark.parametrize(
    ("max_size", "tokens"), [((512, 512), 765 - 255), ((2048, 2048), 0), (None, 0)]
)
def test_resizing_saves_what_the_original_would_have_cost_more(max_size, tokens):
    picture = PreparedImage(b"", "image/jpeg", 512, 512, "PNG", 1024, 1024)
    request = replace(USUAL, max_size=max_size)
    plan = plan_request(request, Terms(), CATALOG.card("gpt-4o"), FakeEngine())
    quote = quote_plan(plan, 1024, 1024, 0, [])
    per_token = Decimal("2.50") / 10**6
    assert saved_by_resizing_usd(plan, picture, quote) == tokens * per_token


def test_each_request_has_a_name_of_its_own():
    card = CATALOG.card("gpt-4o")
    first, second = (plan_request(USUAL, Terms(), card, FakeEngine()) for _ in range(2))
    assert first.request_id != second.request_id
    assert first.call(None).request_id == first.request_id
    assert first.call(None).source_digest == USUAL.source.digest
