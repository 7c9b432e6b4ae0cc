"""What makes two requests the same: everything that can change the answer, and nothing else."""

import json
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any

KEY_VERSION = 1
"""Raise it whenever the preparation of pictures or the wording sent around them changes."""


@dataclass(frozen=True, slots=True)
class KeyParts:
    """The parts of a request key, as they are kept with the cached answer.

    `source_digest` is the SHA-256 of the original bytes in hex. `preparation`, `schema` and
    `sampling` are JSON texts from `canonical_json`.
    """

    tenant: str
    source_digest: str
    page: int | None
    preparation: str
    prompt: str
    system: str
    schema: str | None
    model: str
    endpoint: str
    sampling: str
    key_version: int = KEY_VERSION

    def differing(self, other: "KeyParts") -> tuple[str, ...]:
        """Return the names of the parts in which two requests differ."""
        names = (field.name for field in fields(self))
        return tuple(name for name in names if getattr(self, name) != getattr(other, name))


def canonical_json(value: Any) -> str:
    """Return the one JSON text of `value`: sorted keys, no spaces, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def request_key(parts: KeyParts) -> str:
    """Return the SHA-256, in hex, over every part with its name and length before it."""
    digest = sha256()
    for field in fields(parts):
        for text in (field.name, canonical_json(getattr(parts, field.name))):
            data = text.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "big"))
            digest.update(data)
    return digest.hexdigest()
