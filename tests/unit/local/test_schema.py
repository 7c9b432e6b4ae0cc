"""Answers in the form of a JSON Schema."""

import json
from datetime import date

import pytest

from core.local.facts import page_facts
from core.local.lines import Reading
from core.local.looks import Colour
from core.local.problems import RequestError
from core.local.schema import answer_schema, check_schema
from core.local.values import Values
from core.tasks import TASKS
from tests.unit.local.texts import CHINESE_INVOICE, RECEIPT, looks, rows


def page(text, **changes):
    pieces = tuple(piece for row in rows(text) for piece in row.pieces) if text else ()
    return page_facts(Reading(pieces), looks(**changes))


def receipt_page(text=RECEIPT):
    """Keep the rows as they are drawn: without places every piece would be a row of its own."""
    joined = "\n".join(row.text for row in rows(text))
    return page(joined)


def same(sentence):
    return sentence


def answer(schema, facts, say=same):
    return answer_schema(check_schema(schema), schema, facts, say)


def an_object(**properties):
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def filled(schema, facts):
    return json.loads(answer(schema, facts).text)


def test_the_receipt_task_is_filled():
    data = filled(TASKS["receipt"].schema.schema, receipt_page())

    assert data["vendor"] == "CORNER BAKERY SDN BHD"
    assert date.fromisoformat(data["date"]) == date(2018, 3, 21)
    assert (data["currency"], data["total"], data["tax"]) == ("MYR", 21.4, 1.21)
    assert data["items"] == [
        {"name": "Sourdough loaf", "quantity": 2, "amount": 13},
        {"name": "Butter croissant", "quantity": 3, "amount": 7.2},
    ]
    assert any("21.41" in note for note in data["notes"])


def test_the_document_task_keeps_facts_as_they_are_written():
    data = filled(TASKS["document"].schema.schema, receipt_page(CHINESE_INVOICE))

    assert data["document_type"] == "invoice"
    assert data["full_text"].startswith("增值税电子普通发票\n")
    assert data["key_info"] == {
        "dates": ["2024年05月06日"],
        "amounts": ["25.50", "255.00", "180.00", "360.00", "¥615.00"],
        "names": ["王芳", "李强"],
        "organizations": ["青山软件有限公司", "白河贸易有限公司"],
    }
    assert data["structure"] == {"title": "增值税电子普通发票", "sections": [], "tables": None}


@pytest.mark.parametrize("name", ["product", "social", "medical", "diagram"])
def test_what_cannot_be_seen_is_null_or_empty(name):
    data = filled(TASKS[name].schema.schema, receipt_page())

    known = {"visible_text", "colors", "title", "notes", "image_quality", "limitations"}
    assert not any(value for key, value in data.items() if key not in known)


def test_a_medical_image_gives_no_text_because_a_name_may_be_in_it():
    assert filled(TASKS["medical"].schema.schema, receipt_page())["visible_text"] == []


def test_a_picture_of_which_nothing_is_known_is_refused():
    result = answer(TASKS["product"].schema.schema, page(""))

    assert result.text is None
    assert result.refusal


@pytest.mark.parametrize(
    ("properties", "keys"),
    [
        ({"total": {"type": "number"}}, "total"),
        ({"shop": an_object(date={"type": "string"})}, "shop.date"),
        ({"mood": {"type": "string"}, "title": {"type": "string"}}, "mood, title"),
        ({"dates": {"type": "array", "items": {"type": "string"}, "minItems": 1}}, "dates"),
        ({"document_type": {"type": "string", "enum": ["memo", "poem"]}}, "document_type"),
    ],
)
def test_what_may_not_be_null_is_refused_by_name(properties, keys):
    result = answer(an_object(**properties), page("hello there"))

    assert result.text is None
    assert result.refusal.values["keys"] == keys


@pytest.mark.parametrize(
    ("name", "schema", "expected"),
    [
        ("invoiceNumber", {"type": "string"}, "CB-000417"),
        ("合计", {"type": "number"}, 21.4),
        ("due", {"type": "number", "description": "The total amount in the bill"}, 21.4),
        ("when", {"type": "string", "description": "Date of the sale"}, "2018-03-21"),
        ("total", {"type": "string"}, "21.40"),
        ("total", {"anyOf": [{"type": "number"}, {"type": "null"}]}, 21.4),
        ("currency", {"type": "string", "enum": ["USD", "MYR"]}, "MYR"),
        ("document_type", {"type": ["string", "null"], "enum": ["memo", None]}, None),
        ("amounts", {"type": "array", "items": {"type": "number"}, "maxItems": 2}, [6.5, 13]),
        ("width", {"type": "integer"}, 600),
        ("blurred", {"type": "boolean"}, False),
        ("version", {"const": 2}, 2),
        ("text", {"type": ["string", "null"], "description": "Text, leave out names"}, None),
    ],
)
def test_properties_are_understood_by_name_or_description(name, schema, expected):
    extra = {"vendor": {"type": "string"}}

    assert filled(an_object(**extra, **{name: schema}), receipt_page())[name] == expected


def test_an_optional_property_is_left_out_rather_than_null():
    schema = {
        "type": "object",
        "properties": {"total": {"type": "number"}, "mood": {"type": "string"}},
    }

    assert filled(schema, receipt_page()) == {"total": 21.4}


def test_an_article_is_never_dropped():
    article = an_object(name={"type": "string"}, quantity={"type": "integer"})
    schema = an_object(items={"type": "array", "items": article})
    text = "Item | Amount\nTea | 2.00\nTotal | 2.00"

    assert answer(schema, receipt_page(text)).refusal.values["keys"] == "items"


def test_an_answer_that_breaks_a_further_rule_is_refused():
    schema = an_object(total={"type": "number", "maximum": 5})

    assert answer(schema, receipt_page()).refusal.values["keys"] == "total"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "object"},
        an_object(a={"type": "string", "pattern": "(a+)+$"}),
        an_object(a={"$ref": "https://example.com/schema"}),
    ],
)
def test_a_schema_outside_of_strict_mode_is_a_bad_request(schema):
    with pytest.raises(RequestError) as caught:
        check_schema(schema)

    assert (caught.value.status, caught.value.param) == (400, "response_format")


def test_all_facts_are_json():
    colour = Colour("white", "#ffffff", 0.9)
    facts = Values(page("", colours=(colour,)), same).all_facts()

    assert json.loads(json.dumps(facts))["colours"] == ["white"]
