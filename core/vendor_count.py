"""The vendor's own count of input tokens, free of charge where an endpoint offers it. Pure.

Only the Responses API counts; its bills can differ from those of Chat Completions by a few tokens.
Source: https://developers.openai.com/api/docs/guides/token-counting, read 2026-11-23.
"""

import io
from base64 import b64encode
from typing import Any, Protocol, runtime_checkable

from core.engines.base import EngineCall
from core.tokens import Size
from core.types import Detail, PreparedImage, Sampling

_TIMEOUT_S = 30.0
_FILLER = " word"
"""One token in o200k_base, so that a text of n of them has n tokens."""


@runtime_checkable
class InputCounter(Protocol):
    """An engine whose endpoint counts input tokens without answering."""

    async def count_input_tokens(self, call: EngineCall) -> int:
        """Return the input tokens that the vendor would bill for this call.

        Raises:
            EngineError: Whatever went wrong, translated.
        """
        ...


def trial_call(model: str, detail: Detail, size: Size, prompt_tokens: int) -> EngineCall:
    """Return a call with a plain grey picture of this size and a text of so many tokens."""
    return EngineCall(
        model=model,
        system="",
        prompt=(_FILLER * prompt_tokens).strip(),
        image=_grey(size),
        detail=detail,
        sampling=Sampling(max_output_tokens=16),
        schema=None,
        timeout_s=_TIMEOUT_S,
    )


def count_parameters(call: EngineCall) -> dict[str, Any]:
    """Return the parameters of `responses.input_tokens.count` for a call with a picture."""
    assert call.image is not None  # noqa: S101 - for the types
    data = b64encode(call.image.data).decode("ascii")
    content = [
        {"type": "input_text", "text": call.prompt},
        {
            "type": "input_image",
            "image_url": f"data:{call.image.media_type};base64,{data}",
            "detail": call.detail.value,
        },
    ]
    parameters: dict[str, Any] = {
        "model": call.model,
        "input": [{"role": "user", "content": content}],
    }
    return {**parameters, "instructions": call.system} if call.system else parameters


def _grey(size: Size) -> PreparedImage:
    from PIL import Image

    file = io.BytesIO()
    Image.new("L", (size.width_px, size.height_px), 128).save(file, "PNG")
    return PreparedImage(
        data=file.getvalue(),
        media_type="image/png",
        width_px=size.width_px,
        height_px=size.height_px,
        original_format="PNG",
        original_width_px=size.width_px,
        original_height_px=size.height_px,
    )
