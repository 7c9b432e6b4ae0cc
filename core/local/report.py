"""The facts as markdown, section by section, in the language of the prompt."""

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from core.local.facts import PageFacts
from core.local.fields.found import Found
from core.local.lines import text_of
from core.local.looks import Looks
from core.local.topics import Topic
from core.phrases import Phrase, Translate
from core.settings import EMBEDDED_MODEL

_PICTURE = frozenset({Topic.SIZE, Topic.COLOURS, Topic.QUALITY, Topic.CODES})
_FIELDS = frozenset(
    {
        Topic.TOTAL,
        Topic.TAX,
        Topic.DATE,
        Topic.AMOUNTS,
        Topic.VENDOR,
        Topic.NAMES,
        Topic.NUMBER,
        Topic.TITLE,
    }
)
_NONE = Phrase("none found")


@dataclass(frozen=True, slots=True)
class Report:
    """Writes the sections that are asked for; every method yields pieces ready to be sent."""

    say: Translate
    topics: AbstractSet[Topic]

    @property
    def needs_reading(self) -> bool:
        """Say whether the measurements alone do not answer."""
        return bool(self.topics - _PICTURE)

    def header(self) -> Iterator[str]:
        """Say who answers, before anything is known."""
        title = self._words(Phrase("Local engine: measured facts"))
        about = self._words(
            Phrase(
                "{model} measures the picture and reads printed text by rules. It is no language "
                "model: it does not understand scenes and guesses nothing.",
                {"model": EMBEDDED_MODEL},
            )
        )
        yield f"# {title}\n\n{about}\n"

    def picture_number(self, number: int, count: int) -> Iterator[str]:
        """Say which of several pictures follows."""
        if count > 1:
            title = Phrase("Picture {number} of {count}", {"number": number, "count": count})
            yield f"\n# {self._words(title)}\n"

    def picture(self, looks: Looks) -> Iterator[str]:
        """Write what is measured without reading."""
        lines = [
            f"- {self._words(said)}"
            for topic, said in self._measured(looks)
            if topic in self.topics
        ]
        if lines:
            yield self._section(Phrase("Picture"), lines)

    def page(self, page: PageFacts) -> Iterator[str]:
        """Write what was read, and what follows from it."""
        if Topic.KIND in self.topics:
            yield self._section(Phrase("Kind of document"), self._kinds(page))
        if self.topics & _FIELDS:
            yield self._section(Phrase("Fields"), self._fields(page))
        if Topic.ITEMS in self.topics and page.fields.items:
            yield self._section(Phrase("Items"), self._items(page))
        if Topic.TEXT in self.topics:
            yield from self._text(page)
        if Topic.TABLES in self.topics:
            yield self._section(Phrase("Tables"), self._tables(page))
        if page.notes:
            notes = [f"- {self._words(note)}" for note in page.notes]
            yield self._section(Phrase("Notes"), notes)

    def unavailable(self) -> Iterator[str]:
        """Say what this engine never knows."""
        lines = [
            Phrase("What the picture shows: objects, scenes, people, faces, brands, emotions."),
            Phrase("Handwriting, and tables without ruled lines."),
            Phrase("Reasons, opinions, advice, translations and anything that is not printed."),
        ]
        yield self._section(Phrase("Not available"), [f"- {self._words(line)}" for line in lines])

    def unanswerable(self) -> Iterator[str]:
        """Say that the question is outside of what can be measured."""
        yield (
            "\n"
            + self._words(
                Phrase(
                    "This engine cannot answer that. It can tell the printed text, dates, amounts, "
                    "totals, tax, companies, labelled names, document numbers, items, ruled "
                    "tables, the kind of document, colours, sharpness, exposure, size and QR codes."
                )
            )
            + "\n"
        )

    def _words(self, phrase: Phrase) -> str:
        return phrase.translated(self.say)

    def _section(self, title: Phrase, lines: Sequence[str]) -> str:
        return "\n".join(["", f"## {self._words(title)}", "", *lines, ""])

    def _measured(self, looks: Looks) -> Iterator[tuple[Topic, Phrase]]:
        size: dict[str, str | int | float] = {"width": looks.width_px, "height": looks.height_px}
        yield Topic.SIZE, Phrase("Size: {width}×{height} pixels", size)
        colours = ", ".join(
            f"{self.say(colour.name)} {colour.share:.0%} ({colour.hex})" for colour in looks.colours
        )
        yield Topic.COLOURS, Phrase("Colours: {list}", {"list": colours})
        yield Topic.QUALITY, _sharpness(looks)
        yield Topic.QUALITY, _exposure(looks)
        codes = ", ".join(map(_quoted, looks.codes)) or self._words(_NONE)
        yield Topic.CODES, Phrase("QR codes: {list}", {"list": codes})

    def _kinds(self, page: PageFacts) -> list[str]:
        if not page.kinds:
            return [self._words(Phrase("The words on the page do not decide it."))]
        return [
            "- "
            + self._words(
                Phrase(
                    "{kind}: evidence {score} of 1 ({words})",
                    {
                        "kind": self.say(kind.name),
                        "score": f"{kind.score:.2f}",
                        "words": ", ".join(map(_quoted, kind.evidence)),
                    },
                )
            )
            for kind in page.kinds[:3]
        ]

    def _fields(self, page: PageFacts) -> list[str]:
        fields = page.fields
        singles = (
            (Topic.TITLE, Phrase("Title"), page.outline.title),
            (Topic.VENDOR, Phrase("Vendor"), fields.vendor),
            (Topic.DATE, Phrase("Date"), fields.date),
            (Topic.NUMBER, Phrase("Document number"), fields.number),
            (Topic.TOTAL, Phrase("Total"), fields.total),
            (Topic.TAX, Phrase("Tax"), fields.tax),
            (Topic.AMOUNTS, Phrase("Currency"), fields.currency),
        )
        several = (
            (Topic.VENDOR, Phrase("Organisations"), fields.organisations),
            (Topic.NAMES, Phrase("Names of people"), fields.names),
            (Topic.DATE, Phrase("All dates"), fields.dates),
            (Topic.AMOUNTS, Phrase("All amounts"), fields.amounts),
        )
        return [
            f"- {self._words(label)}: {self._one(value)}"
            for topic, label, value in singles
            if topic in self.topics
        ] + [
            f"- {self._words(label)}: {self._many(values)}"
            for topic, label, values in several
            if topic in self.topics
        ]

    def _one(self, value: Found[Any] | str | None) -> str:
        if value is None:
            return self._words(Phrase("not found"))
        if isinstance(value, str):
            return _quoted(value)
        parts = [Phrase("in {row}", {"row": _quoted(value.row)})]
        if value.score is not None:
            parts.append(Phrase("confidence {score}", {"score": f"{value.score:.2f}"}))
        if value.alternatives:
            others = ", ".join(_quoted(str(other)) for other in value.alternatives[:5])
            parts.append(Phrase("other candidates: {list}", {"list": others}))
        return f"**{_plain(str(value.value))}** ({'; '.join(map(self._words, parts))})"

    def _many(self, values: Sequence[Found[Any]]) -> str:
        written = dict.fromkeys(value.written for value in values)
        return ", ".join(map(_quoted, written)) or self._words(_NONE)

    def _items(self, page: PageFacts) -> list[str]:
        heads = [Phrase("Name"), Phrase("Quantity"), Phrase("Amount")]
        rows = [
            [_cell(item.name), _cell(item.quantity), _cell(item.amount)]
            for item in page.fields.items
        ]
        return _markdown_table([[self._words(head) for head in heads], *rows])

    def _text(self, page: PageFacts) -> Iterator[str]:
        if not page.rows:
            yield self._section(Phrase("Text"), [self._words(Phrase("No text was found."))])
            return
        yield self._section(Phrase("Text"), [self._words(_source_of_text(page))])
        fence = _fence(text_of(page.rows))
        yield f"\n{fence}text\n"
        for row in page.rows:
            yield f"{row.text}\n"
        yield f"{fence}\n"

    def _tables(self, page: PageFacts) -> list[str]:
        if not page.tables:
            return [self._words(Phrase("No table with ruled lines was found."))]
        lines: list[str] = []
        for table in page.tables:
            lines += [*_markdown_table([list(map(_cell, row)) for row in table.rows]), ""]
        return lines


