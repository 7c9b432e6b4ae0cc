"""The vocabulary of Tessera: what goes in, what comes out. Imports nothing of ours but phrases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any

from core.phrases import Phrase

JsonObject = Mapping[str, Any]


class Detail(StrEnum):
    """How closely the model looks at a picture; which are allowed depends on the model."""

    AUTO = "auto"
    LOW = "low"
    HIGH = "high"
    ORIGINAL = "original"


class CostBasis(StrEnum):
    """Where a cost comes from."""

    MEASURED = "measured"  # from the usage that the server billed
    ESTIMATED = "estimated"  # the call's quote, because the server did not say
    UNKNOWN = "unknown"  # no price or no usage is known
    CACHED = "cached"  # answered from the cache: nothing was paid


@dataclass(frozen=True, slots=True)
class ImageSource:
    """The original bytes of one picture and the label to show for it.

    `page` counts from 0 and is set for a page of a PDF. `name` is a label, never a path to open.
    `known_digest` stands in for bytes that are not at hand, to look up or quote without them.
    """

    name: str
    data: bytes = field(repr=False)
    page: int | None = None
    known_digest: str | None = None

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the original bytes, in hex."""
        return self.known_digest or sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """A picture as it is sent: a fresh JPEG or PNG without metadata, RGB or grey, upright.

    `text_layer` is the text of a PDF page, or None where there is none. `ink` is the share of
    pixels, 0 to 1, that differ strongly from the one beside them: a page full of text has many.
    """

    data: bytes = field(repr=False)
    media_type: str
    width_px: int
    height_px: int
    original_format: str
    original_width_px: int
    original_height_px: int
    notes: tuple[Phrase, ...] = ()
    text_layer: str | None = field(default=None, repr=False)
    ink: float = 0.0


@dataclass(frozen=True, slots=True)
class AnswerSchema:
    """A JSON Schema that the answer must satisfy, with the name the API wants for it."""

    name: str
    schema: JsonObject


@dataclass(frozen=True, slots=True)
class Sampling:
    """Parameters of one request; None leaves the server's default."""

    max_output_tokens: int
    temperature: float | None = None
    top_p: float | None = None
    reasoning_effort: str | None = None


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """One question about one picture.

    `tenant` keeps answers of different owners apart in the cache.
    `task` names the preset it came from, for the ledger. `max_size` is a (width, height) in pixels
    that the person chose for the picture to fit into, to pay less.
    """

    source: ImageSource
    task: str
    prompt: str
    system: str
    model: str
    detail: Detail
    sampling: Sampling
    schema: AnswerSchema | None = None
    max_size: tuple[int, int] | None = None
    use_cache: bool = True
    tenant: str = "local"


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens as the server counted them. Input includes cached reads; output includes reasoning."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """Money in USD; `usd` is None when it is not known."""

    usd: Decimal | None
    basis: CostBasis


@dataclass(frozen=True, slots=True)
class Success:
    """A complete, valid answer. `data` is the parsed JSON when a schema was asked for.

    `latency_s` is the time of the answering call (0 from the cache); `first_token_s` is None
    unless it was streamed. `saved_usd` is what a cached answer would have cost again. `held` is
    the code of the reason why a person should look at it before anybody uses it.
    """

    text: str
    data: Any
    model: str
    engine: str
    finish_reason: str
    usage: TokenUsage | None
    cost: Cost
    latency_s: float
    attempts: int
    request_key: str
    cached: bool = False
    first_token_s: float | None = None
    saved_usd: Decimal | None = None
    notes: tuple[Phrase, ...] = ()
    held: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """No usable answer; `code` names the diagnosis, `detail` what was special here.

    A failed call can still cost: `usage` and `cost` say what the server billed.
    `partial_text` is what had arrived, to look at, never to use as the answer.
    """

    code: str
    detail: Phrase
    retryable: bool
    cost: Cost
    attempts: int
    latency_s: float
    model: str | None = None
    engine: str | None = None
    usage: TokenUsage | None = None
    partial_text: str = ""
    notes: tuple[Phrase, ...] = ()


Outcome = Success | Failure
