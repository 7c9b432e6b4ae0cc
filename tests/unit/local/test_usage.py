"""Estimated tokens and the limit on them."""

import pytest

from core.local.usage import TokenBudget, estimate_tokens, usage_json


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("abcd", 1), ("abcde", 2), ("合计", 2), ("合计ab", 3)]
)
def test_tokens_are_estimated_by_script(text, tokens):
    assert estimate_tokens(text) == tokens


def test_usage_says_that_it_is_an_estimate():
    assert usage_json("abcd", "合计") == {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "total_tokens": 3,
        "estimated": True,
    }


@pytest.mark.parametrize(
    ("max_tokens", "text", "is_cut"),
    [(None, "abcdefgh", False), (2, "abcdefgh", False), (1, "abcd", True)],
)
def test_an_answer_is_cut_at_its_limit(max_tokens, text, is_cut):
    budget = TokenBudget(max_tokens)

    assert budget.admit("abc") + budget.admit("defgh") == text
    assert (budget.text, budget.is_cut) == (text, is_cut)
    assert budget.admit("more") == ("" if is_cut or max_tokens == 2 else "more")
