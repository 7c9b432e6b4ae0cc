"""What Tessera itself does about a failed attempt, and how it tells. Pure.

A timeout gets one more try with more time, a limit is waited out, a picture that is too large is
made smaller, and a question that was refused is offered in more objective words. All but the last
happen by themselves, and each leaves a note on the result.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.errors import (
    ContentPolicyError,
    ImageTooLargeForServerError,
    PayloadTooLargeError,
    RateLimitError,
    RefusedError,
    VisionError,
)
from core.phrases import N_, Phrase

LONGER: Final = 2.0
"""How much longer a call may take after one that timed out, as the guide has it."""
_SMALLER: Final = 2
"""The sides of a picture that is too large are divided by this: about a quarter of the bytes."""
_LEAST_SIDE_PX: Final = 64
_NOTICED_S: Final = 0.1
_TOO_LARGE: Final = (PayloadTooLargeError, ImageTooLargeForServerError)
_REFUSED: Final = frozenset({ContentPolicyError.code, RefusedError.code})

_SMALLER_SENT: Final = N_(
    "The server did not take so large a picture: it was sent again at {size} pixels."
)
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
_OBJECTIVE_EN: Final = (
    "Describe factually and neutrally what can be seen in the picture. Do not identify people, do "
    "not judge their looks, and leave out private details. Within these limits:"
)
_OBJECTIVE_ZH: Final = (
    "请客观、中立地描述图中可见的内容：不辨认人物身份，不评价外貌，不涉及隐私。在此范围内："
)


@dataclass(frozen=True, slots=True)
class Mend:
    """One attempt that failed with `code`, and what was done: a wait, more time, fewer pixels."""

    code: str
    wait_s: float = 0.0
    timeout_s: float | None = None
    size_px: tuple[int, int] | None = None


def smaller_size(error: VisionError, size_px: tuple[int, int]) -> tuple[int, int] | None:
    """Return the (width, height) to send instead, or None where making it smaller is no cure."""
    if not isinstance(error, _TOO_LARGE):
        return None
    width_px, height_px = (side // _SMALLER for side in size_px)
    return (width_px, height_px) if min(width_px, height_px) >= _LEAST_SIDE_PX else None


def mend_notes(mends: Sequence[Mend]) -> tuple[Phrase, ...]:
    """Return what was done about failed attempts, a sentence for each kind."""
    changed = [_note(mend) for mend in mends if mend.timeout_s or mend.size_px]
    notes = [note for at, note in enumerate(changed) if note not in changed[:at]]
    limits = [mend.wait_s for mend in mends if mend.code == RateLimitError.code]
    others = [mend for mend in mends if not mend.timeout_s and not mend.size_px]
    codes = sorted({mend.code for mend in others} - {RateLimitError.code})
    if limits:
        notes.append(
            Phrase(
                "The limit was reached {count}×: waited {seconds} s in all.",
                {"count": len(limits), "seconds": f"{sum(limits):.1f}"},
            )
        )
    for code in codes:
        count = sum(mend.code == code for mend in others)
        notes.append(Phrase("Asked again {count}× after {code}.", {"code": code, "count": count}))
    return tuple(notes)


def wait_notes(held_s: float) -> tuple[Phrase, ...]:
    """Say how long a request waited for a limit that another had met, if anybody could notice."""
    if held_s < _NOTICED_S:
        return ()
    seconds = f"{held_s:.1f}"
    said = Phrase("Waited {seconds} s for a limit that another request met.", {"seconds": seconds})
    return (said,)


def _note(mend: Mend) -> Phrase:
    if mend.size_px:
        size = f"{mend.size_px[0]}×{mend.size_px[1]}"
        return Phrase(_SMALLER_SENT, {"size": size})
    return Phrase(
        "No answer came in time: asked again, with up to {seconds} s to answer.",
        {"seconds": f"{mend.timeout_s or 0:.0f}"},
    )


def is_sent_smaller(notes: Sequence[Phrase]) -> bool:
    """Say from a result's notes whether the picture went out smaller than it was prepared."""
    return any(note.template == _SMALLER_SENT for note in notes)


def objective_prompt(prompt: str, code: str) -> str | None:
    """Return a refused question in more objective words; None where that is not worth a try.

    It is only ever offered: what is asked is the person's decision.

    Args:
        prompt: The question as it was asked.
        code: Why there was no answer.
    """
    opening = _OBJECTIVE_ZH if _CHINESE.search(prompt) else _OBJECTIVE_EN
    if code not in _REFUSED or prompt.startswith(opening):
        return None
    return f"{opening}\n\n{prompt}"
