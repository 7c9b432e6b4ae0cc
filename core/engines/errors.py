"""Foreign exceptions become ours here, once: by type and by code, never by their words."""

import json
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

import httpx2
import openai

from core import errors
from core.phrases import Phrase
from core.redaction import redact_data

Clean = Callable[[str], str]
"""A function that takes secrets out of a text."""

_LONGEST_DETAIL = 500

_BY_CODE: Mapping[str, type[errors.EngineError]] = {
    # Billing: since the summer of 2026 four codes replace insufficient_quota. Waiting cures none.
    "insufficient_quota": errors.QuotaError,
    "billing_hard_limit_reached": errors.QuotaError,
    "credit_balance_exhausted": errors.QuotaError,
    "organization_spend_limit_exceeded": errors.QuotaError,
    "project_spend_limit_exceeded": errors.QuotaError,
    "organization_usage_limit_exceeded": errors.QuotaError,
    "rate_limit_exceeded": errors.RateLimitError,
    "slow_down": errors.RateLimitError,
    "server_is_overloaded": errors.UnavailableError,
    "server_error": errors.UnavailableError,
    "invalid_api_key": errors.AuthenticationError,
    "model_not_found": errors.ModelUnavailableError,
    "context_length_exceeded": errors.PromptTooLongError,
    "content_filter": errors.ContentPolicyError,
    "content_policy_violation": errors.ContentPolicyError,
    "image_content_policy_violation": errors.ContentPolicyError,
    "moderation_blocked": errors.ContentPolicyError,
    "unsupported_parameter": errors.RequestRejectedError,
    "unsupported_value": errors.RequestRejectedError,
    **dict.fromkeys(
        (
            "invalid_image",
            "invalid_image_format",
            "invalid_base64_image",
            "invalid_image_url",
            "image_too_small",
            "image_parse_error",
            "invalid_image_mode",
            "unsupported_image_media_type",
            "empty_image_file",
            "failed_to_download_image",
            "image_file_not_found",
        ),
        errors.ImageRefusedByServerError,
    ),
    **dict.fromkeys(
        ("image_too_large", "image_file_too_large"), errors.ImageTooLargeForServerError
    ),
}

_BY_STATUS: Mapping[int, type[errors.EngineError]] = {
    408: errors.TimeoutExceededError,  # the SDK has no class for these three
    413: errors.PayloadTooLargeError,
    402: errors.QuotaError,
}

BY_TYPE: Mapping[type[Exception], type[errors.EngineError]] = {
    openai.AuthenticationError: errors.AuthenticationError,
    openai.PermissionDeniedError: errors.PermissionDeniedError,
    openai.NotFoundError: errors.ModelUnavailableError,
    openai.RateLimitError: errors.RateLimitError,
    openai.ConflictError: errors.UnavailableError,
    openai.InternalServerError: errors.UnavailableError,
    openai.BadRequestError: errors.RequestRejectedError,
    openai.UnprocessableEntityError: errors.RequestRejectedError,
    openai.APIStatusError: errors.RequestRejectedError,
    openai.APITimeoutError: errors.TimeoutExceededError,
    openai.APIConnectionError: errors.ConnectionFailedError,
    openai.APIResponseValidationError: errors.MalformedAnswerError,
    openai.APIError: errors.MalformedAnswerError,  # an error event inside a stream, without a code
    openai.LengthFinishReasonError: errors.MalformedAnswerError,
    openai.ContentFilterFinishReasonError: errors.ContentPolicyError,
    openai.OpenAIError: errors.RequestRejectedError,  # the catch-all
    httpx2.TimeoutException: errors.TimeoutExceededError,
    httpx2.ProxyError: errors.ProxyFailedError,
    httpx2.UnsupportedProtocol: errors.RequestRejectedError,
    httpx2.LocalProtocolError: errors.RequestRejectedError,
    httpx2.InvalidURL: errors.RequestRejectedError,
    httpx2.DecodingError: errors.MalformedAnswerError,
    httpx2.HTTPError: errors.ConnectionFailedError,
    httpx2.StreamError: errors.ConnectionFailedError,
    TimeoutError: errors.TimeoutExceededError,
    json.JSONDecodeError: errors.MalformedAnswerError,
    UnicodeDecodeError: errors.MalformedAnswerError,
}

