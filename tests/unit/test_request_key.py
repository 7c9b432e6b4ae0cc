from dataclasses import fields, replace

from hypothesis import given
from hypothesis import strategies as st

from core.request_key import KeyParts, canonical_json, picture_keys, request_key

PARTS = KeyParts(
    tenant="local",
    source_digest="00",
    page=None,
    preparation="[]",
    prompt="prompt",
    system="system",
    schema=None,
    model="gpt-4o",
    endpoint="https://api.openai.com/v1",
    sampling="{}",
)


def test_every_part_changes_the_key():
    keys = {request_key(PARTS)}
    for field in fields(KeyParts):
        value = getattr(PARTS, field.name)
        changed = 7 if value is None or isinstance(value, int) else value + "x"
        keys.add(request_key(replace(PARTS, **{field.name: changed})))
    assert len(keys) == len(fields(KeyParts)) + 1


@given(
    st.lists(st.text(max_size=6), min_size=6, max_size=6),
    st.lists(st.text(max_size=6), min_size=6, max_size=6),
)
def test_no_two_requests_share_a_key(first, second):
    names = ("tenant", "prompt", "system", "model", "endpoint", "schema")
    a = replace(PARTS, **dict(zip(names, first, strict=True)))
    b = replace(PARTS, **dict(zip(names, second, strict=True)))
    assert (request_key(a) == request_key(b)) == (a == b)


@given(st.text(max_size=6), st.none() | st.integers(0, 9))
def test_keys_of_many_pictures_are_those_of_each(digest, page):
    one = replace(PARTS, source_digest=digest, page=page)
    assert picture_keys(PARTS)(digest, page) == request_key(one)


def test_page_zero_is_not_no_page_and_null_is_not_the_word():
    assert request_key(replace(PARTS, page=0)) != request_key(PARTS)
    assert request_key(replace(PARTS, schema="null")) != request_key(PARTS)


def test_the_order_of_names_does_not_matter_but_that_of_lists_does():
    assert canonical_json({"b": 1, "a": 2}) == canonical_json({"a": 2, "b": 1})
    assert canonical_json([1, 2]) != canonical_json([2, 1])


def test_the_differing_parts_are_named():
    assert PARTS.differing(PARTS) == ()
    assert PARTS.differing(replace(PARTS, prompt="x", page=1)) == ("page", "prompt")
