"""What to look at: the window of time and the filters, kept in the address."""

from collections.abc import Iterable

import streamlit as st

from core.metrics import Filters
from core.report import name_of
from ui.choice import choice_key, choose
from ui.i18n import _
from ui.live.frame import USUAL_WINDOW, WINDOWS, View
from ui.resources import workbench
from ui.state import state

_WINDOW_KEY = "live.window"


def choose_view() -> View:
    """Draw the controls and return what was chosen."""
    names = {
        "5m": _("5 min"),
        "1h": _("1 h"),
        "24h": _("24 h"),
        "7d": _("7 days"),
        "all": _("All"),
    }
    if _WINDOW_KEY not in st.session_state:
        st.session_state[_WINDOW_KEY] = _remembered_window()
    window = st.segmented_control(
        _("Window"),
        list(WINDOWS),
        required=True,
        format_func=names.__getitem__,
        key=_WINDOW_KEY,
        label_visibility="collapsed",
    )
    _keep(_WINDOW_KEY, "" if window == USUAL_WINDOW else window)
    state().choices[_WINDOW_KEY] = window
    return View(window, _choose_filters())


def _remembered_window() -> str:
    """Return the window of the address, else the one of the last visit."""
    known = state().choices.get(_WINDOW_KEY, USUAL_WINDOW)
    wanted = st.query_params.get(_WINDOW_KEY, known)
    return wanted if wanted in WINDOWS else USUAL_WINDOW


def _keep(key: str, value: str) -> None:
    """Put a choice into the address, or take it out."""
    if value:
        st.query_params[key] = value
    elif key in st.query_params:
        del st.query_params[key]


def _choose_filters() -> Filters:
    known = workbench().metrics.known()
    with st.popover(_filters_label(), icon=":material/filter_list:", key="live.filters"):
        return Filters(
            model=_filter("model", _("Model"), known.models),
            task=_filter("task", _("Task"), known.tasks),
            lane=_filter("lane", _("Lane"), known.lanes),
            front_end=_filter("front_end", _("Asked by"), known.front_ends),
        )


def _filters_label() -> str:
    chosen = sum(1 for name in Filters.__dataclass_fields__ if _chosen(_key(name)))
    return _("Filters: {count}").format(count=chosen) if chosen else _("Filters")


def _chosen(key: str) -> str:
    """Return what a filter will say when it is drawn."""
    widget = choice_key(key)
    if widget in st.session_state:
        return str(st.session_state[widget])
    return state().choices.get(key, st.query_params.get(key, ""))


def _filter(name: str, label: str, values: Iterable[str]) -> str | None:
    """Offer the values that the ledger knows; the address says what is chosen."""
    key = _key(name)
    linked = st.query_params.get(key, "")
    options = {"": _("all"), **{value: name_of(name, value, _) for value in values}}
    if linked:
        # A shared address may be ahead of the ledger.
        options.setdefault(linked, name_of(name, linked, _))
    chosen = choose(label, options, name=key, default=linked)
    _keep(key, chosen)
    return chosen or None


def _key(name: str) -> str:
    return f"live.{name}"
