"""Keys are taken out of every text that is kept or shown."""

import re
from collections.abc import Iterable

_HIDDEN = "[hidden]"
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
