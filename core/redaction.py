"""Keys and pieces of pictures are taken out of texts that are kept or shown."""

import re
from collections.abc import Iterable

_HIDDEN = "[hidden]"
_DATA = re.compile(r"[A-Za-z0-9+/_-]{100,}={0,2}")
"""Base64, longer than any checksum or name."""

_LOOKS_SECRET = re.compile(
    r"""\bsk-[\w*.-]{6,}              # keys of OpenAI and of many compatible servers
      | (?<=\bbearer\ )[^\s"',;]+     # an Authorization header that is echoed
      | (?<=key=)[^\s"'&,;]+          # a key in a query string
    """,
    re.IGNORECASE | re.VERBOSE,
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` without the given secrets and without anything that looks like a key."""
    for secret in secrets:
        text = text.replace(secret, _HIDDEN)
    return _LOOKS_SECRET.sub(_HIDDEN, text)


def redact_data(text: str) -> str:
    """Return `text` without what looks like a piece of a picture in base64."""
    return _DATA.sub(_HIDDEN, text)
