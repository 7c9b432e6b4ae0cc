"""What makes two requests the same: everything that can change the answer, and nothing else."""

import json
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any

KEY_VERSION = 1
"""Raise it whenever the preparation of pictures or the wording sent around them changes."""


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


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
    return _ENCODER.encode(value)


def request_key(parts: KeyParts) -> str:
    """Return the SHA-256, in hex, over every part with its name and length before it."""
    pieces = []
    for name, before in _NAMES.items():
        data = canonical_json(getattr(parts, name)).encode("utf-8", "surrogatepass")
        pieces += [before, len(data).to_bytes(8, "big"), data]
    return sha256(b"".join(pieces)).hexdigest()


_NAMES = {
    field.name: len(field.name).to_bytes(8, "big") + field.name.encode()
    for field in fields(KeyParts)
}
"""Each part with its name and that name's length as they go into the key."""
