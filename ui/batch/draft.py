"""The batch that is being put together: what was found, what manifests say, and the start."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import PurePosixPath

from core.batch import JobLane
from core.batch.planner import question_for
from core.batch.quoting import add_selections
from core.errors import ImageError, ImageRefusal, InputNotUsableError
from core.i18n import Language
from core.images.intake import Accepted, IntakeItem, Kept, Refused, Skipped
from core.images.manifest import ItemOverrides
from core.images.names import label
from core.phrases import Phrase
from core.quote import SelectionQuote
from core.runs import Question
from core.survey import SurveyedPicture, survey
from core.types import ImageSource
from core.workbench import Workbench


@dataclass(frozen=True, slots=True)
class DraftPicture:
    """A picture in the blob store that can be asked about, and what a manifest says about it."""

    seen: SurveyedPicture
    size_bytes: int
    overrides: ItemOverrides = ItemOverrides()  # noqa: RUF009 - frozen

    @property
    def file(self) -> str:
        """Return the name of the file that it is, or is a page of."""
        source = self.seen.source
        return source.name if source.page is None else source.name.rpartition("#page=")[0]


Found = DraftPicture | Refused | Skipped
"""A picture, or what was in an upload besides, and why it cannot be asked about."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a manifest.

    `place` names manifest and line. `found` is what is behind an address or in a file of the
    server; empty where the line can only mean an upload.
    """

    place: str
    source: str
    overrides: ItemOverrides
    found: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True)
class Copy:
    """A picture that is exactly another one, asked the same."""

    name: str
    of: str


@dataclass
class Draft:
    """What has been read so far. `version` changes with it."""

    found: list[Found] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    version: int = 0
    _contents: list[Found] | None = None

    def add(self, found: Iterable[Found], rows: Iterable[Row]) -> None:
        """Take in what was read."""
        self.found += found
        self.rows += rows
        self.version, self._contents = self.version + 1, None

    def leave_out_unusable(self) -> None:
        """Keep the pictures only."""
        self.found, self.rows = list(self.pictures), []
        self.version, self._contents = self.version + 1, None

    @property
    def contents(self) -> list[Found]:
        """Return what goes into the batch: uploads that no line names, then the lines in order."""
        if self._contents is None:
            self._contents = _resolve(self.found, self.rows)
        return self._contents

    @property
    def pictures(self) -> list[DraftPicture]:
        """Return what can be asked about."""
        return [each for each in self.contents if isinstance(each, DraftPicture)]

    @property
    def unusable(self) -> list[Refused | Skipped]:
        """Return the rest."""
        return [each for each in self.contents if not isinstance(each, DraftPicture)]


def _resolve(found: Sequence[Found], rows: Sequence[Row]) -> list[Found]:
    by_file: dict[str, list[DraftPicture]] = {}
    for each in found:
        if isinstance(each, DraftPicture):
            by_file.setdefault(each.file, []).append(each)
    files_by_name: dict[str, list[str]] = {}
    for file in by_file:
        files_by_name.setdefault(PurePosixPath(file).name, []).append(file)
    named: set[str] = set()
    asked: list[Found] = []
    for row in rows:
        file = _upload_of(row, by_file, files_by_name)
        if file is None:
            asked += row.found or [_no_upload(row)]
        else:
            named.add(file)
            asked += [replace(each, overrides=row.overrides) for each in by_file[file]]
    rest = [each for each in found if not (isinstance(each, DraftPicture) and each.file in named)]
    return rest + asked


def _upload_of(
    row: Row, by_file: dict[str, list[DraftPicture]], files_by_name: dict[str, list[str]]
) -> str | None:
    """Return the upload that a line means: the one of that path, else the only one so called."""
    if (path := label(row.source)) in by_file:
        return path
    same_name = files_by_name.get(PurePosixPath(path).name, [])
    return same_name[0] if len(same_name) == 1 and not row.found else None


def _no_upload(row: Row) -> Refused:
    why = Phrase("There is no uploaded file called {name}.", {"name": label(row.source)})
    return Refused(row.place, ImageError(ImageRefusal.NOT_FOUND, why), row.overrides)


def copies(pictures: Sequence[DraftPicture]) -> Iterator[Copy]:
    """Yield every picture that is exactly an earlier one and is asked the same."""
    first: dict[tuple[object, ...], str] = {}
    for each in pictures:
        source, said = each.seen.source, replace(each.overrides, id=None, priority=None)
        of = first.setdefault((source.digest, source.page, said), source.name)
        if of is not source.name:
            yield Copy(source.name, of)


def quote(
    bench: Workbench, pictures: Sequence[DraftPicture], question: Question, language: Language
) -> SelectionQuote:
    """Return the price of all pictures, each asked what its manifest says."""
    by_overrides: dict[ItemOverrides, list[SurveyedPicture]] = {}
    for each in pictures:
        said = replace(each.overrides, id=None, priority=None)
        by_overrides.setdefault(said, []).append(each.seen)
    return add_selections(
        [
            survey(bench.client, question_for(question, said, language), seen).selection
            for said, seen in by_overrides.items()
        ]
    )


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person wants done with the pictures."""

    name: str
    question: Question
    language: Language
    budget_usd: Decimal | None
    max_items: int | None
    priority: int
    lane: JobLane
    ready_by: datetime | None


@dataclass
class Launch:
    """A batch on its way into the store; `taken` of `total` are there."""

    total: int
    taken: int = 0
    future: "Future[str] | None" = None


async def launch(bench: Workbench, wish: Wish, found: Sequence[Found], progress: Launch) -> str:
    """Make the batch and start it; return its id.

    Raises:
        VisionError: If a limit makes no sense, or the disk does not take it.
    """
    batch_id = await bench.batches.create(
        wish.name,
        _again(bench, found, progress),
        wish.question,
        budget_usd=wish.budget_usd,
        max_items=wish.max_items,
        priority=wish.priority,
        lane=wish.lane,
        ready_by=wish.ready_by,
        language=wish.language,
    )
    await bench.batches.start(batch_id)
    return batch_id


async def _again(
    bench: Workbench, found: Sequence[Found], progress: Launch
) -> AsyncIterator[IntakeItem]:
    """Yield what was found as it was read; the pictures' bytes stay on disk."""
    for each in found:
        progress.taken += 1
        if not isinstance(each, DraftPicture):
            yield each
            continue
        seen, name = each.seen, each.seen.source.name
        if not await asyncio.to_thread(bench.originals.want_again, seen.source.digest):
            yield gone(name)
            continue
        source = ImageSource(name, b"", seen.source.page, seen.source.digest)
        kept = Kept(seen.width_px, seen.height_px, each.size_bytes, seen.layer_tokens)
        yield Accepted(source, each.overrides, kept)


def gone(name: str) -> Refused:
    """Return what becomes of an upload that is not on disk, or not whole."""
    why = Phrase("The file did not arrive whole. Send it again.")
    return Refused(name, ImageError(ImageRefusal.DAMAGED, why))


def refused_row(place: str, error: InputNotUsableError) -> Row:
    """Return a line of a manifest that cannot be used."""
    return Row(place, "", ItemOverrides(), (Refused(place, error),))
