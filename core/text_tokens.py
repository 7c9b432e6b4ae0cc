"""Tokens of text, counted here with the vendor's vocabulary, without a network.

Import this only where text is counted: the tokenizer takes a moment and some memory to load.
"""

import binascii
import hashlib
import json
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import tiktoken

from core.errors import ConfigurationError
from core.phrases import Phrase
from core.types import AnswerSchema

VOCABULARY_FILE = Path(__file__).resolve().parent.parent / "assets" / "o200k_base.tiktoken"
VOCABULARY_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"

SYSTEM_MESSAGE_TOKENS = 4
"""Each further message costs its role and separators besides its text.

Source: the counting recipe for chat models in the vendor's cookbook (3 a message, 1 for the role).
"""

_PUBLISHED_PREFIXES = ("gpt-4o", "gpt-4.1", "gpt-4.5", "chatgpt-4o", "gpt-5", "o1", "o3", "o4-mini")
"""Models whose encoding the vendor's tokenizer (0.14) declares to be o200k_base."""

_PIECE_CHARS = 20_000
"""Long texts are counted in pieces: one endless word would take quadratic time."""

_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_PATTERN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CONTRACTION}"
    rf"|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CONTRACTION}"
    r"|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*"
    r"|\s*[\r\n]+"
    r"|\s+(?!\S)"
    r"|\s+"
)
"""How o200k_base cuts text into words; part of the encoding's definition, like the vocabulary."""


class TextTokens(NamedTuple):
    """A number of tokens, and what makes it uncertain."""

    tokens: int
    note: Phrase | None


def text_tokens(text: str, model: str) -> TextTokens:
    """Count the tokens of `text`, with a note when the model's own encoding is not known.

    Raises:
        ConfigurationError: If the vocabulary file is missing or not the published one.
    """
    count = _count(text)
    if model.startswith(_PUBLISHED_PREFIXES):
        return TextTokens(count, None)
    note = Phrase(
        "The text encoding of {model} is not published; the tokens were counted as for gpt-4o.",
        {"model": model},
    )
    return TextTokens(count, note)


def request_text_tokens(
    prompt: str, system: str, schema: AnswerSchema | None, model: str
) -> TextTokens:
    """Count all text of a request: prompt, system text, and the schema as compact JSON.

    How a schema is written into the prompt is not published; its JSON is the nearest measure.
    The fixed cost of the message that carries the image is in the quote.
    """
    texts = [prompt, system]
    if schema is not None:
        texts.append(json.dumps(schema.schema, ensure_ascii=False, separators=(",", ":")))
    counts = [text_tokens(text, model) for text in texts]
    total = sum(each.tokens for each in counts) + (SYSTEM_MESSAGE_TOKENS if system else 0)
    return TextTokens(total, counts[0].note)


@lru_cache(maxsize=64)
def _count(text: str) -> int:
    pieces = (text[start : start + _PIECE_CHARS] for start in range(0, len(text), _PIECE_CHARS))
    with _loading:  # many threads may count first, and the vocabulary takes 60 MB
        encoding = _encoding()
    return sum(len(encoding.encode_ordinary(piece)) for piece in pieces)


_loading = Lock()


@lru_cache(maxsize=1)
def _encoding() -> tiktoken.Encoding:
    return tiktoken.Encoding(
        "o200k_base",
        pat_str=_PATTERN,
        mergeable_ranks=_read_vocabulary(VOCABULARY_FILE),
        special_tokens={},
    )


def _read_vocabulary(file: Path) -> dict[bytes, int]:
    """Read `base64 rank` lines, after making sure that the file is the published one."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise _not_usable(file) from error
    if hashlib.sha256(content).hexdigest() != VOCABULARY_SHA256:
        raise _not_usable(file)
    pairs = (line.split() for line in content.splitlines())
    return {binascii.a2b_base64(token): int(rank) for token, rank in pairs}


def _not_usable(file: Path) -> ConfigurationError:
    return ConfigurationError(
        Phrase(
            "The vocabulary {file} is missing or damaged; install Tessera again.",
            {"file": file.name},
        )
    )
