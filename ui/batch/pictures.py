"""How pictures come into a new batch, and what was found in them."""

from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import wait
from itertools import islice
from pathlib import Path
from typing import Any

import streamlit as st

from core.errors import VisionError
from core.images.folders import Folder, Folders
from core.images.intake import Refused, Skipped
from core.images.manifest import MANIFEST_SUFFIXES
from ui import format as fmt
from ui.batch.draft import copies
from ui.batch.reading import Reader, Reading
from ui.batch.state import state
from ui.diagnosis_box import show_error
from ui.i18n import _, say
from ui.resources import runtime, settings, workbench
from ui.text import harmless_markdown, literal
from ui.widgets import intake

_FIRST_LOOK_S = 1.0
_LOOK_EVERY_S = 3.0
_MOST_TOLD = 200
_MOST_FOLDERS = 500
_FOLDERS_KEPT = "20s"


def show_pictures() -> None:
    """Draw the ways in, what is being read, and what was found."""
    here, inbox = state(), workbench().inbox
    if not inbox.knows(here.ticket):
        here.ticket = inbox.new_ticket()
    here.coming = intake(
        here.ticket,
        max_bytes=workbench().decoder.limits.max_archive_bytes,
        key="batch.intake",
        more=MANIFEST_SUFFIXES,
        tell_every_s=_LOOK_EVERY_S,
        coming=here.coming,
    )
    here.unread += inbox.take(here.ticket)
    _show_other_ways()
    if here.unread and here.reading is None:
        arrivals, here.unread = here.unread, []
        _begin(len(arrivals), lambda reader: reader.uploads(arrivals))
    if here.reading is not None:
        st.fragment(_show_reading, run_every="0.7s")()
    _show_found()


def _show_other_ways() -> None:
    with st.container(horizontal=True, key="batch-ways"):
        with st.popover(_("Links"), icon=":material/link:"), st.container(width=420):
            _show_links()
        if settings().tessera_folders:
            with st.popover(_("Folder of the server"), icon=":material/folder_open:"):
                _show_folders()
        with st.popover(_("Manifest"), icon=":material/table_rows:"), st.container(width=420):
            _explain_manifests()


def _show_links() -> None:
    with st.form("batch.links", border=False, clear_on_submit=True):
        text = st.text_area(_("Links to pictures, one a line"), key="batch.urls")
        if st.form_submit_button(_("Add"), disabled=state().reading is not None):
            urls = [line.strip() for line in text.splitlines() if line.strip()]
            if urls:
                _begin(len(urls), lambda reader: reader.links(urls))
                st.rerun()


def _show_folders() -> None:
    roots = settings().tessera_folders
    folders = _folders(tuple(map(str, roots)))
    for missing in Folders(roots).missing():
        st.caption(_("{folder} is not there.").format(folder=literal(str(missing))))
    if not folders:
        st.caption(_("There are no pictures in the folders of this server."))
        return
    names = [f"{each.name} ({fmt.count(each.pictures)})" for each in folders]
    at = st.selectbox(
        _("Folder, with all folders in it"),
        range(len(folders)),
        format_func=names.__getitem__,
        key="batch.folder",
        width=420,
    )
    if len(folders) == _MOST_FOLDERS:
        st.caption(_("Only the first {count} folders are listed.").format(count=_MOST_FOLDERS))
    busy = state().reading is not None
    if st.button(_("Add"), key="batch.add_folder", disabled=busy):
        chosen = folders[at]
        _begin(chosen.pictures, lambda reader: reader.folder(chosen))
        st.rerun()


@st.cache_data(ttl=_FOLDERS_KEPT, show_spinner=False)
def _folders(roots: tuple[str, ...]) -> list[Folder]:
    return Folders([Path(root) for root in roots]).list_folders(_MOST_FOLDERS)


def _explain_manifests() -> None:
    st.markdown(
        _(
            "A **.csv** or **.jsonl** file that says what to ask about each picture. Drop it with "
            "the pictures. Its column `source` names a dropped file, a link, or a file in a folder "
            "of the server; `id`, `prompt`, `task`, `detail`, `max_output_tokens` and `priority` "
            "(1 to 5) are optional."
        )
    )
    st.code(_EXAMPLE, language=None)


_EXAMPLE = """source,task,prompt,detail,priority
shelf-1.jpg,,Which products are missing?,high,5
receipt.pdf,receipt,,,3"""


def _begin(total: int, read: Callable[[Reader], Coroutine[Any, Any, None]]) -> None:
    """Start to read on the process's loop; what is small is there at once."""
    reading = state().reading = Reading(total)
    reading.future = runtime().submit(read(Reader(workbench(), reading)))
    wait([reading.future], timeout=_FIRST_LOOK_S)
    if reading.future.done():
        _finish(reading)


def _finish(reading: Reading) -> None:
    here = state()
    here.reading = None
    here.draft.add(reading.found, reading.rows)
    try:
        if reading.future is not None:
            reading.future.result()
    except VisionError as error:
        here.trouble = error


def _show_reading() -> None:
    reading = state().reading
    if reading is None or reading.future is None:
        return
    if reading.future.done():
        _finish(reading)
        st.rerun()
    text = _("Reading the pictures: {count} so far …")
    count = fmt.count(len(reading.found) + len(reading.rows))
    share = reading.done / max(1, reading.total)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(min(1.0, share), text.format(count=count), width="stretch")
        if st.button(_("Stop"), key="batch.stop_reading", icon=":material/stop:"):
            reading.future.cancel()
            state().reading = None
            state().draft.add(reading.found, reading.rows)
            st.rerun()


def _show_found() -> None:
    """Say how many pictures there are, which are the same, and what cannot be used and why."""
    here = state()
    if here.trouble is not None:
        show_error(here.trouble)
    if not here.draft.contents:
        return
    pictures, unusable = here.draft.pictures, here.draft.unusable
    many, one = _("**{count}** pictures are ready."), _("**1** picture is ready.")
    ready = one if len(pictures) == 1 else many.format(count=fmt.count(len(pictures)))
    st.markdown(f":material/photo_library: {ready}")
    same = list(copies(pictures))
    if same:
        title = _("Exact copies, asked and paid once: {count}").format(count=fmt.count(len(same)))
        with st.expander(title, icon=":material/content_copy:"):
            _show_lines(f"{literal(each.name)} = {literal(each.of)}" for each in same)
            _show_rest(len(same))
    if unusable:
        _show_unusable(unusable)


def _show_unusable(unusable: Sequence[Refused | Skipped]) -> None:
    title = _("Cannot be used: {count}").format(count=fmt.count(len(unusable)))
    with st.expander(title, icon=":material/block:", expanded=len(unusable) <= 5):
        _show_lines(map(_reason, unusable))
        _show_rest(len(unusable))
        st.caption(_("They stay on the batch's record, and cost nothing."))
        if st.button(_("Leave them out"), key="batch.leave_out"):
            state().draft.leave_out_unusable()
            st.rerun()


def _show_lines(lines: Any) -> None:
    """Draw the first lines as one element: hundreds of them would each cost a message."""
    st.caption("  \n".join(islice(lines, _MOST_TOLD)))


def _show_rest(count: int) -> None:
    if count > _MOST_TOLD:
        st.caption(_("and {count} more").format(count=fmt.count(count - _MOST_TOLD)))


def _reason(item: Refused | Skipped) -> str:
    name = f"**{literal(item.name)}**"
    if isinstance(item, Skipped):
        return f"{name} · {harmless_markdown(say(item.why))}"
    return f"{name} · {item.error.code} · {harmless_markdown(say(item.error.detail))}"
