"""What goes into a batch when manifests name uploads, addresses and files of the server."""

import pytest

from core.errors import InputNotUsableError
from core.images.intake import Refused, Skipped
from core.images.manifest import ItemOverrides
from core.phrases import Phrase
from core.runs import StoredSource
from core.survey import SurveyedPicture
from ui.batch.draft import Copy, Draft, DraftPicture, Row, copies, refused_row

ASKED = ItemOverrides(prompt="How many?")


def picture(name, *, digest="", page=None, **said):
    source = StoredSource(name, digest or name, page)
    return DraftPicture(SurveyedPicture(source, 10, 10), 100, ItemOverrides(**said))


def contents(found, rows):
    draft = Draft()
    draft.add(found, rows)
    return [
        (each.seen.source.name, each.overrides.prompt)
        if isinstance(each, DraftPicture)
        else (each.name, "unusable")
        for each in draft.contents
    ]


@pytest.mark.parametrize(
    ("uploads", "line", "expected"),
    [
        (["a.png", "b.png"], "b.png", [("a.png", None), ("b.png", "How many?")]),
        (["set/a.png"], "set/a.png", [("set/a.png", "How many?")]),
        (["set/a.png"], "a.png", [("set/a.png", "How many?")]),
        (["a.png"], "pictures/a.png", [("a.png", "How many?")]),
        (["a.png"], "./a.png", [("a.png", "How many?")]),
        (
            ["1/a.png", "2/a.png"],
            "a.png",
            [("1/a.png", None), ("2/a.png", None), ("list.csv:2", "unusable")],
        ),
        (["a.png"], "missing.png", [("a.png", None), ("list.csv:2", "unusable")]),
    ],
)
def test_a_line_takes_the_upload_that_it_names(uploads, line, expected):
    rows = [Row("list.csv:2", line, ASKED)]
    assert contents([picture(name) for name in uploads], rows) == expected


def test_a_line_names_every_page_of_a_pdf():
    pages = [picture(f"a.pdf#page={n}", page=n - 1) for n in (1, 2)]
    named = [("a.pdf#page=1", "How many?"), ("a.pdf#page=2", "How many?")]
    assert contents(pages, [Row("list.csv:2", "a.pdf", ASKED)]) == named


def test_an_upload_may_be_asked_several_things():
    rows = [Row("list.csv:2", "a.png", ASKED), Row("list.csv:3", "a.png", ItemOverrides())]
    assert contents([picture("a.png")], rows) == [("a.png", "How many?"), ("a.png", None)]


def test_a_file_of_the_server_stands_where_no_upload_has_its_path():
    row = Row("list.csv:2", "may/a.png", ASKED, (picture("may/a.png", prompt="How many?"),))
    assert contents([picture("a.png")], [row]) == [("a.png", None), ("may/a.png", "How many?")]


def test_a_bad_line_stays_among_what_cannot_be_used_until_left_out():
    draft = Draft()
    bad = refused_row("list.csv:2", InputNotUsableError("no source"))
    left = Skipped("notes.txt", Phrase("Not a picture."))
    draft.add([picture("a.png"), left], [bad, Row("list.csv:3", "a.png", ASKED)])
    assert [type(each) for each in draft.unusable] == [Skipped, Refused]
    draft.leave_out_unusable()
    assert draft.unusable == []
    assert [each.overrides for each in draft.pictures] == [ASKED]


def test_copies_are_the_same_picture_asked_the_same():
    seen = [
        picture("a.png", digest="1", id="1", priority=1),
        picture("b.png", digest="1", id="2", priority=2),
        picture("c.png", digest="1", prompt="How many?"),
        picture("d.pdf#page=2", digest="1", page=1),
        picture("e.png", digest="2"),
    ]
    assert list(copies(seen)) == [Copy("b.png", "a.png")]
