"""The facts under the names that people give to the properties of a JSON Schema."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from core.local.facts import PageFacts
from core.local.fields.found import Found
from core.local.fields.items import Item
from core.local.lines import text_of
from core.phrases import Phrase, Translate


@dataclass(frozen=True, slots=True)
class Known:
    """One fact in the forms that a schema may ask for; None where there is none.

    `written` is another word for the same, such as the English one; `items` are articles.
    """

    value: str | Decimal | int | bool | None = None
    written: str | None = None
    texts: tuple[str, ...] | None = None
    numbers: tuple[Decimal, ...] | None = None
    items: tuple[Item, ...] | None = None


def _spelled(*spellings: str) -> re.Pattern[str]:
    return re.compile("|".join(spellings))


# Names of properties in snake case, in English and Chinese, and the fact that each means.
_NAMES: Final[Mapping[str, re.Pattern[str]]] = {
    "text": _spelled(
        r"full_?text|visible_?text|text|content|transcript(?:ion)?|ocr_?text|raw_?text|text_?lines",
        "全文|文本|文字|内容",
    ),
    "total": _spelled(
        r"(?:grand_?|net_?|final_?|invoice_?|contract_?)?total(?:_?(?:amount|price|due|sum))?",
        r"amount(?:_?(?:due|payable))?",
        "总额|总金额|合计|总计|价税合计|合同金额|应付金额|金额",
    ),
    "tax": _spelled(r"(?:total_?|sales_?)?(?:tax|vat|gst)(?:_?(?:amount|total))?", "税额|税金"),
    "currency": _spelled(r"currency(?:_?code)?", "币种|货币"),
    "date": _spelled(
        r"(?:(?:invoice|receipt|issue|document|purchase|transaction|signing|contract)_?)?date",
        r"date_of_(?:issue|sale|purchase)",
        "(?:开票|签订)?日期",
    ),
    "dates": _spelled("dates", "所有日期"),
    "amounts": _spelled("amounts|prices", "所有金额"),
    "vendor": _spelled(
        r"(?:vendor|seller|merchant|shop|store|supplier|company|organi[sz]ation)(?:_?name)?|issuer",
        "销售方(?:名称)?|商家|公司(?:名称)?",
    ),
    "organisations": _spelled("organi[sz]ations|companies", "组织|机构|单位"),
    "names": _spelled("(?:person_?)?names|people|persons", "人名|姓名"),
    "number": _spelled(
        r"(?:invoice|receipt|document|bill|contract)_?(?:no|nr|number|id|num)",
        "发票号码|编号|单号|合同编号",
    ),
    "items": _spelled("(?:line_?)?items|articles|positions|purchases", "商品|明细"),
    "kind": _spelled("(?:document_?)?(?:type|kind)", "文档类型|文件类型"),
    "title": _spelled("title", "标题"),
    "sections": _spelled("sections|headings", "章节"),
    "tables": _spelled(r"tables(?:_?count)?|table_?count|number_?of_?tables", "表格(?:数量)?"),
    "colours": _spelled("(?:dominant_?)?colou?rs?", "颜色"),
    "quality": _spelled("(?:image_?)?quality", "清晰度"),
    "sharpness": _spelled("sharpness(?:_?score)?"),
    "is_blurred": _spelled("(?:is_?)?blurr(?:ed|y)"),
    "brightness": _spelled("brightness"),
    "contrast": _spelled("contrast"),
    "width": _spelled("(?:image_?)?width(?:_?px)?"),
    "height": _spelled("(?:image_?)?height(?:_?px)?"),
    "codes": _spelled("qr_?codes?", "二维码"),
    "notes": _spelled("notes?|remarks?|warnings", "备注"),
    "limits": _spelled("limitations?", "局限"),
}
_DESCRIPTIONS: Final[Mapping[str, re.Pattern[str]]] = {
    name: re.compile(words, re.IGNORECASE)
    for name, words in {
        "total": r"\b(?:total amount|grand total|amount to pay|total to pay)\b|价税合计|应付总额",
        "date": r"\bdate of (?:the )?(?:sale|invoice|receipt|issue)\b|开票日期|签订日期",
        "number": r"\b(?:invoice|receipt) number\b|发票号码",
        "text": r"\b(?:all|full) (?:the )?text\b|全部文字",
        "currency": r"\bISO 4217\b",
        "vendor": r"\b(?:seller|vendor|shop or company)\b|销售方",
    }.items()
}
_EXCEPTION: Final = re.compile(r"leave out|except|without the|omit|exclud|不要|除", re.IGNORECASE)


def fact_named(name: str, description: str) -> str | None:
    """Return which fact a property means, by its name, else by its description.

    None also where it asks to leave something out: that takes understanding.
    """
    if _EXCEPTION.search(description):
        return None
    key = re.sub(r"(?<=[a-z])(?=[A-Z])|[\s-]+", "_", name).lower()
    by_name = (fact for fact, names in _NAMES.items() if names.fullmatch(key))
    by_words = (fact for fact, words in _DESCRIPTIONS.items() if words.search(description))
    return next(by_name, None) or next(by_words, None)


class Values:
    """Hands out the facts of one page by name, our own words in the reader's language."""

    def __init__(self, page: PageFacts, say: Translate) -> None:
        self._say = say
        looks, fields = page.looks, page.fields
        self._facts: Mapping[str, Callable[[], Known]] = {
            "text": lambda: _texts(text_of(page.rows), (row.text for row in page.rows)),
            "total": lambda: _one(fields.total),
            "tax": lambda: _one(fields.tax),
            "currency": lambda: _one(fields.currency),
            "date": lambda: _one(fields.date),
            "dates": lambda: _many(fields.dates),
            "amounts": lambda: _many(fields.amounts),
            "vendor": lambda: _one(fields.vendor),
            "organisations": lambda: _many(fields.organisations),
            "names": lambda: _many(fields.names),
            "number": lambda: _one(fields.number),
            "items": lambda: Known(items=fields.items, texts=tuple(i.name for i in fields.items)),
            "kind": lambda: self._kind(page),
            "title": lambda: Known(page.outline.title),
            "sections": lambda: Known(texts=page.outline.sections),
            "tables": lambda: _tables(page),
            "colours": lambda: _texts(None, (say(colour.name) for colour in looks.colours)),
            "quality": lambda: self._quality(page),
            "sharpness": lambda: Known(Decimal(str(looks.sharpness))),
            "is_blurred": lambda: Known(looks.is_blurred),
            "brightness": lambda: Known(Decimal(str(looks.brightness))),
            "contrast": lambda: Known(Decimal(str(looks.contrast))),
            "width": lambda: Known(looks.width_px),
            "height": lambda: Known(looks.height_px),
            "codes": lambda: _texts(None, looks.codes),
            "notes": lambda: _texts(None, (note.translated(say) for note in page.notes)),
            "limits": self._limits,
        }

    def known(self, name: str, description: str = "") -> Known:
        """Return what a property of that name and description may be filled with."""
        fact = fact_named(name, description)
        return self._facts[fact]() if fact else Known()

    def all_facts(self) -> dict[str, Any]:
        """Return every fact as JSON, for a request that wants JSON of no particular shape."""
        return {fact: _json(look_up()) for fact, look_up in self._facts.items()}

    def _kind(self, page: PageFacts) -> Known:
        names = [kind.name for kind in page.kinds[:1]]
        return Known(self._say(names[0]), written=names[0]) if names else Known()

    def _quality(self, page: PageFacts) -> Known:
        blurred = page.looks.is_blurred
        words = Phrase("blurred or without detail") if blurred else Phrase("sharp")
        return Known(words.translated(self._say))

    def _limits(self) -> Known:
        limit = Phrase(
            "This engine measures the picture and reads printed text; it does not interpret it."
        )
        return Known(texts=(limit.translated(self._say),))


