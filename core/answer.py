"""Whether an answer may be used. Pure: a 200 from a server proves nothing yet."""

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from jsonschema import Draft202012Validator

from core.engines.base import EngineAnswer
from core.errors import (
    AnswerError,
    ContentPolicyError,
    EmptyAnswerError,
    MalformedAnswerError,
    RefusedError,
    SchemaMismatchError,
    TruncatedError,
    VisionError,
    literal,
)
from core.phrases import Phrase
from core.types import AnswerSchema, Cost, CostBasis, Failure

_FENCED = re.compile(r"\A\s*```(?:json)?\s*\n(?P<inside>.*?)\n?\s*```\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ValidAnswer:
    """An answer that is complete and, where a schema was asked for, satisfies it.

    `data` is the parsed JSON, None without a schema.
    """

    text: str
    data: Any
    notes: tuple[Phrase, ...] = ()


def validate_answer(answer: EngineAnswer, schema: AnswerSchema | None) -> ValidAnswer:
    """Return the usable part of `answer`.

    Raises:
        AnswerError: If it was refused, cut, empty or is not the JSON that was asked for.
        ContentPolicyError: If the provider's filter cut it.
        MalformedAnswerError: If it broke off without saying why.
    """
    _check_end(answer)
    if answer.refusal:
        raise RefusedError(literal(answer.refusal))
    if not answer.text.strip():
        raise EmptyAnswerError(Phrase("The answer has no content."))
    if schema is None:
        return ValidAnswer(answer.text, None)
    return _validate_json(answer.text, schema)


def failure_without_call(error: VisionError, partial_text: str = "") -> Failure:
    """Return the outcome of what was never sent, so that it cost nothing."""
    return Failure(
        code=error.code,
        detail=error.detail,
        retryable=error.retryable,
        cost=Cost(Decimal(0), CostBasis.MEASURED),
        attempts=0,
        latency_s=0.0,
        partial_text=partial_text,
    )


def _check_end(answer: EngineAnswer) -> None:
    match answer.finish_reason:
        case "stop":
            return
        case "length":
            raise TruncatedError(Phrase("The answer stopped at the output limit."))
        case "content_filter":
            raise ContentPolicyError(Phrase("The provider's filter cut the answer off."))
        case None:
            raise MalformedAnswerError(
                Phrase("The answer broke off before its end."), maybe_billed=True
            )
        case reason:
            raise MalformedAnswerError(
                Phrase("The answer ended in an unknown way: {reason}.", {"reason": reason[:40]}),
                maybe_billed=True,
            )


def _validate_json(text: str, schema: AnswerSchema) -> ValidAnswer:
    fenced = _FENCED.match(text)
    data = _parse(fenced["inside"] if fenced else text)
    _check_schema(data, schema)
    if fenced is None:
        return ValidAnswer(text, data)
    return ValidAnswer(
        fenced["inside"], data, (Phrase("The model wrapped its JSON in a code block."),)
    )


def _parse(text: str) -> Any:
    try:
        data = json.loads(text, parse_constant=_no_such_number)
        # Half a surrogate pair can be written as an escape, but never stored or shown.
        json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise SchemaMismatchError(Phrase("The answer is not valid JSON.")) from error
    return data


def _no_such_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _check_schema(data: Any, schema: AnswerSchema) -> None:
    problem = next(Draft202012Validator(schema.schema).iter_errors(data), None)
    if problem is not None:
        raise _mismatch(problem.json_path, str(problem.validator))


def _mismatch(path: str, rule: str) -> AnswerError:
    return SchemaMismatchError(
        Phrase(
            "The answer does not fit the requested form: {path} breaks the rule “{rule}”.",
            {"path": path[:200], "rule": rule},
        )
    )
