"""Answers as files."""

from collections.abc import Collection, Sequence

import streamlit as st

from core.export import ExportItem, to_csv, to_json, to_markdown
from core.i18n import translator
from core.review import withheld
from core.runs import RunItem
from core.tasks import task
from ui.i18n import _, language
from ui.resources import workbench


def show_downloads(run_id: str, items: Sequence[RunItem], *, key: str) -> None:
    """Offer the finished items as JSON, Markdown and CSV; each is made when it is asked for.

    The words of held answers are left out.
    """
    translate = translator(language())
    positions = {item.position for item in items}
    formats = {
        "JSON": ("json", "application/json", to_json),
        "Markdown": ("md", "text/markdown", to_markdown),
        "CSV": ("csv", "text/csv", to_csv),
    }
    for name, (ending, mime, write) in formats.items():
        st.download_button(
            name,
            data=lambda write=write: write(_exported(run_id, positions), translate),
            file_name=f"tessera.{ending}",
            mime=mime,
            key=f"{key}.download.{ending}",
            icon=":material/download:",
            help=_("Download as {format}").format(format=name),
            on_click="ignore",
        )


def _exported(run_id: str, positions: Collection[int]) -> list[ExportItem]:
    """Return the items as they are now, with corrections made since the page was drawn."""
    return [
        ExportItem(
            id=str(item.position + 1),
            source=item.source.name,
            outcome=withheld(item.outcome),
            model=item.question.model,
            detail=item.question.detail,
            estimate=item.estimate,
            corrected=item.corrected,
            disclaimer=task(item.question.task).disclaimer,
        )
        for item in workbench().runs.items(run_id)
        if item.position in positions and item.outcome is not None
    ]
