"""How pictures come in (drop, paste, camera, link, sample), and the tray where they wait."""

from collections.abc import Coroutine, Sequence
from typing import Any

import streamlit as st

from core.inbox import Arrival
from core.runs import SentImage
from core.samples import SAMPLES, Sample
from core.tray import TrayItem, Unusable
from core.types import Detail
from ui import format as fmt
from ui.choice import set_choice
from ui.i18n import _, say
from ui.question import TASK
from ui.resources import runtime, workbench
from ui.state import state
from ui.text import harmless_markdown, literal
from ui.widgets import Tile, gallery, image_url, intake

_READ_WITHIN_S = 900
_AT_ONCE = 4


def show_intake() -> None:
    """Draw the ways in, and read what has arrived since the last look."""
    here, inbox = state(), workbench().inbox
    if not inbox.knows(here.ticket):
        here.ticket = inbox.new_ticket()
    intake(here.ticket, max_bytes=workbench().decoder.limits.max_archive_bytes)
    _link_form()
    if arrived := inbox.take(here.ticket):
        _read(arrived)


def show_tray() -> list[TrayItem]:
    """Draw what waits and what cannot be used; return what can be asked about."""
    here = state()
    if not here.tray:
        _show_samples()
    else:
        removed = gallery(
            [_tile(item) for item in here.tray], key="analyze.tray", removable=True
        ).removed
        if removed:
            here.tray = [item for item in here.tray if item.id != removed]
            st.rerun()
    for refused in here.unusable:
        with st.container(
            horizontal=True, vertical_alignment="center", key=f"refused-{refused.id}"
        ):
            name = literal(refused.name)
            code = f" · {refused.code}" if refused.code else ""
            st.caption(f":material/block: **{name}**{code} · {harmless_markdown(say(refused.why))}")
    if here.unusable and st.button(_("Dismiss"), key="analyze.dismiss", type="tertiary"):
        here.unusable.clear()
        st.rerun()
    return here.tray


def _link_form() -> None:
    with st.form("analyze.link", border=False, clear_on_submit=True):
        field, button = st.columns([4, 1], vertical_alignment="bottom")
        url = field.text_input(
            _("Link to a picture or PDF"), placeholder="https://", key="analyze.url"
        )
        if button.form_submit_button(_("Add"), width="stretch") and url.strip():
            with st.spinner(_("Fetching …")):
                _add(_run(workbench().tray.from_url(url.strip(), *_default_view())))


def _show_samples() -> None:
    """Offer the built-in pictures to whoever has none at hand."""
    st.caption(_("Nothing at hand? Try one of these:"))
    tiles = [
        Tile(name, _(sample.title), url=_sample_url(sample)) for name, sample in SAMPLES.items()
    ]
    if picked := gallery(tiles, key="analyze.samples", pickable=True).picked:
        sample = SAMPLES[picked]
        set_choice(TASK, sample.task)
        data = sample.path.read_bytes()
        arrival = Arrival(sample.file, workbench().originals.put(data), len(data))
        _add(_run(workbench().tray.from_upload(arrival, *_default_view())))
        st.rerun()


def _sample_url(sample: Sample) -> str:
    data = sample.path.read_bytes()
    return image_url(SentImage(workbench().sent.put(data), 0, 0))


def _read(arrived: Sequence[Arrival]) -> None:
    """Decode what was uploaded, a few at a time, and say how far it is."""
    bar = st.progress(0.0, _("Reading the pictures …"))
    for start in range(0, len(arrived), _AT_ONCE):
        for arrival in arrived[start : start + _AT_ONCE]:
            _add(_run(workbench().tray.from_upload(arrival, *_default_view())))
        bar.progress(min(1.0, (start + _AT_ONCE) / len(arrived)))
    bar.empty()


def _default_view() -> tuple[Any, Detail]:
    """Return how the model that answers by default looks at pictures, for the previews."""
    bench = workbench()
    return bench.catalog.card(bench.settings.model).image_rule, Detail.HIGH


def _run(work: Coroutine[Any, Any, list[TrayItem | Unusable]]) -> list[TrayItem | Unusable]:
    return runtime().run(work, _READ_WITHIN_S)


def _add(read: Sequence[TrayItem | Unusable]) -> None:
    here = state()
    here.tray += [item for item in read if isinstance(item, TrayItem)]
    here.unusable += [item for item in read if isinstance(item, Unusable)]


def _tile(item: TrayItem) -> Tile:
    caption = fmt.size(item.width_px, item.height_px)
    if item.source.page is not None:
        caption = _("page {number}").format(number=item.source.page + 1) + " · " + caption
    return Tile(item.id, item.name, caption, image_url(item.preview))
