"""Whether an answer is as a case expects it. Pure but for the clock of patterns."""

import json
from decimal import Decimal
from typing import Any, assert_never

from core.phrases import Phrase
from core.quality.paths import MISSING, value_at
from core.quality.patterns import is_found
from core.quality.types import (
    AnswersWithin,
    Contains,
    CostsAtMost,
    Expectation,
    FailsWith,
    FieldEquals,
    FieldWithin,
    FitsSchema,
    Matches,
    Verdict,
)
from core.types import Failure, Outcome, Success

_SHOWN = 120


def judge(
    expectations: tuple[Expectation, ...], outcome: Outcome, latency_s: float
) -> tuple[Verdict, ...]:
    """Return a verdict on each expectation.

    An answer is expected unless a failure is. Without one, what an answer should be like is not
    looked at: there is one verdict, that there is none.
    """
    wanted = [each for each in expectations if isinstance(each, FailsWith)]
    limits = [each for each in expectations if isinstance(each, AnswersWithin | CostsAtMost)]
    if isinstance(outcome, Failure):
        first = _judge_failure(wanted[0] if wanted else None, outcome)
        return (first, *(_judge_limit(each, outcome, latency_s) for each in limits))
    verdicts = []
    for each in expectations:
        if isinstance(each, AnswersWithin | CostsAtMost):
            verdicts.append(_judge_limit(each, outcome, latency_s))
        else:
            verdicts += _judge_answer(each, outcome)
    return tuple(verdicts)


def _judge_failure(wanted: FailsWith | None, failure: Failure) -> Verdict:
    if wanted is None:
        said = Phrase("There is no answer: {code}.", {"code": failure.code})
        return Verdict(is_met=False, said=said)
    if failure.code == wanted.code:
        return Verdict(is_met=True, said=Phrase("Fails with {code}.", {"code": wanted.code}))
    values = {"code": failure.code, "wanted": wanted.code}
    return Verdict(is_met=False, said=Phrase("Fails with {code}, not with {wanted}.", values))


def _judge_limit(limit: AnswersWithin | CostsAtMost, outcome: Outcome, took_s: float) -> Verdict:
    if isinstance(limit, AnswersWithin):
        seconds = {"took": f"{took_s:.2f}", "most": f"{limit.seconds:g}"}
        if took_s <= limit.seconds:
            return Verdict(is_met=True, said=Phrase("Took {took} s of {most} s.", seconds))
        return Verdict(is_met=False, said=Phrase("Took {took} s, more than {most} s.", seconds))
    return _judge_cost(limit, outcome.cost.usd)


def _judge_cost(limit: CostsAtMost, usd: Decimal | None) -> Verdict:
    if usd is None:
        return Verdict(is_met=False, said=Phrase("What it cost is not known."))
    values = {"usd": f"{usd:f}", "most": f"{limit.usd:f}"}
    if usd <= limit.usd:
        return Verdict(is_met=True, said=Phrase("Cost ${usd} of ${most}.", values))
    return Verdict(is_met=False, said=Phrase("Cost ${usd}, more than ${most}.", values))


def _judge_answer(
    expected: Contains | Matches | FieldEquals | FieldWithin | FitsSchema | FailsWith,
    answer: Success,
) -> list[Verdict]:
    match expected:
        case Contains(texts=texts):
            return [_judge_text(text, answer.text) for text in texts]
        case Matches(pattern=pattern):
            return [_judge_pattern(pattern, answer.text)]
        case FieldEquals(path=path, value=value):
            return [_judge_value(path, value, value_at(answer.data, path))]
        case FieldWithin():
            return [_judge_number(expected, value_at(answer.data, expected.path))]
        case FitsSchema():
            return [_judge_schema(answer)]
        case FailsWith(code=code):
            said = Phrase("There is an answer where {code} was expected.", {"code": code})
            return [Verdict(is_met=False, said=said)]
        case _:
            assert_never(expected)


def _judge_text(wanted: str, text: str) -> Verdict:
    if wanted.casefold() in text.casefold():
        return Verdict(is_met=True, said=Phrase("Contains “{text}”.", {"text": wanted}))
    return Verdict(is_met=False, said=Phrase("Does not contain “{text}”.", {"text": wanted}))


def _judge_pattern(pattern: str, text: str) -> Verdict:
    values = {"pattern": pattern}
    match is_found(pattern, text):
        case True:
            return Verdict(is_met=True, said=Phrase("{pattern} is found.", values))
        case False:
            return Verdict(is_met=False, said=Phrase("{pattern} is not found.", values))
        case None:
            said = Phrase("{pattern} takes too long to look for; write it simpler.", values)
            return Verdict(is_met=False, said=said)


def _judge_value(path: str, wanted: Any, found: Any) -> Verdict:
    values = {"path": path, "found": _shown(found), "wanted": _shown(wanted)}
    if found is not MISSING and _is_same(found, wanted):
        return Verdict(is_met=True, said=Phrase("{path} is {found}.", values))
    return Verdict(is_met=False, said=Phrase("{path} is {found}, not {wanted}.", values))


def _judge_number(wanted: FieldWithin, found: Any) -> Verdict:
    values = {
        "path": wanted.path,
        "found": _shown(found),
        "low": f"{wanted.low:g}",
        "high": f"{wanted.high:g}",
    }
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    if is_number and wanted.low <= found <= wanted.high:
        return Verdict(is_met=True, said=Phrase("{path} is {found}.", values))
    said = Phrase("{path} is {found}, not between {low} and {high}.", values)
    return Verdict(is_met=False, said=said)


def _judge_schema(answer: Success) -> Verdict:
    if answer.data is None:  # the client has judged every answer that a schema was asked for
        return Verdict(is_met=False, said=Phrase("The question asks for no schema."))
    return Verdict(is_met=True, said=Phrase("The answer fits its schema."))


def _is_same(found: Any, wanted: Any) -> bool:
    """Compare as JSON does: 1 is 1.0, and neither is true."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    return bool(found == wanted)


def _shown(value: Any) -> str:
    if value is MISSING:
        return "–"
    return json.dumps(value, ensure_ascii=False)[:_SHOWN]
