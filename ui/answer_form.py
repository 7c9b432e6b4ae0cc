"""A structured answer as a form that a person can correct."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.tasks.labels import field_label
from ui.i18n import _

_LONG_TEXT = 90
_LONG_ENTRY = 60


def answer_form(data: Any, *, key: str) -> Any:
    """Show every field of `data`, editable, and return it as the person left it.

    Text and numbers are inputs, lists are tables, objects are headed groups; what is none of these
    is shown as JSON and returned unchanged.
    """
    if isinstance(data, Mapping):
        return {name: _field(name, value, f"{key}.{name}") for name, value in data.items()}
    return _field(_("Answer"), data, key)


def _field(name: str, value: Any, key: str) -> Any:
    label = label_of(name)
    match value:
        case Mapping():
            st.markdown(f"**{label}**")
            with st.container(key=f"group-{key}".replace(".", "-"), gap="small"):
                return answer_form(value, key=key)
        case bool():
            return st.checkbox(label, value=value, key=key)
        case list():
            return _table(label, value, key)
        case None | str() | int() | float():
            return _scalar(label, value, key)
        case _:
            st.json(value)
            return value


def _scalar(label: str, value: str | float | None, key: str) -> Any:
    """Return the edited value in its own type; an emptied field is null."""
    text = "" if value is None else str(value)
    long = len(text) > _LONG_TEXT or "\n" in text
    hint = _("not found") if value is None else None
    if long:
        height = min(400, 60 + 22 * (text.count("\n") + len(text) // _LONG_TEXT))
        written = st.text_area(label, text, key=key, height=height)
    else:
        written = st.text_input(label, text, key=key, placeholder=hint)
    if written == text:
        return value
    if written == "":
        return None
    return _number(written) if isinstance(value, int | float) else written


def _number(text: str) -> int | float | str:
    """Return the number that was typed; what is none stays text, so that nothing typed is lost."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _table(label: str, rows: list[Any], key: str) -> list[Any]:
    """Show a list as a table with rows that can be added and removed."""
    objects = bool(rows) and all(isinstance(row, Mapping) for row in rows)
    if rows and all(isinstance(row, str) for row in rows) and max(map(len, rows)) > _LONG_ENTRY:
        return _sentences(label, rows, key)
    if any(isinstance(row, list) or (isinstance(row, Mapping) and not objects) for row in rows):
        st.markdown(f"**{label}**")
        st.json(rows)
        return rows
    st.caption(label)
    if not rows:
        st.markdown(_(":gray[none found]"))
        return rows
    frame = pd.DataFrame(rows if objects else {label: rows})
    columns = {name: _column(str(name), frame[name]) for name in frame.columns}
    edited = st.data_editor(
        frame,
        key=key,
        num_rows="dynamic",
        hide_index=True,
        column_config=columns,
        width="stretch",
        placeholder="",
    )
    if edited.equals(frame):
        return rows
    kept: list[Any] = json.loads(edited.to_json(orient="records"))
    return kept if objects else [row[label] for row in kept if row[label] is not None]


def _sentences(label: str, rows: list[str], key: str) -> list[str]:
    """Show a list of sentences as one text, a line each: a table would cut them off."""
    text = "\n".join(rows)
    height = 70 + 24 * sum(1 + len(row) // _LONG_TEXT for row in rows)
    written = st.text_area(label, text, key=key, height=min(height, 400))
    return rows if written == text else [line for line in written.splitlines() if line.strip()]


def _column(name: str, values: pd.Series) -> Any:
    """Give words the room and numbers what they need."""
    numbers = pd.api.types.is_numeric_dtype(values) or values.isna().all()
    if numbers:
        return st.column_config.NumberColumn(label_of(name), width="small")
    return st.column_config.TextColumn(label_of(name), width="medium")


def label_of(name: str) -> str:
    """Return a field's name in words; the fields of our own tasks are translated."""
    return _(field_label(name))


def corrections(before: Any, after: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """Return (field, was, is) for each value that differs."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        found = []
        for name in before:
            found += corrections(before[name], after.get(name), f"{path}.{name}" if path else name)
        return found
    return [] if before == after else [(path, before, after)]