FOREIGN_ERRORS = tuple(BY_TYPE)
"""What the engine catches; everything else is a bug and passes through."""

_BY_CAUSE: tuple[tuple[type[BaseException], type[errors.EngineError]], ...] = (
    (ssl.SSLCertVerificationError, errors.InsecureConnectionError),
    (ssl.SSLEOFError, errors.ConnectionFailedError),
    (ssl.SSLZeroReturnError, errors.ConnectionFailedError),
    (ssl.SSLError, errors.InsecureConnectionError),
    (socket.gaierror, errors.NameResolutionError),
    (httpx2.ProxyError, errors.ProxyFailedError),
    (httpx2.UnsupportedProtocol, errors.RequestRejectedError),
    (httpx2.LocalProtocolError, errors.RequestRejectedError),
    (httpx2.DecodingError, errors.MalformedAnswerError),
)

_CONNECT = (httpx2.ConnectError, httpx2.ConnectTimeout)
_NEVER_SENT = (*_CONNECT, httpx2.PoolTimeout, httpx2.ProxyError)
_OUT_OF_REACH = frozenset(
    {errors.ConnectionFailedError, errors.NameResolutionError, errors.TimeoutExceededError}
)
_GATEWAY_TIMEOUTS = frozenset({408, 504, 524})
_LIMIT_AND_REQUESTED = re.compile(r"Limit (\d+)\b.*?Requested (\d+)\b", re.DOTALL)


class OversizedAnswerError(httpx2.DecodingError):
    """The body is larger than any answer can be; reading it was given up."""


def translate_error(
    error: Exception, clean: Clean, now_s: float, *, proxied: bool = False
) -> errors.EngineError:
    """Return our error for an exception of the SDK or of its transport.

    Args:
        error: One of FOREIGN_ERRORS.
        clean: Takes secrets out of the server's words: some servers echo the key.
        now_s: Seconds since 1970, for a Retry-After that is a date.
        proxied: A proxy stands between: who cannot be reached is then the proxy.
    """
    if isinstance(error, openai.APIStatusError):
        return _from_status(error, clean, now_s)
    if isinstance(error, openai.APIError) and isinstance(error.body, Mapping):
        return from_error_object(error.body, clean)
    chain = list(_causes(error))
    error_type = _type_by_cause(chain) or _type_by_mro(error)
    if proxied and error_type in _OUT_OF_REACH and any(isinstance(c, _CONNECT) for c in chain):
        error_type = errors.ProxyFailedError
    sent = not any(isinstance(cause, _NEVER_SENT) for cause in chain)
    maybe_billed = sent and error_type in _BILLED_WHEN_SENT
    return error_type(_cause_detail(chain, clean), maybe_billed=maybe_billed)


_BILLED_WHEN_SENT = frozenset(
    {errors.TimeoutExceededError, errors.ConnectionFailedError, errors.MalformedAnswerError}
)


def from_error_object(body: Mapping[str, Any], clean: Clean) -> errors.EngineError:
    """Return our error for an `error` object that came where an answer belongs."""
    if error := error_from_code(body, clean):
        return error
    detail = literal_detail(str(body.get("message") or ""), clean)
    return errors.MalformedAnswerError(detail, maybe_billed=True)


def error_from_code(body: Mapping[str, Any], clean: Clean) -> errors.EngineError | None:
    """Return our error for an `error` object whose code is known, else None."""
    error_type = _type_by_code(body)
    return error_type(literal_detail(str(body.get("message") or ""), clean)) if error_type else None


