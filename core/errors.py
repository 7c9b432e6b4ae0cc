"""Everything that can go wrong, as one tree. Imports nothing of ours but the phrases.

VisionError                     catch this at an edge: a page, a route, a batch item
  ConfigurationError            CFG001  fix the settings
    InputNotUsableError         CFG002  what a person entered cannot be used
  ImageError                    IMG0xx  the picture cannot be used; `reason` says why
  EngineError                           the call to the model went wrong
    TimeoutExceededError        NET001  nothing came back in time
    ConnectionFailedError       NET002  refused, reset or broken off
    NameResolutionError         NET003  the host name is unknown
    ProxyFailedError            NET004  the proxy did not let us through
    InsecureConnectionError     NET005  the certificate cannot be trusted
    AuthenticationError         API001  the key is wrong or missing
    RateLimitError              API002  wait, then try again
    QuotaError                  API003  no money or quota left; waiting does not help
    ModelUnavailableError       API004  unknown, retired or forbidden model
    PermissionDeniedError       API005  the account or region may not do this
    UnavailableError            API006  the server failed or is overloaded
    RequestRejectedError        API007  the server refuses a parameter or the request's form
    MalformedAnswerError        API008  200, but not an answer (HTML, empty, `{}`)
    PayloadTooLargeError        API009  the request has too many bytes
    RequestTooLargeForLimitError API010 one request is over the per-minute limit: it can never pass
    ImageRefusedByServerError   IMG005  the server cannot use this picture
      ImageTooLargeForServerError IMG001 it has too many pixels or bytes for the server
    ContentPolicyError          CNT001  blocked by the provider's policy
    PromptTooLongError          CNT002  more text than the model's window
  AnswerError                           the call worked, the answer is unusable
    TruncatedError              CNT003  stopped at the output limit
    RefusedError                CNT004  the model declined to answer
    EmptyAnswerError            CNT005  nothing in it
    SchemaMismatchError         CNT006  not the JSON that was asked for
  BudgetError                   BGT001  the money set aside would be passed
  StorageError                  SYS001  the disk is full or the data directory unusable
  StoppedError                  SYS002  the person stopped it
  LostCallError                 SYS003  the process ended while the call was under way
"""

from enum import StrEnum
from typing import ClassVar

from core.phrases import Phrase


class VisionError(Exception):
    """Base of every error that a person can be told about.

    `code` is the diagnosis code; core/diagnosis.py holds the words for each.
    `retryable` says whether the same request may succeed later.
    """

    code: ClassVar[str] = "SYS000"
    retryable: ClassVar[bool] = False

    def __init__(self, detail: Phrase | str = "", *, retry_after_s: float | None = None) -> None:
        self.detail = detail if isinstance(detail, Phrase) else literal(detail)
        self.retry_after_s = retry_after_s
        super().__init__(str(self.detail))


def literal(text: str) -> Phrase:
    """Wrap words that are not ours (a server's message) so that braces in them mean nothing."""
    return Phrase("{text}", {"text": text})


class ConfigurationError(VisionError):
    """A setting is missing, malformed or unsafe."""

    code = "CFG001"


class InputNotUsableError(ConfigurationError):
    """What a person entered (a prompt, schema, manifest, option) is missing or cannot be used."""

    code = "CFG002"


class ImageRefusal(StrEnum):
    """The closed set of reasons why a source is not turned into a picture."""

    EMPTY = "empty"
    NOT_AN_IMAGE = "not_an_image"
    UNSUPPORTED_TYPE = "unsupported_type"
    TOO_LARGE_BYTES = "too_large_bytes"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SMALL = "too_small"
    DAMAGED = "damaged"
    TOO_SLOW = "too_slow"
    TOO_MUCH_MEMORY = "too_much_memory"
    PASSWORD = "password"  # noqa: S105 - a reason, not a secret
    TOO_MANY_PAGES = "too_many_pages"
    NOT_FOUND = "not_found"
    FETCH_REFUSED = "fetch_refused"
    FETCH_FAILED = "fetch_failed"


IMAGE_CODES: dict[ImageRefusal, str] = {
    ImageRefusal.TOO_LARGE_BYTES: "IMG001",
    ImageRefusal.TOO_MANY_PIXELS: "IMG001",
    ImageRefusal.TOO_MANY_PAGES: "IMG001",
    ImageRefusal.NOT_AN_IMAGE: "IMG002",
    ImageRefusal.UNSUPPORTED_TYPE: "IMG002",
    ImageRefusal.FETCH_REFUSED: "IMG003",
    ImageRefusal.FETCH_FAILED: "IMG003",
    ImageRefusal.NOT_FOUND: "IMG003",
    ImageRefusal.EMPTY: "IMG004",
    ImageRefusal.DAMAGED: "IMG004",
    ImageRefusal.TOO_SMALL: "IMG006",
    ImageRefusal.TOO_SLOW: "IMG007",
    ImageRefusal.TOO_MUCH_MEMORY: "IMG007",
    ImageRefusal.PASSWORD: "IMG008",
}


