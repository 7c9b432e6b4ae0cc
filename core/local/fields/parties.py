"""Who is on the page: organisations, the vendor, people, and the document's number."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Final

from core.local.fields.dates import find_dates
from core.local.fields.found import Found
from core.local.lines import Row

_any_case: Final = partial(re.compile, flags=re.IGNORECASE)

_LEGAL_FORM: Final = _any_case(
    r"\b(?:s[db]n\.?\s*b[hn]d|berhad|bhd|s/b|pte\.?\s*ltd|pvt\.?\s*ltd|co\.?,?\s*ltd|ltd|limited|inc|"
    r"llc|llp|plc|corp(?:oration)?|gmbh|ag|s\.?\s?a\.?\s?r\.?\s?l|b\.\s?v|n\.\s?v|s\.\s?p\.\s?a|s\.\s?l"
    r"|oy|ab|kg|holdings)\b\.?(?=\W*$|,)|株式会社"
)
_KIND: Final = _any_case(
    r"\b(?:enterprises?|trading|restaurants?|restoran|shop|store|mart|hypermarket|supermarket|pharmacy"
    r"|farmasi|hardware|bakery|bakeries|cafe|kedai|syarikat|perniagaan|hotel|resort|hospital|clinic"
    r"|university|college|school|bank|insurance|ministry|department of|foundation|association"
    r"|institute|services|stationery|industries|group|company)\b"
)
_CHINESE: Final = re.compile(
    r"[\u4e00-\u9fff（）()A-Za-z0-9]{2,30}?"
    r"(?:有限责任公司|股份有限公司|有限公司|集团公司|分公司|公司|集团|银行|大学|学院|医院|研究院|事务所"
    r"|超市|商店|商场|餐厅|酒店|药店|税务局|财政局|人民法院|委员会)+"
    r"(?:[（(]?[\u4e00-\u9fff]{2,8}(?:分公司|支行|分行)[)）]?)?"
)
_CHINESE_NOISE: Final = re.compile(
    r"^(?:提交|由|与|和|向|经|在|至|于|致|甲方|乙方|丙方|所在地|名称|单位)+|.*所在地|.*[：:]|^(?:本|该|贵|我|各)公司$"
)
_LABEL: Final = _any_case(
    r"^\W*(?:甲方|乙方|丙方|购买方名称|销售方名称|购货单位|销货单位|收款单位|付款单位|开户行|单位名称|公司名称"
    r"|名\s*称|sold\s*by|seller|vendor|supplier|company|bill\s*to|from|to|owned\s*by)"
    r"(?:\s*[(（][^)）]*[)）])?\s*[:：]\s*"
)
_PROSE: Final = _any_case(
    r"\b(?:the|and you|your|please|thank|received|sold|welcome|return|with|at|follow|www"
    r"|http|goods|are|is|was|will)\b|@|\?|!"
)
_MAX_NAME = 60  # characters; longer rows are sentences
_FORM_ONLY: Final = _any_case(r"^\W*(?:co\.?\s*)?(?:\([a-z.]{1,4}\)\s*)?\W*$")


def find_organisations(rows: Sequence[Row]) -> tuple[Found[str], ...]:
    """Return the names of organisations in reading order, each once."""
    found: dict[str, Found[str]] = {}
    for above, row in zip([None, *rows], rows, strict=False):
        for piece in row.pieces:
            text = _LABEL.sub("", piece.text).strip()
            for name in [*_chinese_organisations(text), *_latin_organisations(text, above)]:
                if above and name.startswith(f"{above.text} "):
                    found.pop(_key(above.text), None)  # it was the first half of this name
                found.setdefault(_key(name), Found(name, name, row.text, row.score))
    return tuple(found.values())


def _chinese_organisations(text: str) -> Iterator[str]:
    for match in _CHINESE.finditer(text):
        name = _CHINESE_NOISE.sub("", match[0])
        if _CHINESE.fullmatch(name):
            yield name


def _latin_organisations(text: str, above: Row | None) -> Iterator[str]:
    """Yield the name in `text`, completed where it was broken before its legal form."""
    name = without_registration(text)
    if not _looks_like_a_name(name):
        return
    form = _LEGAL_FORM.search(name)
    if form and above and _FORM_ONLY.match(name[: form.start()]) and _looks_like_a_name(above.text):
        yield f"{above.text} {name}"
    elif form or _KIND.search(name):
        yield name


def _looks_like_a_name(text: str) -> bool:
    return (
        4 <= len(text) <= _MAX_NAME
        and len(re.findall(r"[A-Za-z]", text)) >= len(text) / 2
        and not _PROSE.search(text)
        and text.count(",") < 2
        and not text.endswith(",")
    )


_REGISTRATION: Final = re.compile(
    r"\s*[(<（\[]?\s*(?=[\w-]*\d{4})[\w-]{5,}\s?-?\w?\s*[)>）\]]?\s*$"
)


def without_registration(name: str) -> str:
    """Drop the registration number that some countries print behind a company's name."""
    return _REGISTRATION.sub("", name).strip(" ,;:-")


