"""Paths into a structured answer, such as `items[0].amount`. Pure."""

import re
from typing import Any, Final

_PATH: Final = re.compile(r"(?:\$\.?)?([^.\[\]$]+|\[\d+\])(\.[^.\[\]]+|\[\d+\])*")
_STEP: Final = re.compile(r"\[(\d+)\]|([^.\[\]$]+)")

MISSING: Final = object()
"""What is found where nothing is."""


def is_path(text: str) -> bool:
    """Say whether `text` is a path."""
    return _PATH.fullmatch(text) is not None


def value_at(data: Any, path: str) -> Any:
    """Return the value that a path leads to, or MISSING."""
    for index, name in _STEP.findall(path):
        if index and isinstance(data, list) and int(index) < len(data):
            data = data[int(index)]
        elif name and isinstance(data, dict) and name in data:
            data = data[name]
        else:
            return MISSING
    return data
