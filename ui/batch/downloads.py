"""A batch's results as files."""

from core.batch import BatchId, ExportFormat
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


def show_exports(batch_id: BatchId) -> None:
    """Offer every format; a file is made while the browser takes it, also while the batch runs."""
    help_ = _("Download the results so far as {format}")
    files = [
        Download(name, f"{base_path()}/export/{_ticket(batch_id, kind)}", help_.format(format=name))
        for kind, name in _NAMES.items()
    ]
    downloads(files, key="batch.exports")


def _ticket(batch_id: BatchId, kind: ExportFormat) -> str:
    """Return this session's ticket; a new one when the process has forgotten it."""
    parcel, tickets, outbox = Parcel(batch_id, kind), state().tickets, workbench().outbox
    if outbox.parcel(tickets.get(parcel, "")) is None:
        tickets[parcel] = outbox.new_ticket(parcel)
    return tickets[parcel]
