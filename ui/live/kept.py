"""What is left of a call that was made outside of batches: its picture and its answer."""

from dataclasses import dataclass

import streamlit as st

from core.errors import VisionError
from core.images.sniff import Kind
from core.runs import RunItem, SentImage
from core.store.calls import CallRecord, CallStatus, PlannedCall
from core.types import Detail, Failure, ImageSource, Outcome, Success
from ui import format as fmt
from ui.diagnosis_box import show_diagnosis, show_failure
from ui.i18n import _
from ui.resources import runtime, workbench
from ui.text import harmless_markdown
from ui.widgets import zoomable

_PREPARE_WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture with the name that it had, and what came of the call; None for what is gone.

    `is_cached` says that the cache had the answer: the last one to this question.
    """

    name: str = ""
    sent: SentImage | None = None
    outcome: Outcome | None = None
    is_cached: bool = False


def find_kept(call: CallRecord) -> Kept:
    """Look for a call among the Analyze page's results, then in the cache and the originals."""
    if item := _run_item(call):
        return Kept(item.source.name, item.sent, item.outcome)
    if call.status is not CallStatus.SUCCEEDED:
        return Kept(sent=_prepared(call.planned, None))
    found = workbench().cache.look_up(call.planned.request_key)
    if found is None:
        return Kept(sent=_prepared(call.planned, None))
    return Kept("", _prepared(call.planned, found.page), found.answer, is_cached=True)


def _run_item(call: CallRecord) -> RunItem | None:
    """Return the Analyze page's result that this call was made for, while that is kept."""
    planned = call.planned
    if planned.source_digest is None:
        return None
    for item in workbench().run_store.about(planned.source_digest):
        match item.outcome:
            case Success(request_key=key):
                is_it = key == planned.request_key
            case Failure(code=code):
                asked = (item.question.model, item.question.task, "page")
                is_it = code == call.code and asked == _asked(planned)
            case _:
                is_it = False
        if is_it:
            return item
    return None


def _asked(planned: PlannedCall) -> tuple[str, str, str]:
    return planned.model, planned.task, planned.front_end


def _prepared(planned: PlannedCall, page: int | None) -> SentImage | None:
    """Return the picture as that model gets it, if the original is there and its page is known."""
    bench = workbench()
    data = planned.source_digest and bench.originals.get(planned.source_digest)
    if not data:
        return None
    source, rule = ImageSource("", data, page), bench.catalog.card(planned.model).image_rule
    preparing = bench.decoder.prepare(source, rule, Detail(planned.detail))
    try:
        image = runtime().run(preparing, _PREPARE_WITHIN_S)
    except VisionError:  # what the call itself met is told beside it
        return None
    if image.original_format == Kind.PDF and page is None:
        return None
    return SentImage(bench.sent.put(image.data), image.width_px, image.height_px)


def show_kept(kept: Kept, call: CallRecord) -> None:
    """Draw the picture beside what came of the call, and say plainly what is gone."""
    picture, answer = st.columns([5, 7], gap="large")
    with picture:
        _show_picture(kept, call)
    with answer:
        _show_outcome(kept, call)


def _show_picture(kept: Kept, call: CallRecord) -> None:
    if kept.sent:
        size = fmt.size(kept.sent.width_px, kept.sent.height_px)
        caption = _("The picture of this call: {size}").format(size=size)
        zoomable(kept.sent, name=kept.name or caption, caption=caption, key="live.picture")
    elif call.planned.front_end == "cli":
        st.caption(_("The command line leaves no pictures here."))
    else:
        st.caption(_("The picture of this call is no longer here."))


def _show_outcome(kept: Kept, call: CallRecord) -> None:
    if isinstance(kept.outcome, Failure):
        show_failure(kept.outcome)
        return
    if call.code:
        show_diagnosis(call.code, "")
    match kept.outcome:
        case Success(data=None, text=text):
            st.markdown(harmless_markdown(text))
        case Success(data=data):
            st.json(data)
        case None if call.status is CallStatus.SUCCEEDED:
            st.caption(_("The answer of this call is no longer in the cache."))
    if kept.is_cached:
        st.caption(_("From the result cache, which has the last answer to this question."))
