"""Chat Completions as it goes over the wire: a call into parameters, an answer out of JSON.

Source: https://developers.openai.com/api/reference/resources/chat, read 2026-11-23.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.engines.base import EngineAnswer, EngineCall
from core.engines.errors import Clean, from_error_object
from core.errors import MalformedAnswerError
from core.phrases import Phrase
from core.redaction import redact_data
from core.types import TokenUsage

TEXT_LAYER_LINE = "Text layer of this PDF page:"
"""The first line of the extra text part that carries a PDF page's own text."""

_LONGEST_NAME = 200


def request_parameters(call: EngineCall) -> dict[str, Any]:
    """Return the parameters of one request.

    Fixed words come first and the picture last: providers discount repeated beginnings.
    `store=False` because the picture is the user's; `detail` is always said, because the default
    of newer models bills several times more.
    """
    parameters: dict[str, Any] = {
        "model": call.model,
        "messages": [
            {"role": "system", "content": call.system},
            {"role": "user", "content": _content(call)},
        ],
        "max_completion_tokens": call.sampling.max_output_tokens,
        "temperature": call.sampling.temperature,
        "top_p": call.sampling.top_p,
        "reasoning_effort": call.sampling.reasoning_effort,
        "response_format": _response_format(call),
        "store": False,
    }
    return {name: value for name, value in parameters.items() if value is not None}


def _content(call: EngineCall) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"type": "text", "text": call.prompt}]
    if call.image is None:
        return parts
    if call.image.text_layer:
        parts.append({"type": "text", "text": f"{TEXT_LAYER_LINE}\n{call.image.text_layer}"})
    data = b64encode(call.image.data).decode("ascii")
    url = f"data:{call.image.media_type};base64,{data}"
    parts.append({"type": "image_url", "image_url": {"url": url, "detail": call.detail.value}})
    return parts


def _response_format(call: EngineCall) -> dict[str, Any] | None:
    if call.schema is None:
        return None
    schema = {"name": call.schema.name, "strict": True, "schema": call.schema.schema}
    return {"type": "json_schema", "json_schema": schema}


def read_completion(body: bytes, clean: Clean) -> EngineAnswer:
    """Return the answer in the body of a 200.

    Raises:
        EngineError: If there is no answer in it: empty, HTML, `{}`, an error, another shape.
        ValueError: If it is not JSON in UTF-8.
    """
    if not body.strip():
        raise MalformedAnswerError(Phrase("The server sent an empty answer."), maybe_billed=True)
    return read_document(json.loads(body), clean)


def read_document(raw: Any, clean: Clean) -> EngineAnswer:
    """Return the answer in a chat completion that is parsed already.

    Raises:
        EngineError: If it is another document.
    """
    document = _object(raw)
    _raise_error_inside(document, clean)
    choice = _object(_first_choice(document))
    message = _object(choice.get("message"))
    return EngineAnswer(
        text=_text(message.get("content")),
        finish_reason=_name(choice.get("finish_reason"), clean),
        refusal=_word(message.get("refusal")),
        model=_name(document.get("model"), clean) or "",
        usage=read_usage(document.get("usage")),
        service_tier=_name(document.get("service_tier"), clean),
    )


@dataclass(slots=True)
class StreamReader:
    """Puts a streamed answer together, chunk by chunk."""

    clean: Clean
    pieces: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    finish_reason: str | None = None
    model: str = ""
    usage: TokenUsage | None = None
    service_tier: str | None = None
    _chunks: int = 0

    def feed(self, chunk: Any) -> str:
        """Take one chunk and return the text that it adds.

        Raises:
            EngineError: If the chunk is no chunk, or reports an error.
        """
        document = _object(chunk)
        _raise_error_inside(document, self.clean)
        self._chunks += 1
        self.model = _name(document.get("model"), self.clean) or self.model
        self.usage = read_usage(document.get("usage")) or self.usage
        tier = _name(document.get("service_tier"), self.clean)
        self.service_tier = tier or self.service_tier
        return self._feed_choice(_first_choice(document)) if document.get("choices") else ""

    def _feed_choice(self, raw: Any) -> str:
        choice = _object(raw)
        delta = _object(choice.get("delta") or {})
        finish_reason = _name(choice.get("finish_reason"), self.clean)
        self.finish_reason = finish_reason or self.finish_reason
        if refusal := _text(delta.get("refusal")):
            self.refusals.append(refusal)
        text = _text(delta.get("content"))
        if text:
            self.pieces.append(text)
        return text

    def answer(self) -> EngineAnswer:
        """Return the whole answer.

        Raises:
            MalformedAnswerError: If nothing that looks like a stream came.
        """
        if not self._chunks:
            raise MalformedAnswerError(
                Phrase("The server did not send a stream of answer pieces."), maybe_billed=True
            )
        return EngineAnswer(
            text="".join(self.pieces),
            finish_reason=self.finish_reason,
            refusal="".join(self.refusals) or None,
            model=self.model,
            usage=self.usage,
            service_tier=self.service_tier,
        )


def read_model_names(body: bytes) -> tuple[str, ...]:
    """Return the names in a list of models.

    Raises:
        MalformedAnswerError: If it is another document.
        ValueError: If it is not JSON in UTF-8.
    """
    document = json.loads(body)
    models = document.get("data") if isinstance(document, Mapping) else None
    if not isinstance(models, list):
        raise MalformedAnswerError(Phrase("The server answered, but not with a list of models."))
    names = (_word(model.get("id")) for model in models if isinstance(model, Mapping))
    return tuple(name for name in names if name)


def read_usage(raw: Any) -> TokenUsage | None:
    """Return the usage the server counted, or None when it is missing or contradicts itself."""
    if not isinstance(raw, Mapping):
        return None
    read, wrote = raw.get("prompt_tokens_details"), raw.get("completion_tokens_details")
    counts = [
        _count(raw, "prompt_tokens"),
        _count(raw, "completion_tokens"),
        _count(read, "cached_tokens", missing=0),
        _count(read, "cache_write_tokens", missing=0),
        _count(wrote, "reasoning_tokens", missing=0),
    ]
    if any(count is None for count in counts):
        return None
    usage = TokenUsage(*(count for count in counts if count is not None))
    return usage if _is_possible(usage) else None


def _is_possible(usage: TokenUsage) -> bool:
    cached_tokens = usage.cache_read_tokens + usage.cache_write_tokens
    return cached_tokens <= usage.input_tokens and usage.reasoning_tokens <= usage.output_tokens


def _count(raw: Any, name: str, missing: int | None = None) -> int | None:
    value = raw.get(name) if isinstance(raw, Mapping) else None
    if value is None:
        return missing
    return value if type(value) is int and value >= 0 else None  # True is an int, not a count


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _not_an_answer()
    return value


def _first_choice(document: Mapping[str, Any]) -> Any:
    choices = document.get("choices")
    if not isinstance(choices, list) or not choices:
        raise _not_an_answer()
    return choices[0]


def _raise_error_inside(document: Mapping[str, Any], clean: Clean) -> None:
    error = document.get("error")
    if isinstance(error, Mapping):
        raise from_error_object(error, clean)
    if error:
        raise _not_an_answer()


def _not_an_answer() -> MalformedAnswerError:
    return MalformedAnswerError(
        Phrase("The server answered, but not with a chat completion."), maybe_billed=True
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _not_an_answer()
    return value.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be stored


def _name(value: Any, clean: Clean) -> str | None:
    """Return a short word of the server's, which is shown and kept: without what it may repeat."""
    word = _word(value)
    return word and redact_data(clean(_text(word)))[:_LONGEST_NAME]


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
