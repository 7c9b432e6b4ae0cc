"""Tests of core/vendor_count.py: what is sent to be counted."""

import base64
import io

import pytest
from PIL import Image

from core.text_tokens import text_tokens
from core.tokens import Size
from core.types import Detail
from core.vendor_count import InputCounter, count_parameters, trial_call


@pytest.mark.parametrize("tokens", [0, 1, 200])
def test_the_trial_text_has_the_tokens_it_should(tokens):
    call = trial_call("gpt-4o", Detail.LOW, Size(10, 10), tokens)
    assert text_tokens(call.prompt, "gpt-4o").tokens == tokens


def test_the_parameters_hold_the_picture_and_the_detail():
    call = trial_call("gpt-4o", Detail.HIGH, Size(640, 480), 3)
    parameters = count_parameters(call)
    assert parameters["model"] == "gpt-4o"
    assert "instructions" not in parameters
    text, image = parameters["input"][0]["content"]
    assert text == {"type": "input_text", "text": "word word word"}
    assert image["detail"] == "high"
    head, data = image["image_url"].split(",")
    assert head == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        assert picture.size == (640, 480)


def test_an_engine_that_cannot_count_is_told_apart():
    class Counting:
        async def count_input_tokens(self, call):
            return 1

    assert isinstance(Counting(), InputCounter)
    assert not isinstance(object(), InputCounter)