def retry_after_s(headers: Mapping[str, str], now_s: float) -> float | None:
    """Return the wait the server asks for, in seconds: milliseconds, seconds or a date.

    Source: RFC 9110 section 10.2.3; `retry-after-ms` is OpenAI's own.
    """
    for name, per_second in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            wait_s = float(headers[name]) / per_second
        except (KeyError, ValueError):
            continue
        return wait_s if isfinite(wait_s) and wait_s >= 0 else None
    try:
        moment = parsedate_to_datetime(headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return max(0.0, moment.timestamp() - now_s)


def literal_detail(text: str, clean: Clean) -> Phrase:
    """Return a server's words, without secrets and pictures and cut to a length for a screen."""
    return errors.literal(redact_data(clean(text))[:_LONGEST_DETAIL])


def _cause_detail(chain: list[BaseException], clean: Clean) -> Phrase:
    """Return the words nearest to the root: the SDK's own are always "Connection error."."""
    if isinstance(chain[0], json.JSONDecodeError | UnicodeDecodeError):
        return Phrase("What the server sent is not JSON.")
    words = [str(cause) for cause in chain if str(cause)]
    return literal_detail(words[-1] if words else "", clean)


def _from_status(error: openai.APIStatusError, clean: Clean, now_s: float) -> errors.EngineError:
    body = error.body if isinstance(error.body, Mapping) else None
    error_type = _type_by_status(error, body)
    return error_type(
        _status_detail(error.status_code, body, clean),
        retry_after_s=retry_after_s(error.response.headers, now_s),
        maybe_billed=error.status_code in _GATEWAY_TIMEOUTS,
    )


def _type_by_status(
    error: openai.APIStatusError, body: Mapping[str, Any] | None
) -> type[errors.EngineError]:
    if error.status_code == 404 and body is None:
        return errors.RequestRejectedError  # a wrong address, not a missing model
    found = (body and _type_by_code(body)) or _BY_STATUS.get(error.status_code)
    found = found or _type_by_mro(error)
    if found is errors.RateLimitError and body and _never_fits(str(body.get("message") or "")):
        return errors.RequestTooLargeForLimitError
    return found


def _status_detail(status: int, body: Mapping[str, Any] | None, clean: Clean) -> Phrase:
    if 300 <= status < 400:
        return Phrase(
            "The endpoint redirects to another address (status {status}). Tessera never follows: "
            "the picture would go there too. Set OPENAI_BASE_URL to the final address.",
            {"status": status},
        )
    if body and body.get("message"):
        return literal_detail(str(body["message"]), clean)
    return Phrase("The server answered with status {status}.", {"status": status})


def _never_fits(message: str) -> bool:
    """Say whether one request is larger than a whole minute's limit.

    Both kinds of 429 carry the same code and type; only these two numbers tell them apart.
    """
    numbers = _LIMIT_AND_REQUESTED.search(message)
    return numbers is not None and int(numbers[2]) > int(numbers[1])


def _type_by_code(body: Mapping[str, Any]) -> type[errors.EngineError] | None:
    for name in (body.get("code"), body.get("type")):
        if isinstance(name, str) and (found := _BY_CODE.get(name)):
            return found
    return None


def _type_by_cause(chain: list[BaseException]) -> type[errors.EngineError] | None:
    for cause_type, error_type in _BY_CAUSE:
        if any(isinstance(cause, cause_type) for cause in chain):
            return error_type
    return None


def _type_by_mro(error: Exception) -> type[errors.EngineError]:
    for base in type(error).__mro__:  # most specific first
        if found := BY_TYPE.get(base):
            return found
    raise AssertionError("only FOREIGN_ERRORS are translated") from error


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and everything behind it, groups opened (one per address that was tried)."""
    waiting, seen = [error], set[int]()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(current.exceptions)
        waiting.extend(c for c in (current.__cause__, current.__context__) if c is not None)
