"""What makes two requests the same: everything that can change the answer, and nothing else."""

import json
from collections.abc import Callable
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
    return sha256(b"".join(_piece(name, getattr(parts, name)) for name in _NAMES)).hexdigest()


def picture_keys(parts: KeyParts) -> Callable[[str, int | None], str]:
    """Return what gives the key of the same request about another original and page.

    What is common goes through JSON and hash once, so ten thousand keys take no while.
    """
    names = list(_NAMES)
    first = names.index("source_digest")
    common = sha256(b"".join(_piece(name, getattr(parts, name)) for name in names[:first]))
    rest = b"".join(_piece(name, getattr(parts, name)) for name in names[first + 2 :])

    def key(source_digest: str, page: int | None) -> str:
        own = common.copy()
        own.update(_piece("source_digest", source_digest) + _piece("page", page) + rest)
        return own.hexdigest()

    return key


def _piece(name: str, value: Any) -> bytes:
    data = canonical_json(value).encode("utf-8", "surrogatepass")
    return _NAMES[name] + len(data).to_bytes(8, "big") + data


_NAMES = {
    field.name: len(field.name).to_bytes(8, "big") + field.name.encode()
    for field in fields(KeyParts)
}
"""Each part with its name and that name's length as they go into the key."""
