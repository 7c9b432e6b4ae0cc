"""Which of its facts a prompt asks the embedded engine for, told by single words."""

import re
from enum import StrEnum
from typing import Final

from core.i18n import Language


class Topic(StrEnum):
    """One kind of fact that this engine has."""

    SIZE = "size"
    COLOURS = "colours"
    QUALITY = "quality"
    CODES = "codes"
    KIND = "kind"
    TITLE = "title"
    TOTAL = "total"
    TAX = "tax"
    DATE = "date"
    AMOUNTS = "amounts"
    VENDOR = "vendor"
    NAMES = "names"
    NUMBER = "number"
    ITEMS = "items"
    TEXT = "text"
    TABLES = "tables"


_WORDS: Final = {
    Topic.SIZE: r"\b(?:size|width|height|dimensions?|resolution|pixels?)\b|尺寸|分辨率|宽|像素",
    Topic.COLOURS: r"\bcolou?rs?\b|颜色|色彩|配色",
    Topic.QUALITY: r"\b(?:sharp(?:ness)?|blur(?:red|ry)?|focus|exposure|bright(?:ness)?|contrast"
    r"|quality)\b|清晰|模糊|曝光|亮度|质量",
    Topic.CODES: r"\b(?:qr|barcodes?)\b|二维码|条码",
    Topic.KIND: r"\b(?:type|kind|sort) of document\b|document[ _]type|类型|种类|什么文件|哪种",
    Topic.TITLE: r"\b(?:titles?|headings?|headline|sections?)\b|标题|章节",
    Topic.TOTAL: r"\b(?:total|sum|how much|to pay|costs?|paid)\b"
    r"|总额|总价|合计|总计|多少钱|应付|价税",
    Topic.TAX: r"\b(?:tax|vat|gst)\b|税",
    Topic.DATE: r"\b(?:dates?|when)\b|日期|时间|何时|哪天",
    Topic.AMOUNTS: r"\b(?:amounts?|prices?|currency|money)\b|金额|价格|币种",
    Topic.VENDOR: r"\b(?:vendors?|sellers?|shops?|stores?|compan(?:y|ies)|organi[sz]ations?"
    r"|merchant|issuer|suppliers?|firms?|parties|counterpart(?:y|ies)|buyers?|purchasers?"
    r"|customers?|clients?|landlord|tenant|lessor|lessee|who (?:issued|sold)|between whom)\b"
    r"|商家|公司|单位|组织|机构|店|供应商|当事人|客户|双方|各方|[甲乙丙]方"
    r"|(?:销售|购买|供货|开票|收款|付款|出租|承租|签约|卖|买)方|[买卖]家",
    Topic.NAMES: r"\bnames?\b|人名|姓名|名字|联系人",
    Topic.NUMBER: r"\b(?:invoice|receipt|document|order|contract)\s(?:no|number|id)\b"
    r"|号码|编号|单号",
    Topic.ITEMS: r"\b(?:items?|articles?|products? bought|lines?)\b|商品|明细|项目|货物",
    Topic.TEXT: r"\b(?:texts?|read|ocr|transcri\w+|words?|wording|lettering|written|printed|says?"
    r"|verbatim|copy (?:out|down)|(?:type|write) (?:\w+ ){0,3}(?:out|down))\b"
    r"|文字|文本|识别|转录|写了|写着|印着|内容|全文|原文|逐字|抄(?!袭)|录入|读取|[读念](?:出|一下|给)"
    r"|[的些么个有]字(?![体号段母典])|字样",
    Topic.TABLES: r"\btables?\b|表格",
}
_PATTERNS: Final = {topic: re.compile(words, re.IGNORECASE) for topic, words in _WORDS.items()}
_EVERYTHING: Final = re.compile(
    r"\b(?:describe|description|analy[sz]e|analysis|summar\w+|everything|overview|facts|extract)\b"
    r"|\bwhat(?:'?s| is| do you see)(?: (?:this|it|that|in|on|here)\b.{0,20})?\W*$"
    r"|描述|分析|概述|概括|介绍|总结|所有|全部|提取|是什么|有什么|看看",
    re.IGNORECASE,
)


def topics_of(prompt: str) -> frozenset[Topic]:
    """Return what the prompt asks for; everything for a general request, nothing if unknown."""
    prompt = prompt[:_JUDGED_CHARACTERS]
    asked = frozenset(topic for topic, words in _PATTERNS.items() if words.search(prompt))
    if not prompt.strip() or (_EVERYTHING.search(prompt) and not _is_narrow(prompt, asked)):
        return frozenset(Topic)
    return asked


_JUDGED_CHARACTERS = 4000  # what a prompt wants is said at its beginning
_NARROW_PROMPT = 60  # characters: "what is the total?" is a question, not a request for everything


def _is_narrow(prompt: str, asked: frozenset[Topic]) -> bool:
    return (
        bool(asked)
        and len(prompt) <= _NARROW_PROMPT
        and not re.search(r"describe|everything|描述|所有|全部", prompt, re.IGNORECASE)
    )


def language_of(prompt: str) -> Language:
    """Return the language to answer in."""
    return "zh_CN" if re.search(r"[\u4e00-\u9fff]", prompt) else "en"
