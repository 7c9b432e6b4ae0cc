import json
import ssl
from socket import gaierror

import httpx2
import openai
import pytest

from core import errors
from core.engines.errors import BY_TYPE, FOREIGN_ERRORS, retry_after_s, translate_error

NOW_S = 1_800_000_000.0
REQUEST = httpx2.Request("POST", "https://api.example/v1/chat/completions")

# On purpose: these belong to parts of the SDK that are not used here.
GENERIC = {
    "APIRemovedInV1",
    "MutuallyExclusiveAuthError",
    "StreamAlreadyConsumed",
    "_AmbiguousModuleClientUsageError",
    "SubjectTokenProviderError",
    "WebSocketConnectionClosedError",
    "WebSocketQueueFullError",
}


def clean(text):
    return text


def status_error(status, body=None, **headers):
    response = httpx2.Response(status, headers=headers, request=REQUEST)
    kinds = {
        400: openai.BadRequestError,
        401: openai.AuthenticationError,
        403: openai.PermissionDeniedError,
        404: openai.NotFoundError,
        409: openai.ConflictError,
        422: openai.UnprocessableEntityError,
        429: openai.RateLimitError,
    }
    kind = kinds.get(status, openai.InternalServerError if status >= 500 else openai.APIStatusError)
    return kind("x", response=response, body=body)


def translate(error):
    return translate_error(error, clean, NOW_S)


def all_subclasses(base):
    for child in base.__subclasses__():
        yield child
        yield from all_subclasses(child)


def test_every_error_of_the_sdk_has_a_counterpart_of_its_own():
    sdk = {c for c in all_subclasses(openai.OpenAIError) if c.__module__.startswith("openai")}
    assert len(sdk) > 15
    unmatched = {
        kind.__name__
        for kind in sdk
        if next(base for base in kind.__mro__ if base in BY_TYPE) is openai.OpenAIError
    }
    assert unmatched == GENERIC


def test_every_error_of_the_transport_is_caught():
    roots = (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL)
    for root in roots:
        for kind in (root, *all_subclasses(root)):
            assert issubclass(kind, FOREIGN_ERRORS), kind


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, None, errors.RequestRejectedError),
        (400, "context_length_exceeded", errors.PromptTooLongError),
        (400, "invalid_image_format", errors.ImageRefusedByServerError),
        (400, "content_policy_violation", errors.ContentPolicyError),
        (400, "unsupported_value", errors.RequestRejectedError),
        (401, None, errors.AuthenticationError),
        (402, None, errors.QuotaError),
        (403, None, errors.PermissionDeniedError),
        (404, None, errors.ModelUnavailableError),
        (404, "model_not_found", errors.ModelUnavailableError),
        (408, None, errors.TimeoutExceededError),
        (409, None, errors.UnavailableError),
        (413, None, errors.PayloadTooLargeError),
        (418, None, errors.RequestRejectedError),
        (422, None, errors.RequestRejectedError),
        (429, None, errors.RateLimitError),
        (429, "slow_down", errors.RateLimitError),
        (429, "insufficient_quota", errors.QuotaError),
        (429, "organization_spend_limit_exceeded", errors.QuotaError),
        (429, "project_spend_limit_exceeded", errors.QuotaError),
        (429, "organization_usage_limit_exceeded", errors.QuotaError),
        (500, "server_error", errors.UnavailableError),
        (529, None, errors.UnavailableError),
    ],
)
def test_status_and_code_decide(status, code, expected):
    body = {"message": "words that say timeout, quota and rate limit", "code": code}
    assert type(translate(status_error(status, body))) is expected


def test_the_older_quota_type_counts_where_the_code_is_new():
    body = {"message": "", "code": "something_new", "type": "insufficient_quota"}
    assert type(translate(status_error(429, body))) is errors.QuotaError


@pytest.mark.parametrize(
    ("limit", "requested", "expected"),
    [
        (30000, 30001, errors.RequestTooLargeForLimitError),
        (30000, 30000, errors.RateLimitError),
        (200000, 4412, errors.RateLimitError),
    ],
)
def test_a_request_above_a_whole_minute_is_never_repeated(limit, requested, expected):
    body = {
        "message": f"… (TPM): Limit {limit}, Used 195869, Requested {requested}. Please try again.",
        "code": "rate_limit_exceeded",
    }
    assert type(translate(status_error(429, body))) is expected


@pytest.mark.parametrize(
    ("headers", "expected_s"),
    [
        ({"retry-after-ms": "84"}, 0.084),
        ({"retry-after-ms": "84", "retry-after": "1"}, 0.084),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30.0),
        ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers, expected_s):
    assert retry_after_s(headers, NOW_S) == expected_s


def caused_by(cause):
    error = openai.APIConnectionError(request=REQUEST)
    error.__cause__ = httpx2.ConnectError("x")
    error.__cause__.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (gaierror(-2, "Name or service not known"), errors.NameResolutionError),
        (ssl.SSLCertVerificationError("self-signed"), errors.InsecureConnectionError),
        (ssl.SSLEOFError("cut"), errors.ConnectionFailedError),
        (httpx2.ProxyError("407"), errors.ProxyFailedError),
        (ConnectionRefusedError("refused"), errors.ConnectionFailedError),
        (ExceptionGroup("tried", [gaierror(-2, "a"), OSError("b")]), errors.NameResolutionError),
    ],
)
def test_a_failed_connection_is_told_by_its_cause(cause, expected):
    translated = translate(caused_by(cause))
    assert type(translated) is expected
    assert not translated.maybe_billed


@pytest.mark.parametrize(
    ("error", "billed"),
    [
        (httpx2.ReadTimeout("slow"), True),
        (httpx2.ConnectTimeout("slow"), False),
        (httpx2.PoolTimeout("slow"), False),
        (httpx2.ReadError("cut"), True),
        (httpx2.RemoteProtocolError("gone"), True),
        (TimeoutError(), True),
        (json.JSONDecodeError("x", "", 0), True),
    ],
)
def test_only_what_was_sent_may_have_been_billed(error, billed):
    assert translate(error).maybe_billed is billed


def test_a_body_that_is_no_json_shows_no_html():
    translated = translate(status_error(413, "<html>secret</html>"))
    assert "html" not in str(translated.detail)


def test_a_bug_is_not_translated():
    assert not issubclass(KeyError, FOREIGN_ERRORS)
