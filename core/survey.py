"""What a question about many pictures will cost: answered, identical and still to pay."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from core.client import VisionClient
from core.plan import plan_request, quote_plan
from core.quote import Quote, SelectionImage, SelectionQuote, quote_selection
from core.request_key import picture_keys
from core.runs import Question, StoredSource
from core.terms import Terms
from core.tokens import ImageTokensError
from core.types import ImageSource


@dataclass(frozen=True, slots=True)
class SurveyedPicture:
    """A picture by its original size in pixels; `layer_tokens` is the text of a PDF page."""

    source: StoredSource
    width_px: int
    height_px: int
    layer_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Survey:
    """A quote for each picture, in order, and for all; None where the model cannot take it."""

    quotes: tuple[Quote | None, ...]
    selection: SelectionQuote


def survey(client: VisionClient, question: Question, pictures: Sequence[SurveyedPicture]) -> Survey:
    """Quote every picture as the client will, without decoding any; may run in any thread."""
    engine, card = client.engine, client.catalog.card(question.model)
    history = client.ledger.output_tokens_history(question.task, question.model)
    plan = plan_request(question.about(ImageSource("", b"", None, "")), Terms(), card, engine)

    @cache
    def quote_one(width_px: int, height_px: int, layer_tokens: int) -> Quote:
        return quote_plan(plan, width_px, height_px, layer_tokens, history)

    def quote_or_none(p: SurveyedPicture) -> Quote | None:
        try:
            return quote_one(p.width_px, p.height_px, p.layer_tokens)
        except ImageTokensError:
            return None

    quotes = tuple(quote_or_none(p) for p in pictures)
    key = picture_keys(plan.parts)
    takes = [
        SelectionImage(key(p.source.digest, p.source.page), p.width_px, p.height_px, p.layer_tokens)
        for p, quote in zip(pictures, quotes, strict=True)
        if quote
    ]
    answered = client.cache.answered({image.key for image in takes})
    return Survey(quotes, quote_selection(takes, answered, quote_one))
