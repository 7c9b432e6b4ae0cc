"""A batch's results as files."""

from functools import partial

import streamlit as st

from core.batch import BatchId, ExportFormat
from ui.i18n import _
from ui.resources import workbench

_MIMES = {
    ExportFormat.CSV: "text/csv",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ExportFormat.JSONL: "application/jsonl",
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
}


def show_exports(batch_id: BatchId) -> None:
    """Offer every format; a file is made when it is asked for, also while the batch runs."""
    with st.container(horizontal=True, key="batch-exports", vertical_alignment="center"):
        for kind, mime in _MIMES.items():
            name = kind.value.upper() if kind is not ExportFormat.PARQUET else "Parquet"
            st.download_button(
                name,
                data=partial(_file, batch_id, kind),
                file_name=f"tessera-batch-{batch_id[:8]}.{kind.value}",
                mime=mime,
                key=f"batch.export.{kind.value}",
                icon=":material/download:",
                help=_("Download the results so far as {format}").format(format=name),
                on_click="ignore",
            )


def _file(batch_id: BatchId, kind: ExportFormat) -> bytes:
    return b"".join(workbench().batches.export(batch_id, kind))
