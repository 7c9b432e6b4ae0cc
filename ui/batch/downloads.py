"""A batch's results as files."""

import streamlit as st

from core.batch import BatchProgress, ExportFormat
from core.outbox import Parcel
from ui.batch.state import state
from ui.i18n import _
from ui.resources import workbench
from ui.widgets import Download, base_path, downloads

_NAMES = {
    ExportFormat.CSV: "CSV",
    ExportFormat.XLSX: "XLSX",
    ExportFormat.JSONL: "JSONL",
    ExportFormat.PARQUET: "Parquet",
}


def show_exports(progress: BatchProgress) -> None:
    """Offer every format; a file is made while the browser takes it, also while the batch runs.

    Held answers are in it only if the person says so.
    """
    include_held = progress.held > 0 and st.toggle(
        _("Files include answers that nobody has looked at"), key="batch.include_held"
    )
    batch_id = progress.id
    help_ = _("Download the results so far as {format}")
    waiting = _("{format} is being written …")
    files = [
        Download(
            name,
            f"{base_path()}/export/{_ticket(Parcel(batch_id, kind, include_held))}",
            help_.format(format=name),
            waiting.format(format=name),
        )
        for kind, name in _NAMES.items()
    ]
    downloads(files, key="batch.exports")


def _ticket(parcel: Parcel) -> str:
    """Return this session's ticket; a new one when the process has forgotten it."""
    tickets, outbox = state().tickets, workbench().outbox
    if outbox.parcel(tickets.get(parcel, "")) is None:
        tickets[parcel] = outbox.new_ticket(parcel)
    return tickets[parcel]
