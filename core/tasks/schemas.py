"""The JSON Schemas of the built-in tasks, in the form that strict structured output accepts.

Strict means: every property is required, no other property is allowed, and what may be absent is
null by its type. Source: https://developers.openai.com/api/docs/guides/structured-outputs.
"""

from typing import Any

from core.types import AnswerSchema

_Schema = dict[str, Any]


def _object(description: str = "", **properties: _Schema) -> _Schema:
    words = {"description": description} if description else {}
    return {
        "type": "object",
        **words,
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _text(description: str) -> _Schema:
    return {"type": "string", "description": description}


def _text_or_null(description: str) -> _Schema:
    return {"type": ["string", "null"], "description": description}


def _number_or_null(description: str) -> _Schema:
    return {"type": ["number", "null"], "description": description}


def _choice_or_null(description: str, *choices: str) -> _Schema:
    return {"type": ["string", "null"], "description": description, "enum": [*choices, None]}


def _list(items: _Schema, description: str) -> _Schema:
    return {"type": "array", "description": description, "items": items}


def _texts(description: str) -> _Schema:
    return _list({"type": "string"}, description)


DOCUMENT = AnswerSchema(
    "document",
    _object(
        document_type=_text_or_null("Kind of document: contract, invoice, receipt, report, letter"),
        full_text=_text("All text in reading order, with its line breaks"),
        key_info=_object(
            "Facts found in the text, each as it is written there",
            dates=_texts("Dates"),
            amounts=_texts("Amounts of money, with their currency where it is written"),
            names=_texts("Names of people"),
            organizations=_texts("Companies, authorities and other organizations"),
        ),
        structure=_object(
            "How the document is built",
            title=_text_or_null("Title of the document"),
            sections=_texts("Headings of the sections, in order"),
            tables={"type": ["integer", "null"], "description": "Number of tables"},
        ),
    ),
)

RECEIPT = AnswerSchema(
    "receipt",
    _object(
        vendor=_text_or_null("Shop or company that sold"),
        date=_text_or_null("Date of the sale as YYYY-MM-DD"),
        currency=_text_or_null("ISO 4217 code of the currency, such as USD, MYR or CNY"),
        total=_number_or_null("Amount to pay, with tax and after rounding"),
        tax=_number_or_null("Tax contained in the total or added to it"),
        items=_list(
            _object(
                name=_text("Article as printed"),
                quantity=_number_or_null("How many"),
                amount=_number_or_null("Amount of this line, not the unit price"),
            ),
            "Articles bought, in order",
        ),
        notes=_texts("What was ambiguous or unreadable, with the other possible reading"),
    ),
)

PRODUCT = AnswerSchema(
    "product",
    _object(
        product_name=_text_or_null("Short name of the product"),
        category=_text_or_null("Category in a shop"),
        brand=_text_or_null("Brand, only when it can be read or seen"),
        colors=_texts("Colours, the largest first"),
        materials=_texts("Materials that can be seen"),
        features=_texts("Features that can be seen"),
        suitable_for=_texts("Situations and people the product suits"),
        visible_text=_texts("Text on the product and its packaging"),
    ),
)

SOCIAL = AnswerSchema(
    "social",
    _object(
        summary=_text_or_null("What the picture shows, in one sentence"),
        subjects=_texts("Main things in the picture"),
        brands=_texts("Brands and logos that can be seen"),
        visible_text=_texts("Text in the picture"),
        mood=_choice_or_null("Mood of the picture", "positive", "neutral", "negative", "mixed"),
        caption=_text_or_null("A caption for a post, at most 30 words"),
        hashtags=_texts("Up to eight hashtags, each with its #"),
        concerns=_texts("What to check before publishing: private data, safety, rights"),
    ),
)

MEDICAL = AnswerSchema(
    "medical",
    _object(
        modality=_text_or_null("Kind of image: X-ray, CT, MRI, ultrasound, photograph, other"),
        body_region=_text_or_null("Part of the body"),
        view=_text_or_null("Projection, plane or orientation"),
        image_quality=_text_or_null("What helps or limits reading this image"),
        visible_text=_texts("Text and markers on the image; leave out a patient's name"),
        observations=_list(
            _object(
                finding=_text("What can be seen, described and not interpreted"),
                location=_text_or_null("Where"),
                certainty=_choice_or_null("How clearly", "clear", "probable", "uncertain"),
            ),
            "Observations, the most important first",
        ),
        impression=_text_or_null("Summary of the observations; no diagnosis, no treatment"),
        limitations=_texts("What this image alone cannot show"),
    ),
)

DIAGRAM = AnswerSchema(
    "diagram",
    _object(
        title=_text_or_null("Title of the diagram"),
        diagram_type=_text_or_null("Kind: architecture, flow, sequence, network, chart, other"),
        summary=_text_or_null("What the diagram says, in two or three sentences"),
        components=_list(
            _object(
                name=_text("Label of the box or symbol"),
                kind=_text_or_null("Service, database, person, step, decision, axis, series"),
                purpose=_text_or_null("What it does, as far as the diagram says"),
            ),
            "Components, in reading order",
        ),
        connections=_list(
            _object(
                source=_text("Name of the component where the line starts"),
                target=_text("Name of the component where the line ends"),
                label=_text_or_null("Text on the line"),
            ),
            "Arrows and lines",
        ),
        visible_text=_texts("Other text in the diagram"),
        notes=_texts("What is unclear or cannot be read"),
    ),
)
