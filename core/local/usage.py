"""Token counts of an engine that has no tokens: an estimate, and marked as one."""

import re
from typing import Any, Final

_WIDE: Final = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
_LETTERS_PER_TOKEN: Final = 4


def estimate_tokens(text: str) -> int:
    """Count one token for each Chinese character and one for every four others."""
    wide = len(_WIDE.findall(text))
    return wide + -(-(len(text) - wide) // _LETTERS_PER_TOKEN)


def usage_json(prompt: str, answer: str) -> dict[str, Any]:
    """Return the usage object; pictures count nothing, as nothing is billed for them."""
    asked, said = estimate_tokens(prompt), estimate_tokens(answer)
    return {
        "prompt_tokens": asked,
        "completion_tokens": said,
        "total_tokens": asked + said,
        "estimated": True,
    }


class TokenBudget:
    """Lets text pass until the limit of tokens is reached, then cuts it."""

    def __init__(self, max_tokens: int | None) -> None:
        self._max_tokens = max_tokens
        self.text = ""
        self.is_cut = False

    def admit(self, piece: str) -> str:
        """Return as much of the next piece as may still be said."""
        if self.is_cut:
            return ""
        if self._max_tokens is not None:
            fitting = _fitting(self.text, piece, self._max_tokens)
            self.is_cut = len(fitting) < len(piece)
            piece = fitting
        self.text += piece
        return piece


def _fitting(before: str, piece: str, max_tokens: int) -> str:
    """Return the longest beginning of `piece` that keeps the whole within the limit."""
    low, high = 0, len(piece)
    while low < high:
        middle = (low + high + 1) // 2
        if estimate_tokens(before + piece[:middle]) <= max_tokens:
            low = middle
        else:
            high = middle - 1
    return piece[:low]