def _key(name: str) -> str:
    return re.sub(r"\W", "", name).lower()


_SELLER: Final = _any_case(r"销售方|销货单位|收款单位|卖方|sold\s*by|seller|vendor|supplier")
_BUYER: Final = _any_case(
    r"购买方|购货单位|付款单位|买方|客户|bill(?:ing)?\s*(?:to|address)|ship(?:ping)?\s*(?:to|address)|sold\s*to|customer"
)
_NOT_A_VENDOR: Final = _any_case(
    r"invoice|receipt|cash\s*(?:sale|bill)|welcome|bill$|order|tel\b|fax\b|copy|\btable\b|小票|发票|凭证|单据|清单"
    r"|(?:表|合同|协议|报告|通知)$"
)
_HEAD = 8  # rows: a shop prints its name at the top
_HAS_WORD: Final = re.compile(r"[A-Za-z]{3}|[\u4e00-\u9fff]{2}")
_AUTHORITY: Final = re.compile(r"(?:局|法院|委员会)$")


def find_vendor(rows: Sequence[Row]) -> Found[str] | None:
    """Return who sold, or None: a labelled seller, a company at the top, else the first words."""
    organisations = find_organisations(rows)
    chosen = (
        _labelled_seller(organisations)
        or _second_name_field(organisations)
        or _company_at_the_top(rows[:_HEAD], organisations)
        or _first_words(rows[:_HEAD])
        or next((item for item in organisations if not _BUYER.search(item.row)), None)
    )
    if chosen is None:
        return None
    others = tuple(found.value for found in organisations if found.value != chosen.value)
    return replace(chosen, alternatives=others)


def _labelled_seller(found: Sequence[Found[str]]) -> Found[str] | None:
    return next((item for item in found if _SELLER.search(item.row)), None)


def _second_name_field(found: Sequence[Found[str]]) -> Found[str] | None:
    """Take the last field called "name": Chinese invoices print the buyer above the seller."""
    named = [item for item in found if re.search(r"名\s*称\s*[:：]", item.row)]
    return named[-1] if len(named) > 1 else None


def _company_at_the_top(head: Sequence[Row], found: Sequence[Found[str]]) -> Found[str] | None:
    """Prefer a legal form to a kind of shop, but not where the line only names the owner."""
    rows = [row.text for row in head if not _BUYER.search(row.text)]
    owned = [below for above, below in pairwise(rows) if "owned" in above.lower()]
    near = [
        item
        for item in found
        if item.row in rows and item.row not in owned and not _AUTHORITY.search(item.value)
    ]
    legal = [item for item in near if _LEGAL_FORM.search(item.value) or _CHINESE.search(item.value)]
    return next(iter(legal or near), None)


def _first_words(head: Sequence[Row]) -> Found[str] | None:
    """Return the first row that could be a name, unless what comes before it is no heading."""
    for row in head:
        text = without_registration(row.text)
        if len(row.pieces) > 1 or find_dates([row]):
            return None
        if not _HAS_WORD.search(text) or _NOT_A_VENDOR.search(text):
            continue
        is_name = _looks_like_a_name(text) or re.search(r"[\u4e00-\u9fff]", text)
        return Found(text, text, row.text, row.score) if is_name else None
    return None


