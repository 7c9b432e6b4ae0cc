"""`python -m core estimate`: what pictures would cost, without sending any."""

import re
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from core.catalog import Catalog, ModelCard, Origin
from core.catalog.freshness import date_notes
from core.cli_output import EXIT_OK, EXIT_SOME_FAILED, Console, table, usd
from core.errors import ImageError, InputNotUsableError
from core.export import explain, money
from core.i18n import Language
from core.images.decoder import Decoder
from core.images.intake import Accepted, Intake, Refused, Skipped
from core.phrases import N_, Phrase, Translate
from core.plan import layer_tokens
from core.quote import Lane, Quote, quote_request
from core.tasks import prompt_for, task
from core.text_tokens import request_text_tokens
from core.tokens import ImageTokensError, Size
from core.types import Detail

_LAYER_NOTE = Phrase(
    "The prompt tokens include the text of the PDF page, which is sent beside its picture."
)
_SIZE = re.compile(r"([0-9]{1,6})[xX×*]([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the prices depend on besides model and picture.

    `prompt_tokens` is None where the words are known and counted. `hit_rate` is the share of the
    pictures whose answer is in the cache already, 0 to 1.
    """

    detail: Detail
    count: int
    hit_rate: Decimal
    output_tokens: int
    prompt: str | None
    prompt_tokens: int | None


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is priced: a size alone, or a picture; `text_layer` is a PDF page's own text."""

    size: Size
    source: str | None = None
    text_layer: str | None = None


@dataclass(frozen=True, slots=True)
class EstimateRow:
    """One model and one picture, `count` times; money is for all of them."""

    quote: Quote
    original: Size
    wish: Wish
    shutdown_date: date | None
    notes: tuple[Phrase, ...]
    source: str | None = None

    def usd(self, lane: Lane) -> Decimal | None:
        """Return the money for all pictures that are not in the cache."""
        one = self.quote.usd(lane)
        return None if one is None else one.expected * self.wish.count * (1 - self.wish.hit_rate)

    @property
    def per_image_usd(self) -> Decimal | None:
        """Return what one picture costs on average at once, cached ones included."""
        total = self.usd(Lane.REALTIME)
        return None if total is None else total / self.wish.count

    def json(self, translate: Translate) -> dict[str, Any]:
        """Return the row as `estimate --json` prints it."""
        image = self.quote.image_tokens
        row = {
            "model": self.quote.model,
            "width_px": self.original.width_px,
            "height_px": self.original.height_px,
            "detail": self.quote.detail.value,
            "image_tokens": image.expected if image else None,
            "prompt_tokens": self.quote.text_tokens,
            "output_tokens": self.quote.output_tokens.expected,
            "realtime_usd": money(self.usd(Lane.REALTIME)),
            "batch_usd": money(self.usd(Lane.BATCH)),
            "flex_usd": money(self.usd(Lane.FLEX)),
            "per_image_usd": money(self.per_image_usd),
            "shutdown_date": self.shutdown_date.isoformat() if self.shutdown_date else None,
            "notes": [note.translated(translate) for note in self.notes],
        }
        return row if self.source is None else {"source": self.source, **row}


async def estimate(
    arguments: Namespace,
    console: Console,
    *,
    default_model: str,
    catalog: Catalog,
    decoder: Decoder,
    language: Language,
    today: date,
) -> int:
    """Print a row for each model and picture, and return the exit code.

    Raises:
        InputNotUsableError: For a model, detail or size that cannot be priced.
    """
    wish = wish_of(arguments)
    cards = [_known_card(catalog, name) for name in arguments.model or [default_model]]
    for card in cards:
        _require_detail(card, wish.detail)
    subjects = [_Subject(size) for size in arguments.size or ()]
    refused: list[Refused] = []
    async for found in _measured(arguments.source, decoder, console):
        if isinstance(found, Refused):
            refused.append(found)
        else:
            subjects.append(found)
    if not (subjects or refused):
        raise InputNotUsableError(Phrase("Give --size WIDTHxHEIGHT or pictures."))
    rows = [row for card in cards for row in _rows(card, subjects, wish, language, today)]
    _print(rows, refused, console)
    return EXIT_SOME_FAILED if refused else EXIT_OK


def _rows(
    card: ModelCard, subjects: Sequence[_Subject], wish: Wish, language: Language, today: date
) -> Iterator[EstimateRow]:
    tokens, token_notes = _prompt_tokens(card.name, wish, language)
    for subject in subjects:
        layer = _layer_tokens(subject, card.name, wish)
        quote = _quote(card, subject.size, wish, tokens + layer)
        layer_notes = (_LAYER_NOTE,) if layer else ()
        notes = (*date_notes(card, today), *quote.notes, *token_notes, *layer_notes)
        yield EstimateRow(quote, subject.size, wish, card.shutdown_date, notes, subject.source)


def wish_of(arguments: Namespace) -> Wish:
    """Return the part of the arguments that every row shares."""
    return Wish(
        detail=Detail(arguments.detail or Detail.HIGH),
        count=arguments.count,
        hit_rate=arguments.cache_hit_rate,
        output_tokens=arguments.output_tokens,
        prompt=arguments.prompt,
        prompt_tokens=arguments.prompt_tokens,
    )


def size_of(text: str) -> Size:
    """Read "1024x768".

    Raises:
        ValueError: If it is anything else, or has a side of 0.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None or not (int(match[1]) and int(match[2])):
        raise ValueError(text)
    return Size(int(match[1]), int(match[2]))


def _known_card(catalog: Catalog, name: str) -> ModelCard:
    card = catalog.card(name)
    if card.origin is Origin.UNKNOWN:
        raise InputNotUsableError(
            Phrase(
                "{model} is not in the catalogue, so its price is unknown. Known are: {known}.",
                {"model": name, "known": ", ".join(catalog.names())},
            )
        )
    return card


def _require_detail(card: ModelCard, detail: Detail) -> None:
    if detail not in card.details:
        raise InputNotUsableError(
            Phrase(
                "{model} does not take the detail {detail}. It takes: {known}.",
                {"model": card.name, "detail": detail.value, "known": ", ".join(card.details)},
            )
        )


async def _measured(
    specs: Sequence[str], decoder: Decoder, console: Console
) -> AsyncIterator[_Subject | Refused]:
    """Yield each picture with its size, from its header where the format allows that."""
    intake = Intake(decoder)
    for spec in specs:
        async for item in intake.open(spec):
            match item:
                case Skipped(name=name, why=why):
                    console.progress(f"{name}: {why.translated(console.translate)}")
                case Refused():
                    yield item
                case Accepted(source=source):
                    try:
                        info = await decoder.probe(source)
                    except ImageError as error:
                        yield Refused(source.name, error)
                    else:
                        size = Size(info.width_px, info.height_px)
                        yield _Subject(size, source.name, info.text_layer)


def _quote(card: ModelCard, size: Size, wish: Wish, prompt_tokens: int) -> Quote:
    try:
        return quote_request(
            card,
            size.width_px,
            size.height_px,
            wish.detail,
            prompt_tokens,
            max_output_tokens=wish.output_tokens,
            expected_output_tokens=wish.output_tokens,
        )
    except ImageTokensError as error:
        raise InputNotUsableError(error.phrase) from error


def _prompt_tokens(model: str, wish: Wish, language: Language) -> tuple[int, tuple[Phrase, ...]]:
    """Return the tokens of all text that goes with a picture, and what is to know about them.

    Without a number, this is what `analyze` would send: our instructions and the prompt.
    """
    if wish.prompt_tokens is not None:
        return wish.prompt_tokens, ()
    system, prompt = prompt_for(task("describe"), language, wish.prompt)
    counted = request_text_tokens(prompt, system, None, model)
    own = Phrase(
        "The prompt tokens include the instructions that Tessera sends with every picture; "
        "--prompt-tokens leaves them out."
    )
    return counted.tokens, (own, *((counted.note,) if counted.note else ()))


def _layer_tokens(subject: _Subject, model: str, wish: Wish) -> int:
    """Return the tokens of the page's own text; 0 where one number stands for all text."""
    if wish.prompt_tokens is not None:
        return 0
    return layer_tokens(subject.text_layer, model)


def _print(rows: list[EstimateRow], refused: list[Refused], console: Console) -> None:
    translate = console.translate
    if console.as_json:
        document: dict[str, Any] = {"rows": [row.json(translate) for row in rows]}
        if refused:
            document["errors"] = [_refusal(item, translate) for item in refused]
        console.document(document)
        return
    if rows:
        count = Phrase("Money is for {count} pictures of each.", {"count": rows[0].wish.count})
        console.text(_table(rows, translate))
        console.text(f"- {count.translated(translate)}")
    notes = (note.translated(translate) for row in rows for note in row.notes)
    for note in dict.fromkeys(notes):
        console.text(f"- {note}")
    for item in refused:
        told = _refusal(item, translate)
        console.text(f"{item.name}: {told['code']} {told['message']}")


def _refusal(item: Refused, translate: Translate) -> dict[str, Any]:
    words = explain(item.error.code, item.error.detail, translate)
    return {
        "source": item.name,
        "code": item.error.code,
        "message": words.message,
        "hint": words.hint,
    }


def _table(rows: list[EstimateRow], translate: Translate) -> str:
    unknown = translate(N_("unknown"))
    named = any(row.source for row in rows)
    header = [
        *([translate(N_("Picture"))] if named else []),
        *map(translate, _COLUMNS),
    ]
    lines = [
        [
            *([row.source or ""] if named else []),
            row.quote.model,
            f"{row.original.width_px}x{row.original.height_px}",
            row.quote.detail.value,
            str(row.quote.image_tokens.expected) if row.quote.image_tokens else unknown,
            str(row.quote.text_tokens),
            str(row.quote.output_tokens.expected),
            *(usd(row.usd(lane), unknown) for lane in Lane),
            usd(row.per_image_usd, unknown),
        ]
        for row in rows
    ]
    return table(header, lines, left=2 if named else 1)


_COLUMNS = (
    N_("Model"),
    N_("Size"),
    N_("Detail"),
    N_("Image tokens"),
    N_("Prompt tokens"),
    N_("Output tokens"),
    N_("At once"),
    N_("Batch"),
    N_("Flex"),
    N_("Per picture"),
)
