from decimal import Decimal

import pytest

from core.answer import failure_without_call, validate_answer
from core.engines.fake import fake_answer
from core.errors import MalformedAnswerError, SchemaMismatchError, StoppedError
from core.types import AnswerSchema, Cost, CostBasis
from tests.client_kit import SCHEMA

ANYTHING = AnswerSchema("anything", {})


@pytest.mark.parametrize("finish_reason", [None, "eos", "tool_calls"])
def test_an_answer_without_a_proper_end_is_none(finish_reason):
    with pytest.raises(MalformedAnswerError) as caught:
        validate_answer(fake_answer("text", finish_reason), None)
    assert caught.value.maybe_billed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"total": NaN}',
        '{"total": 1} and more',
        '{"total": "1"}',
        '{"total": 1, "tax": 0}',
        "[" * 100_000,
        '"\\ud800"',
        '```json\n{"total": 1}\n``` Here you are.',
    ],
)
def test_what_is_not_the_requested_json_is_refused(text):
    with pytest.raises((SchemaMismatchError, Exception)) as caught:
        validate_answer(fake_answer(text or " "), SCHEMA if text[:1] != '"' else ANYTHING)
    assert caught.value.code in {"CNT005", "CNT006"}


@pytest.mark.parametrize("fence", ["```json\n{}\n```", "```\n{}\n```", "  ```json\r\n{}```\n"])
def test_a_code_block_around_the_json_is_opened(fence):
    valid = validate_answer(fake_answer(fence), ANYTHING)
    assert valid.data == {}
    assert len(valid.notes) == 1


def test_free_text_is_left_alone():
    valid = validate_answer(fake_answer("```\ncode\n```"), None)
    assert (valid.text, valid.data, valid.notes) == ("```\ncode\n```", None, ())


def test_what_was_never_sent_cost_nothing():
    failure = failure_without_call(StoppedError("no"), "so far")

    assert (failure.code, failure.attempts, failure.partial_text) == ("SYS002", 0, "so far")
    assert failure.cost == Cost(Decimal(0), CostBasis.MEASURED)
