"""Which kind of document a page is, and how it is built, told by the words on it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.local.lines import Row, TextLine
from core.phrases import N_


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document; `score` from 0 to 1 grows with the evidence, the words found."""

    name: str
    score: float
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """The title and the headings of a page; None and empty where none stand out."""

    title: str | None
    sections: tuple[str, ...]


_WORDS: Final[dict[str, dict[str, int]]] = {
    N_("receipt"): {
        r"\breceipt\b": 3, r"\bcash\b": 2, r"\bchange\b": 2, r"\bcashier\b": 2, r"thank\s?you": 1,
        r"come again": 2, r"\bround(?:ing|ed)\b": 1, r"sub\s?total": 1, "小票": 4, "收据": 4,
        "收银": 3, "找零": 2, "谢谢惠顾": 2, "实收": 1,
    },
    N_("invoice"): {
        r"\binvoice\b": 3, r"tax invoice": 1, r"bill(?:ing)? (?:to|address)": 3, r"due date": 2,
        r"payment terms": 2, r"\biban\b": 2, r"purchase order": 1, r"amount due": 2,
        r"\brechnung\b": 4, r"\bfactuur\b": 4, r"\bfacture\b": 4, "发票": 4, "价税合计": 3,
        "购买方": 2, "销售方": 2, "纳税人": 2, "税率": 1,
    },
    N_("contract"): {
        r"\bagreement\b": 3, r"\bcontract\b": 2, r"\bhereby\b": 2, r"\bwhereas\b": 2,
        r"party (?:a|b)\b": 2, r"in witness": 2, "合同": 4, "甲方": 2, "乙方": 2, "协议": 3,
        "双方": 1, "违约": 1,
    },
    N_("report"): {
        r"\breport\b": 3, r"\bsummary\b": 1, r"\bconclusions?\b": 1, r"\bfindings\b": 1,
        r"table of contents": 1, "报告": 4, "摘要": 1, "结论": 2, "汇总表": 3,
    },
    N_("letter"): {
        r"\bdear\b": 3, r"\bsincerely\b": 3, r"\bregards\b": 2, "尊敬的": 3, "此致": 3, "敬礼": 2,
    },
    N_("form"): {
        r"\bform\b": 2, r"\bplease (?:fill|print|tick)": 3, r"\bsignature\b": 1, "申请表": 4,
        "登记表": 4, "填写": 1, "签字": 1,
    },
    N_("bank statement"): {
        r"\bstatement\b": 2, r"opening balance": 3, r"closing balance": 3, "对账单": 4,
        "账户明细": 3,
    },
    N_("certificate"): {r"\bcertif(?:icate|y|ies)\b": 3, "证书": 4, "兹证明": 4},
    N_("ticket"): {
        r"\bticket\b": 3, r"boarding pass": 5, r"\bseat\b": 1, r"\bgate\b": 1, "车票": 4,
        "登机牌": 5, "检票": 2,
    },
    N_("menu"): {r"\bmenu\b": 4, r"\bstarters?\b": 2, r"\bdesserts?\b": 2, "菜单": 4},
}  # fmt: skip
_PATTERNS: Final = {
    name: [(re.compile(pattern, re.IGNORECASE), weight) for pattern, weight in words.items()]
    for name, words in _WORDS.items()
}
_TITLE_WORD: Final = re.compile(
    "|".join(
        pattern for words in _WORDS.values() for pattern, weight in words.items() if weight >= 3
    ),
    re.IGNORECASE,
)
_ENOUGH = 3  # below this the words are a coincidence
_CERTAIN = 10  # evidence of this weight counts as full
_SLIP = 1.6  # height over width from which a page is a till slip


def find_kinds(rows: Sequence[Row], width_px: int, height_px: int) -> tuple[Kind, ...]:
    """Return the kinds that the page has enough evidence for, the strongest first.

    "Tax invoice" is printed on most receipts of some countries, so that the two are often close.
    """
    text = "\n".join(row.text for row in rows)
    kinds = []
    for name, patterns in _PATTERNS.items():
        hits = [
            (match[0].strip(), weight)
            for pattern, weight in patterns
            if (match := pattern.search(text))
        ]
        weight = sum(weight for _, weight in hits)
        if name == "receipt" and weight and height_px >= _SLIP * width_px:
            weight += 3
        if weight >= _ENOUGH:
            words = tuple(word for word, _ in hits)
            kinds.append(Kind(name, round(min(1.0, weight / _CERTAIN), 2), words))
    return tuple(sorted(kinds, key=lambda kind: -kind.score))


_HEADING: Final = re.compile(
    r"^(?:\d{1,2}(?:\.\d{1,2})*[.)]\s+[A-Z]\S.*|\d{1,2}(?:\.\d{1,2})+\s+[A-Z]\S.*"
    r"|(?:chapter|section|article|appendix)\s+\w+.*"
    r"|第[一二三四五六七八九十\d]+[章节条部分].*|[一二三四五六七八九十]+、.*)$",
    re.IGNORECASE,
)
_MAX_HEADING = 50  # characters; a longer row is a sentence
_TITLE_ROWS = 10


def find_outline(rows: Sequence[Row]) -> Outline:
    """Return the title, which names the kind of document or is set largest, and the headings."""
    sections = tuple(
        row.text
        for row in rows
        if len(row.text) <= _MAX_HEADING
        and _HEADING.match(row.text)
        and not re.search(r"\d[.,]\d{2}\b|[.:：,，。;；]$", row.text)
    )
    pieces = [piece for row in rows[:_TITLE_ROWS] for piece in row.pieces]
    return Outline(_title([piece for piece in pieces if len(piece.text) >= 2]), sections)


def _title(head: Sequence[TextLine]) -> str | None:
    for text in (piece.text.strip("- *") for piece in head):
        match = _TITLE_WORD.search(text)
        if match and len(text) <= 2 * len(match[0]) + 8:
            return text
    return _largest(head)


def _largest(head: Sequence[TextLine]) -> str | None:
    """Return the text in the largest letters, when they are clearly larger than the next."""
    heights = [(piece.box.height, piece.text) for piece in head if piece.box]
    if len(heights) < 2:
        return None
    (largest, text), (second, _), *_ = sorted(heights, reverse=True)
    return text if largest > 1.25 * second else None
