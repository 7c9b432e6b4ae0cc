from decimal import Decimal

import pytest

from core.phrases import Phrase
from core.review import REPEATED, HeldCode, accept, answer_digest, hold, is_accepted, near_empty
from core.types import Cost, CostBasis, PreparedImage, Success

SENTENCES = "The lake lies between two wooded hills under a clear evening sky. " * 5


def answered(text="", data=None):
    cost = Cost(Decimal(0), CostBasis.MEASURED)
    return Success(text, data, "gpt-4o", "openai", "stop", None, cost, 1.0, 1, "key")


def picture(*, ink=0.05, side_px=1000, layer=None):
    return PreparedImage(
        b"", "image/png", side_px, side_px, "PNG", side_px, side_px, text_layer=layer, ink=ink
    )


def document(text):
    return answered(data={"full_text": text, "key_info": {"dates": []}, "tables": None})


@pytest.mark.parametrize(
    ("task", "answer", "image", "is_held"),
    [
        ("document", document(""), picture(), True),
        ("document", document("Page 1"), picture(), True),
        ("document", document("x" * 19), picture(), True),
        ("document", document("x" * 20), picture(), False),
        ("document", document(""), picture(ink=0.0), False),
        ("document", document(""), picture(ink=0.0099), False),
        ("document", document(""), picture(ink=0.01), True),
        ("document", document(""), picture(side_px=255), False),
        ("document", document("x" * 30), picture(ink=0, layer="x" * 199), False),
        ("document", document("x" * 19), picture(ink=0, layer="x" * 200), True),
        ("document", document("x" * 30), picture(ink=0, layer="x" * 299), False),
        ("document", document("x" * 30), picture(ink=0, layer="x" * 301), True),
        ("document", document("三"), picture(), True),
        ("document", answered("No text."), picture(), True),
        ("receipt", answered(data={"vendor": None, "total": None, "notes": []}), picture(), True),
        ("receipt", answered(data={"total": 12.5, "notes": ["torn off below"]}), picture(), True),
        (
            "receipt",
            answered(data={"vendor": "KFC", "date": "2026-01-02", "total": 12.5, "tax": 1.25}),
            picture(),
            True,
        ),
        (
            "receipt",
            answered(data={"vendor": "Mart", "date": "2026-01-02", "items": [{"name": "Milk"}]}),
            picture(),
            True,
        ),
        (
            "receipt",
            answered(data={"vendor": "Corner Shop", "date": "2026-01-02", "total": 12.5}),
            picture(),
            False,
        ),
        ("custom", answered(data={"name": None, "tags": []}), picture(), True),
        ("custom", answered(data={"count": 0}), picture(), False),
        ("custom", answered("3"), picture(), False),
        ("describe", answered("A cat."), picture(), False),
    ],
)
def test_an_answer_that_says_nothing_about_a_full_page_is_in_doubt(task, answer, image, is_held):
    doubt = near_empty(task, answer, image)
    assert (doubt is not None) is is_held
    assert doubt is None or doubt.code is HeldCode.NEAR_EMPTY


def test_the_same_words_have_the_same_digest_however_they_are_written():
    assert answer_digest(answered(SENTENCES)) == answer_digest(answered(SENTENCES.upper() + "!"))
    as_data = answered(data={"caption": SENTENCES, "tags": []})
    assert answer_digest(as_data) == answer_digest(answered(SENTENCES))


def test_other_words_have_another_digest():
    assert answer_digest(answered(SENTENCES)) != answer_digest(answered(SENTENCES + "Rain."))


@pytest.mark.parametrize(
    ("text", "is_long"),
    [
        ("x" * 199, False),
        ("x" * 200, True),
        ("湖" * 66, False),
        ("湖" * 67, True),
        (". " * 500, False),
    ],
)
def test_short_answers_may_come_twice(text, is_long):
    assert (answer_digest(answered(text)) is not None) is is_long


def test_the_names_of_fields_do_not_make_an_answer_long():
    empty = {f"a_rather_long_name_of_field_{n}": None for n in range(50)}
    assert answer_digest(answered(data=empty)) is None


def test_a_held_answer_keeps_its_words_and_says_why():
    held = hold(answered("words"), REPEATED)
    assert (held.text, held.held) == ("words", "CNT008")
    assert held.notes == (Phrase("Another picture got the same answer, word for word."),)
    assert not is_accepted(held)


def test_an_accepted_answer_is_free_and_says_so():
    accepted = accept(hold(answered("words"), REPEATED))
    assert accepted.held is None
    assert is_accepted(accepted)