def _source_of_text(page: PageFacts) -> Phrase:
    if page.given_text:
        return Phrase("Taken from the text layer of the page; nothing had to be recognised.")
    score = f"{page.mean_score or 0:.2f}"
    return Phrase(
        "{count} rows, mean confidence {score}", {"count": len(page.rows), "score": score}
    )


def _sharpness(looks: Looks) -> Phrase:
    values = {"value": f"{looks.sharpness:.0f}"}
    if looks.is_blurred:
        return Phrase("Sharpness: {value}, blurred or without detail", values)
    return Phrase("Sharpness: {value}, sharp", values)


def _exposure(looks: Looks) -> Phrase:
    return Phrase(
        "Exposure: mean brightness {brightness} of 255, contrast {contrast}, {dark} black, "
        "{light} white",
        {
            "brightness": f"{looks.brightness:.0f}",
            "contrast": f"{looks.contrast:.0f}",
            "dark": f"{looks.dark_share:.0%}",
            "light": f"{looks.light_share:.0%}",
        },
    )


def _quoted(text: str) -> str:
    """Show words of the picture as code, so that no markdown in them comes to life."""
    return f"`{text.replace('`', chr(39))}`"


def _plain(text: str) -> str:
    """Escape what markdown would read as markup."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~])", r"\\\1", text)


def _fence(text: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    return "`" * max(3, longest + 1)


def _cell(value: object) -> str:
    return "" if value is None else _plain(str(value)) or " "


def _markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    head, *body = rows
    return [_markdown_row(head), _markdown_row(["---"] * len(head)), *map(_markdown_row, body)]


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
