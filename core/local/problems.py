"""What this engine answers when it cannot: the error objects of the OpenAI API."""

from typing import Any

from core.errors import ImageError, ImageRefusal
from core.phrases import Phrase


class RequestError(Exception):
    """A request that gets an error instead of an answer, with its HTTP status and code."""

    def __init__(
        self,
        status: int,
        code: str,
        message: Phrase,
        *,
        param: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(str(message))
        self.status = status
        self.code = code
        self.param = param
        self.retry_after_s = retry_after_s

    @property
    def body(self) -> dict[str, Any]:
        """Return the error object as it goes over the wire."""
        return {
            "error": {
                "message": str(self),
                "type": _type(self.status),
                "param": self.param,
                "code": self.code,
            }
        }

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that belong to the error."""
        return {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}


def _type(status: int) -> str:
    if status == 429:
        return "requests"
    return "server_error" if status >= 500 else "invalid_request_error"


def invalid_value(param: str, message: Phrase) -> RequestError:
    """Return the problem of a parameter that cannot be used."""
    return RequestError(400, "invalid_value", message, param=param)


_IMAGE_CODES = {
    ImageRefusal.EMPTY: "empty_image_file",
    ImageRefusal.NOT_AN_IMAGE: "invalid_image_format",
    ImageRefusal.UNSUPPORTED_TYPE: "invalid_image_format",
    ImageRefusal.TOO_LARGE_BYTES: "image_too_large",
    ImageRefusal.TOO_MANY_PIXELS: "image_too_large",
    ImageRefusal.TOO_SMALL: "image_too_small",
    ImageRefusal.DAMAGED: "image_parse_error",
}


def image_problem(error: ImageError) -> RequestError:
    """Return the problem of a picture that the decoder refused."""
    code = _IMAGE_CODES.get(error.reason, "invalid_image")
    return RequestError(400, code, error.detail, param="messages")
