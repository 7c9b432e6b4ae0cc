"""Requests and what is wrong with them."""

import base64
import json

import pytest

from core.engines.wire import TEXT_LAYER_LINE
from core.local.problems import RequestError
from core.local.request import Picture, parse_request

DATA = "data:image/png;base64," + base64.b64encode(b"png").decode()


def image(url=DATA):
    return {"type": "image_url", "image_url": {"url": url}}


def text(words):
    return {"type": "text", "text": words}


def user(*parts):
    return {"role": "user", "content": list(parts)}


def body(*messages, **parameters):
    request = {"model": "local-vision-1", "messages": list(messages), **parameters}
    return json.dumps(request).encode()


def test_a_request_with_a_picture_is_read():
    request = parse_request(
        body(
            {"role": "system", "content": "ignored"},
            user(text("What is it?"), image()),
            stream=True,
            stream_options={"include_usage": True},
            max_completion_tokens=7,
            temperature=0.1,
        )
    )

    assert (request.prompt, request.pictures) == ("What is it?", (Picture(b"png"),))
    assert (request.stream, request.include_usage, request.max_tokens) == (True, True, 7)


def test_the_text_layer_belongs_to_the_picture_behind_it():
    request = parse_request(body(user(text("Read"), text(f"{TEXT_LAYER_LINE}\nHello"), image())))

    assert (request.prompt, request.pictures) == ("Read", (Picture(b"png", "Hello"),))


def test_the_last_words_of_the_user_are_the_prompt():
    request = parse_request(
        body(user(text("one"), image()), {"role": "assistant", "content": "x"}, user(text("two")))
    )

    assert (request.prompt, len(request.pictures)) == ("two", 1)


@pytest.mark.parametrize(
    ("request_body", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b"[]", 400, "invalid_json"),
        (b"[" * 100_000, 400, "invalid_json"),
        (body(model="gpt-4o"), 404, "model_not_found"),
        (body(model=None), 400, "invalid_value"),
        (body(), 400, "invalid_value"),
        (body("hello"), 400, "invalid_value"),
        (body({"role": "user", "content": 5}), 400, "invalid_value"),
        (body(user({"type": "input_audio"})), 400, "invalid_value"),
        (body(user({"type": "image_url", "image_url": DATA})), 400, "invalid_value"),
        (body(user(image("https://example.com/a.png"))), 400, "invalid_image_url"),
        (body(user(image("file:///etc/passwd"))), 400, "invalid_image_url"),
        (body(user(image("data:image/png;base64,%%%"))), 400, "invalid_base64_image"),
        (body(user(*[image()] * 11)), 400, "invalid_value"),
        (body(user(text(TEXT_LAYER_LINE + "x" * 100_001), image())), 400, "invalid_value"),
        (body(user(image()), n=2), 400, "invalid_value"),
        (body(user(image()), tools=[{}]), 400, "unsupported_parameter"),
        (body(user(image()), max_tokens=0), 400, "invalid_value"),
        (body(user(image()), response_format={"type": "xml"}), 400, "invalid_value"),
    ],
)
def test_a_bad_request_gets_the_error_of_the_api(request_body, status, code):
    with pytest.raises(RequestError) as caught:
        parse_request(request_body)

    assert (caught.value.status, caught.value.code) == (status, code)
    assert caught.value.body["error"]["message"]


@pytest.mark.parametrize(
    ("form", "wants_json", "schema"),
    [
        (None, False, None),
        ({"type": "text"}, False, None),
        ({"type": "json_object"}, True, None),
        ({"type": "json_schema", "json_schema": {"schema": {"a": 1}}}, False, {"a": 1}),
    ],
)
def test_the_form_of_the_answer_is_read(form, wants_json, schema):
    request = parse_request(body(user(image()), response_format=form))

    assert (request.wants_json, request.schema) == (wants_json, schema)