class ImageError(VisionError):
    """A source that cannot become a picture; `detail` says what to do about it."""

    def __init__(self, reason: ImageRefusal, detail: Phrase) -> None:
        super().__init__(detail)
        self.reason = reason

    @property
    def code(self) -> str:  # type: ignore[override]  # one class, a code per reason
        """Return the diagnosis code of this refusal."""
        return IMAGE_CODES[self.reason]


class EngineError(VisionError):
    """The call to the model did not bring an answer.

    `maybe_billed` says that the server may have done the work all the same.
    """

    def __init__(
        self,
        detail: Phrase | str = "",
        *,
        retry_after_s: float | None = None,
        maybe_billed: bool = False,
    ) -> None:
        super().__init__(detail, retry_after_s=retry_after_s)
        self.maybe_billed = maybe_billed


class TimeoutExceededError(EngineError):
    """No answer within the time limit."""

    code = "NET001"
    retryable = True


class ConnectionFailedError(EngineError):
    """The connection was refused, reset or cut."""

    code = "NET002"
    retryable = True


class NameResolutionError(EngineError):
    """The host name of the endpoint does not resolve."""

    code = "NET003"
    retryable = True


class ProxyFailedError(EngineError):
    """The configured proxy did not connect us."""

    code = "NET004"
    retryable = True


class InsecureConnectionError(EngineError):
    """The server's certificate cannot be verified."""

    code = "NET005"


class AuthenticationError(EngineError):
    """The key was not accepted."""

    code = "API001"


class RateLimitError(EngineError):
    """Too many requests or tokens for this minute."""

    code = "API002"
    retryable = True


class QuotaError(EngineError):
    """Credit, spend limit or usage limit is used up."""

    code = "API003"


class ModelUnavailableError(EngineError):
    """The model does not exist here, or no longer."""

    code = "API004"


class PermissionDeniedError(EngineError):
    """This account, project or region may not make the call."""

    code = "API005"


class UnavailableError(EngineError):
    """The server failed or is overloaded."""

    code = "API006"
    retryable = True


class RequestRejectedError(EngineError):
    """The server does not accept a parameter or the form of the request."""

    code = "API007"


class MalformedAnswerError(EngineError):
    """The server said 200 but sent something that is no answer."""

    code = "API008"
    retryable = True


class PayloadTooLargeError(EngineError):
    """The request body is larger than the server or a proxy accepts."""

    code = "API009"


class RequestTooLargeForLimitError(EngineError):
    """A single request is larger than the per-minute limit, so waiting cannot help."""

    code = "API010"


class ImageRefusedByServerError(EngineError):
    """The provider could not read or accept this picture."""

    code = "IMG005"


class ImageTooLargeForServerError(ImageRefusedByServerError):
    """The provider says that this picture is too large."""

    code = "IMG001"


class ContentPolicyError(EngineError):
    """The provider's safety system blocked the request or the answer."""

    code = "CNT001"


class PromptTooLongError(EngineError):
    """The text does not fit into the model's context window."""

    code = "CNT002"


class AnswerError(VisionError):
    """The call worked and was billed, but its answer must not be used."""


class TruncatedError(AnswerError):
    """The answer stopped at the output limit."""

    code = "CNT003"


class RefusedError(AnswerError):
    """The model declined to answer."""

    code = "CNT004"


class EmptyAnswerError(AnswerError):
    """The answer has no content."""

    code = "CNT005"


class SchemaMismatchError(AnswerError):
    """The answer is not the JSON that was asked for."""

    code = "CNT006"


class BudgetError(VisionError):
    """The call would take spending past the budget.

    It is `retryable` if what open calls hold would be enough: they mostly cost less than that.
    """

    code = "BGT001"

    def __init__(self, detail: Phrase | str = "", *, retryable: bool = False) -> None:
        super().__init__(detail)
        self.retryable = retryable  # type: ignore[misc]  # one class, both cases


class StorageError(VisionError):
    """The data directory cannot be written."""

    code = "SYS001"


class StoppedError(VisionError):
    """The person pressed Stop."""

    code = "SYS002"


class LostCallError(VisionError):
    """The process ended while the call was under way; it may have been billed."""

    code = "SYS003"
