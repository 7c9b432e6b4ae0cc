"""Labels made of names that strangers chose. A label is shown, never opened."""

import re
import unicodedata

MAX_LABEL_CHARS = 120
_SCHEME = re.compile("https?://", re.IGNORECASE)


def label(name: str) -> str:
    """Return `name` as a label: NFC, one line, no control or direction characters, 120 characters.

    Parts that only lead elsewhere (`..`, drive letters) are dropped; of a long name the end stays.
    An address keeps its scheme.
    """
    visible = "".join(
        char
        for char in unicodedata.normalize("NFC", name)
        if unicodedata.category(char)[0] != "C" and unicodedata.category(char) not in ("Zl", "Zp")
    )
    scheme = match[0] if (match := _SCHEME.match(visible)) else ""
    parts = [part.strip() for part in re.split(r"[/\\]", visible.removeprefix(scheme))]
    kept = scheme + "/".join(
        part for part in parts if part.strip(".") and not re.fullmatch("[A-Za-z]:", part)
    )
    if len(kept) > MAX_LABEL_CHARS:
        kept = "…" + kept[1 - MAX_LABEL_CHARS :]
    return kept or "file"
