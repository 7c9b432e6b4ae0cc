"""The markdown answer: its sections, its language, and what a prompt selects."""

import pytest

from core.local.facts import page_facts
from core.local.lines import Box, Reading, reading_of_text
from core.local.looks import Colour
from core.local.report import Report
from core.local.tables import Table
from core.local.topics import Topic, language_of, topics_of
from tests.unit.local.texts import RECEIPT, looks, rows


def same(sentence):
    return sentence


def facts(text, **changes):
    joined = "\n".join(row.text for row in rows(text)) if text else ""
    return page_facts(reading_of_text(joined), looks(**changes), given_text=True)


def written(prompt, page, say=same):
    report = Report(say, topics_of(prompt))
    return "".join([*report.header(), *report.picture(page.looks), *report.page(page)])


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("What is the total?", {Topic.TOTAL}),
        ("How much tax was paid, and when?", {Topic.TAX, Topic.DATE, Topic.TOTAL}),
        ("这张发票的日期和金额是多少", {Topic.DATE, Topic.AMOUNTS}),
        ("Read the text", {Topic.TEXT}),
        ("Is it blurred?", {Topic.QUALITY}),
        ("Who is she and how does she feel?", set()),
        ("他们为什么生气", set()),
    ],
)
def test_single_words_choose_the_sections(prompt, expected):
    assert topics_of(prompt) == expected


@pytest.mark.parametrize(
    "prompt",
    [
        "读取全文",
        "把图里的字抄下来",
        "图上有哪些字？",
        "上面印着什么",
        "原文是什么？",
        "念出来给我听",
        "请逐字录入",
        "Copy out this letter",
        "What is printed on it?",
        "Type the whole page out",
        "Give me the exact wording",
        "What lettering is on the sign?",
    ],
)
def test_asking_for_what_is_printed_gets_the_text(prompt):
    assert topics_of(prompt) == {Topic.TEXT}


@pytest.mark.parametrize(
    "prompt",
    [
        "Who are the parties?",
        "Who is the supplier?",
        "Who are the buyer and the seller?",
        "Which firm is it from?",
        "Who issued this?",
        "Between whom was it agreed?",
        "Who is the landlord?",
        "甲方是谁",
        "合同双方是谁？",
        "供应商是哪家？",
        "买方和卖方分别是谁",
        "出租方是谁",
        "当事人有哪些",
        "客户是谁？",
    ],
)
def test_asking_for_the_parties_gets_the_vendor_and_the_organisations(prompt):
    assert topics_of(prompt) == {Topic.VENDOR}


@pytest.mark.parametrize(
    "prompt",
    ["他在阅读什么书", "这是抄袭吗", "用的字体好看吗", "Is it a birthday party?", "谁签字了"],
)
def test_words_that_only_look_like_it_choose_nothing(prompt):
    assert topics_of(prompt) == set()


@pytest.mark.parametrize(
    "prompt", ["", "Describe this picture.", "请描述这张图片", "What is this?"]
)
def test_a_general_request_gets_everything(prompt):
    assert topics_of(prompt) == set(Topic)


def test_every_fact_names_its_source_and_what_else_it_could_be():
    answer = written("What is the total?", facts(RECEIPT))

    assert "Local engine: measured facts" in answer
    assert "**21.40** (in `Total RM  21.40`; other candidates: `21.41`)" in answer
    assert "## Text" not in answer


def test_what_was_not_found_is_said():
    assert "Total: not found" in written("What is the total?", facts("hello"))


def test_markdown_in_the_picture_stays_text():
    answer = written("Describe", facts("![x](http://example.com/a.png) ```"))

    assert "````text\n![x](http://example.com/a.png) ```\n````" in answer


def test_measurements_are_written_with_their_units():
    colour = Colour("white", "#fafafa", 0.9)
    answer = written("Describe", facts("", colours=(colour,), sharpness=20.0, codes=("A`B",)))

    assert "Size: 600×1200 pixels" in answer
    assert "white 90% (#fafafa)" in answer
    assert "Sharpness: 20, blurred" in answer
    assert "`A'B`" in answer
    assert "No text was found." in answer


def test_ruled_tables_become_tables():
    table = Table(Box(0, 0, 1, 1), (("a", "b|c"), ("1", "")))
    page = page_facts(Reading(()), looks(), (table,))

    assert "| a | b\\|c |\n| --- | --- |\n| 1 |   |" in written("tables", page)


def test_the_answer_is_in_the_language_of_the_prompt():
    assert (language_of("合计多少"), language_of("the total")) == ("zh_CN", "en")
    chinese = {"Fields": "字段", "Total": "总额"}
    answer = written("合计多少", facts(RECEIPT), lambda sentence: chinese.get(sentence, sentence))
    assert "## 字段\n\n- 总额: **21.40**" in answer
