"""The guide's tables of batches: what it printed, and what the same costs by the vendor's rules."""

from decimal import Decimal
from typing import Any

import streamlit as st

from core.catalog import Catalog
from core.quote import Lane
from core.scenarios import BATCH_EXAMPLES, RUN_EXAMPLES, Example
from core.what_if import Priced, price_scenario
from ui.i18n import _


def show_guide_batches(catalog: Catalog, key: str) -> None:
    """Draw the table, closed until somebody wants it."""
    with st.expander(_("The guide's batches")):
        rows = [_row(example, catalog) for example in (*RUN_EXAMPLES, *BATCH_EXAMPLES)]
        st.dataframe(rows, hide_index=True, key=key, column_config=_columns(), placeholder="–")
        st.caption(
            _(
                "Printed: the guide's tables. Billed: gpt-4o by the vendor's rule and price, for "
                "pictures of 1024×1024, 200 prompt and 500 answer tokens."
            )
        )


def _row(example: Example, catalog: Catalog) -> dict[str, Any]:
    scenario = example.scenario
    priced = price_scenario(scenario, catalog.card(scenario.model))
    return {
        "example": _(example.title),
        "once_printed": _number(example.printed_usd),
        "once_billed": _on(priced, Lane.REALTIME),
        "batch_printed": _number(example.printed_batch_usd),
        "batch_billed": _on(priced, Lane.BATCH),
    }


def _on(priced: Priced, lane: Lane) -> float | None:
    usd = priced.month_on(lane)
    return _number(usd.expected if usd else None)


def _number(usd: Decimal | None) -> float | None:
    return None if usd is None else float(usd)


def _columns() -> dict[str, Any]:
    labels = {
        "once_printed": _("At once, printed"),
        "once_billed": _("At once, billed"),
        "batch_printed": _("Batch, printed"),
        "batch_billed": _("Batch, billed"),
    }
    number = st.column_config.NumberColumn
    usd = {name: number(label, format="$%.2f") for name, label in labels.items()}
    return {"example": _("Example"), **usd}
