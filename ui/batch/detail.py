"""One item of a batch: its picture as the model saw it, beside the answer or the diagnosis."""

from typing import Any

import streamlit as st

from core.batch import BatchItem
from core.errors import VisionError
from core.runs import SentImage
from core.tasks import task
from core.types import Failure, Success
from ui import format as fmt
from ui.answer_form import label_of
from ui.batch.held import show_held_item
from ui.batch.state import state
from ui.batch.words import item_words
from ui.diagnosis_box import show_error, show_failure
from ui.facts import show_facts
from ui.i18n import _, say
from ui.resources import runtime, workbench
from ui.text import harmless_markdown
from ui.widgets import zoomable

_PREPARE_WITHIN_S = 60


def show_item(item: BatchItem) -> None:
    """Draw the item; its picture is prepared now, as it was for the call."""
    with st.container(border=True, key="batch-item"):
        st.markdown(f"**{harmless_markdown(item.name)}**")
        picture, answer = st.columns([5, 7], gap="large")
        with picture:
            _show_picture(item)
        with answer:
            match item.outcome:
                case None:
                    st.caption(item_words()[item.state])
                case Failure() as failure:
                    show_failure(failure)
                case Success() as success:
                    _show_answer(item, success)


def _show_picture(item: BatchItem) -> None:
    here = state()
    if not item.digest:
        st.caption(_("There is no picture to show."))
        return
    if item.id not in here.sent:
        try:
            here.sent[item.id] = _prepared(item)
        except VisionError as error:
            if not isinstance(item.outcome, Failure):
                show_error(error)
            return
    sent = here.sent[item.id]
    size = fmt.size(sent.width_px, sent.height_px)
    caption = _("Exactly what was sent: {size}").format(size=size)
    zoomable(sent, name=item.name, caption=caption, key=f"batch.picture.{item.id}")


def _prepared(item: BatchItem) -> SentImage:
    bench = workbench()
    request = item.question.about(item.source)
    image = runtime().run(bench.client.prepare(request), _PREPARE_WITHIN_S)
    return SentImage(bench.sent.put(image.data), image.width_px, image.height_px)


def _show_answer(item: BatchItem, success: Success) -> None:
    usage = success.usage
    cost = _("$0 (cached)") if success.cached else fmt.cost(success.cost)
    if success.held:
        show_held_item(item, success.held)
    if disclaimer := task(item.question.task).disclaimer:
        st.warning(say(disclaimer), icon=":material/info:")
    if success.data is None:
        st.markdown(harmless_markdown(success.text))
    else:
        _show_data(success.data)
    for note in success.notes:
        st.caption("· " + harmless_markdown(say(note)))
    facts = [
        _("Answered by {model}").format(model=success.model),
        _("Cost: {amount}").format(amount=cost),
        _("Time: {time}").format(time=fmt.seconds(success.latency_s)),
    ]
    if usage:
        tokens = f"{fmt.count(usage.input_tokens)} + {fmt.count(usage.output_tokens)}"
        facts.append(_("Tokens: {tokens}").format(tokens=tokens))
    st.caption(harmless_markdown(" · ".join(facts)))


def _show_data(data: Any) -> None:
    """Draw simple fields as a list, and everything as JSON."""
    simple = (
        {k: str(v) for k, v in data.items() if isinstance(v, str | int | float)}
        if isinstance(data, dict)
        else {}
    )
    if simple:
        show_facts({label_of(name): value for name, value in simple.items()})
    st.json(data, expanded=not simple)