_PERSON_LABELS: Final = (
    r"cashier\s*name|cashier|served\s*by(?:\s*salesman)?|salesman|salesperson|sales\s*person|staff|"
    r"operator|server|guest\s*name|customer\s*name|contact(?:\s*person)?|attn|attention|prepared\s*by|"
    r"approved\s*by|signed(?:\s*by)?|author|name|"
    r"收款人|开票人|复核人?|收[银能]员|经办人|联系人|负责人|法定代表人|[甲乙丙]方代表|签[字署]人|姓\s*名|制单人?|审核人?"
)
_LABELLED_PERSON: Final = _any_case(
    rf"(?<![A-Za-z\u4e00-\u9fff])(?P<label>{_PERSON_LABELS})\s*[:：]\s*"
    r"(?P<name>(?:(?:mr|mrs|ms|dr)\.?\s)?[A-Za-z][A-Za-z'.-]+(?:\s[A-Za-z][A-Za-z'.-]*){0,3}"
    r"|[\u4e00-\u9fff·]{2,10})"
)
_ROLES: Final = _any_case(
    r"\b(?:user|cashier|admin|manager|trainee|counter|morning|evening|staff|server|name|date|time|tel"
    r"|fax|phone|pos|no|id|sales|system|operator|default|self|guest|code|ref|table|bill|address)\b.*"
)


def find_names(rows: Sequence[Row]) -> tuple[Found[str], ...]:
    """Return the names of people that a label announces, each once; no name is taken from prose."""
    found: dict[str, Found[str]] = {}
    for row in rows:
        text = re.sub(
            r"(?<=[\u4e00-\u9fff])(?=(?:收款|开票|收银|[乙丙]方代表|复核))", "  ", row.text
        )
        for match in _LABELLED_PERSON.finditer(text):
            name = _person(match["name"])
            if name and not _CHINESE.fullmatch(name):
                found.setdefault(_key(name), Found(name, name, row.text, row.score))
    return tuple(found.values())


_NEXT_LABEL: Final = re.compile(
    r"(?:收款|开票|收[银能]|经办|联系|负责|法定代表|签[字署]|[甲乙丙]方|复核|制单|审核|姓名|日期|电话).*$"
)


def _person(text: str) -> str | None:
    """Cut what belongs to the next label; return None where nothing of a name is left."""
    name = _ROLES.sub("", _NEXT_LABEL.sub("", text)).strip(" .-'")
    chinese = re.fullmatch(r"[\u4e00-\u9fff·]+", name)
    if len(name) < (2 if chinese else 3) or (chinese and len(name) > 4 and "·" not in name):
        return None
    return name


_NUMBER_LABEL: Final = (
    r"invoice\s*(?:no|number|nr|num|#|id)|inv\.?\s*(?:no|number|#)|bill\s*(?:no|number|#)|bi[l1]{2}\s*#"
    r"|receipt\s*(?:no|number|#)|doc(?:ument)?\.?\s*(?:no|number|#)|slip\s*(?:no|number|#)|check\s*#"
    r"|order\s*(?:no|number|id|#)|rechnungsnr|rechnungsnummer|factuurnummer|n[°º]\s*facture|booking\s*id"
    r"|发票号码|发票号|票据号码|单据号|小票号|流水号|单号|订单号|合同编号|编号"
)
_LABELLED_NUMBER: Final = _any_case(
    rf"(?:{_NUMBER_LABEL})[\s.:：#]*(?P<number>(?=[A-Z0-9/_-]*\d)[A-Z0-9][A-Z0-9/_-]{{2,}}"
    r"(?:\s?-\s?\d{3,})?)"
)
_LABEL_AT_END: Final = _any_case(rf"(?:{_NUMBER_LABEL})[\s.:：#]*$")


def find_document_number(rows: Sequence[Row]) -> Found[str] | None:
    """Return the number of the invoice, receipt or contract that a label announces, or None."""
    found: dict[str, Found[str]] = {}
    for position, row in enumerate(rows):
        text = row.text
        if _LABEL_AT_END.search(text):
            text = " ".join(near.text for near in rows[position : position + 2])
        for match in _LABELLED_NUMBER.finditer(text):
            number = re.sub(r"\s", "", match["number"])
            found.setdefault(number, Found(number, match["number"], row.text, row.score))
    if not found:
        return None
    first, *others = found.values()
    return replace(first, alternatives=tuple(item.value for item in others))