def _one(found: Found[Any] | None) -> Known:
    if found is None:
        return Known()
    value = found.value.isoformat() if isinstance(found.value, date) else found.value
    return Known(value, found.written)


def _many(found: Sequence[Found[Any]]) -> Known:
    numbers = tuple(item.value for item in found if isinstance(item.value, Decimal))
    return Known(texts=tuple(dict.fromkeys(item.written for item in found)), numbers=numbers)


def _texts(whole: str | None, parts: Iterable[str]) -> Known:
    return Known(whole or None, texts=tuple(parts))


def _tables(page: PageFacts) -> Known:
    """Return how many ruled ones there are; None rather than 0, as others cannot be found."""
    rows = tuple(" | ".join(cells) for table in page.tables for cells in table.rows)
    return Known(len(page.tables) or None, texts=rows)


def item_value(item: Item, name: str) -> str | Decimal | None:
    """Return one property of an article; None where it is unknown or no property of one."""
    key = name.lower()
    if re.search(r"unit.?price|price.?(?:per|each)|单价", key):
        return item.amount / item.quantity if item.amount is not None and item.quantity else None
    if re.search(r"name|description|article|item|product|品名|名称|商品", key):
        return item.name
    if re.search(r"quantity|qty|count|数量", key):
        return item.quantity
    if re.search(r"amount|price|total|sum|金额|总价", key):
        return item.amount
    return None


def as_number(value: Decimal | None) -> float | int | None:
    """Return a JSON number: whole where it is whole."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _json(known: Known) -> Any:
    if known.items is not None:
        return [
            {
                "name": item.name,
                "quantity": as_number(item.quantity),
                "amount": as_number(item.amount),
            }
            for item in known.items
        ]
    if isinstance(known.value, Decimal):
        return as_number(known.value)
    if known.value is None and known.texts is not None:
        return list(known.texts)
    return known.value
