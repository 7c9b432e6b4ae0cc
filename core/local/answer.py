"""From a request to the pieces of its answer, each as soon as it is known."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.i18n import translator
from core.local.facts import PageFacts, page_facts
from core.local.lines import Reading
from core.local.reader import OpenPage, PageReader
from core.local.report import Report
from core.local.request import ChatRequest
from core.local.schema import SchemaAnswer, answer_schema, check_schema
from core.local.topics import language_of, topics_of
from core.local.values import Values
from core.phrases import Phrase


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the answer: text to append, or the words of a refusal."""

    text: str
    is_refusal: bool = False


class Answer:
    """One answer under way; `prepare` finds everything that can be wrong with the request."""

    def __init__(self, request: ChatRequest, reader: PageReader) -> None:
        self._request = request
        self._reader = reader
        self._say = translator(language_of(request.prompt))
        self._pages: Sequence[OpenPage] = ()
        self._strict: Any = None

    async def prepare(self) -> None:
        """Check the schema and decode the pictures.

        Raises:
            RequestError: What is wrong, before any of the answer was sent.
        """
        if self._request.schema is not None:
            self._strict = check_schema(self._request.schema)
        self._pages = [await self._reader.open(picture) for picture in self._request.pictures]

    async def pieces(self) -> AsyncIterator[Piece]:
        """Yield the answer piece by piece.

        Raises:
            RequestError: If too many pages are waiting to be read.
        """
        if not self._pages:
            yield self._refusal(
                Phrase(
                    "There is no picture in the request. The local engine reads pictures; it is "
                    "no language model and cannot answer from words alone."
                )
            )
        elif self._strict is not None or self._request.wants_json:
            yield self._json(_together([await self._reader.read(page) for page in self._pages]))
        else:
            async for text in self._markdown():
                yield Piece(text)

    def _refusal(self, phrase: Phrase) -> Piece:
        return Piece(phrase.translated(self._say), is_refusal=True)

    def _json(self, page: PageFacts) -> Piece:
        if self._request.schema is None:
            return Piece(json.dumps(Values(page, self._say).all_facts(), ensure_ascii=False))
        match answer_schema(self._strict, self._request.schema, page, self._say):
            case SchemaAnswer(text=str(text)):
                return Piece(text)
            case SchemaAnswer(refusal=Phrase() as refusal):
                return self._refusal(refusal)
        raise AssertionError("an answer is a text or a refusal")

    async def _markdown(self) -> AsyncIterator[str]:
        report = Report(self._say, topics_of(self._request.prompt))
        for text in report.header():
            yield text
        if not report.topics:
            for text in (*report.unanswerable(), *report.unavailable()):
                yield text
            return
        for number, page in enumerate(self._pages, 1):
            for text in report.picture_number(number, len(self._pages)):
                yield text
            for text in report.picture(page.looks):
                yield text
            if report.needs_reading:
                for text in report.page(await self._reader.read(page)):
                    yield text
        for text in report.unavailable():
            yield text


def _together(pages: Sequence[PageFacts]) -> PageFacts:
    """Take several pictures as the pages of one document; how it looks is the first's."""
    first, *others = pages
    if not others:
        return first
    lines = tuple(piece for page in pages for row in page.rows for piece in row.pieces)
    unplaced = tuple(replace(line, box=None) for line in lines)
    tables = tuple(table for page in pages for table in page.tables)
    return page_facts(Reading(unplaced), first.looks, tables)
