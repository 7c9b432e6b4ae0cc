"""Priced scenarios as files."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from core.i18n import translator
from core.tables import TableData, table_to_csv, table_to_json, table_to_xlsx
from core.what_if import Priced, scenario_table
from ui.engine_badge import today
from ui.estimate.words import cny_per_usd
from ui.i18n import _, language

_Write = Callable[[TableData], str | bytes]
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def show_table_downloads(priced: Sequence[Priced], *, key: str) -> None:
    """Offer rows as CSV, XLSX and JSON; each is made when it is asked for."""
    translate, rate, day = translator(language()), cny_per_usd(), today()
    formats: dict[str, tuple[str, str, _Write]] = {
        "CSV": ("csv", "text/csv", table_to_csv),
        "XLSX": ("xlsx", _XLSX, table_to_xlsx),
        "JSON": ("json", "application/json", table_to_json),
    }
    with st.container(horizontal=True):
        for name, (ending, mime, write) in formats.items():
            st.download_button(
                name,
                data=partial(_file, write, partial(scenario_table, priced, day, translate, rate)),
                file_name=f"tessera-estimate.{ending}",
                mime=mime,
                key=f"{key}.{ending}",
                icon=":material/download:",
                help=_("Download as {format}").format(format=name),
                on_click="ignore",
            )


def _file(write: Callable[[TableData], str | bytes], table: Callable[[], TableData]) -> str | bytes:
    return write(table())
