"""Scenarios side by side: from the controls, from the team's file and from the guide."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from core.catalog import Catalog
from core.errors import ConfigurationError, VisionError
from core.quote import Lane
from core.scenarios import (
    MONTH_EXAMPLES,
    Example,
    Scenario,
)
from core.what_if import (
    Correction,
    Priced,
    guide_request,
    price_scenario,
    total_month,
)
from ui import format as fmt
from ui.estimate.controls import LINK, put
from ui.estimate.downloads import show_table_downloads
from ui.estimate.state import MOST_BESIDE, saved_scenarios, state
from ui.estimate.words import (
    complain,
    detail_name,
    lane_name,
    markdown,
    money,
    sizes_name,
    title,
    tokens_name,
)
from ui.guide_batches import show_guide_batches
from ui.i18n import _

_NAME = "estimate.name"
_SAVED = "estimate.saved"
_WIDTHS_PX = {"one": 72, "month": 96}
"""Of the columns with prices: together they fit a window of 1280 px."""


def show_beside(current: Scenario, catalog: Catalog, correction: Correction) -> None:
    """Draw the current scenario and those put beside it, and what can be done with them."""
    st.subheader(_("Scenarios side by side"), anchor=False)
    named = replace(current, name=_("As set above"))
    scenarios = [named, *state().beside]
    priced = [_price(each, catalog, correction) for each in scenarios]
    if len(priced) > 1:
        st.dataframe(
            _columns(priced),
            hide_index=True,
            key="estimate.beside",
            width="stretch",
            height="content",
        )
        if len(priced) > 2:
            _show_sum(priced[1:])
        show_table_downloads(priced, key="estimate.beside")
        _show_actions()
    else:
        st.caption(_("Put scenarios beside this one to compare them; the address keeps them all."))
    _show_keep(current)
    _show_saved()


def _price(scenario: Scenario, catalog: Catalog, correction: Correction) -> Priced:
    card = catalog.card(scenario.model)
    return price_scenario(scenario, card, correction(scenario.model, scenario.detail))


def _columns(priced: Sequence[Priced]) -> list[dict[str, str]]:
    """Return one row for each property and one column for each scenario."""
    lines: list[tuple[str, Callable[[Priced], str]]] = [
        (_("A month"), lambda p: money(p.month.expected if p.month else None)),
        (_("Range"), _range),
        (_("One picture"), lambda p: money(p.request.expected if p.request else None)),
        (_("Model"), lambda p: p.scenario.model),
        (_("Detail"), lambda p: detail_name(p.scenario.detail)),
        (_("Size"), lambda p: sizes_name(p.scenario)),
        (_("Image tokens"), tokens_name),
        (_("Pictures a month"), lambda p: fmt.count(p.scenario.images)),
        (_("Answer tokens"), lambda p: fmt.count(p.scenario.output_tokens)),
        (_("Prompt tokens"), lambda p: fmt.count(p.scenario.prompt_tokens)),
        (_("Already answered"), lambda p: f"{p.scenario.cached_percent} %"),
        (_("Lane"), lambda p: lane_name(p.scenario.lane)),
        (
            _("Shuts down"),
            lambda p: p.card.shutdown_date.isoformat() if p.card.shutdown_date else "–",
        ),
    ]
    titles = _distinct([title(each.scenario) for each in priced])
    rows = []
    for name, read in lines:
        values = {each: read(p) for each, p in zip(titles, priced, strict=True)}
        rows.append({" ": name, **values})
    return rows


def _range(priced: Priced) -> str:
    month = priced.month
    return f"{fmt.usd(month.low)} – {fmt.usd(month.high)}" if month else _("unknown")


def _show_sum(beside: Sequence[Priced]) -> None:
    """Add up those beside, which may be the parts of one plan."""
    total = total_month(beside)
    words = _("Those beside together: {usd} a month.")
    st.caption(markdown(words.format(usd=money(total.expected if total else None))))


def _distinct(titles: Sequence[str]) -> list[str]:
    """Number equal titles: each names a column."""
    return [
        each if titles.index(each) == at else f"{each} ({titles[: at + 1].count(each)})"
        for at, each in enumerate(titles)
    ]


def _show_actions() -> None:
    """Offer to open or drop what is beside."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = _distinct([title(each) for each in state().beside])
        at = st.selectbox(
            _("Beside"),
            range(len(names)),
            format_func=lambda n: names[n],
            key=f"estimate.chosen.{len(names)}",
            width=260,
        )
        st.button(_("Open in the controls"), key="estimate.open", on_click=_open, args=(at,))
        st.button(_("Remove"), key="estimate.remove", on_click=_remove, args=(at,))
        st.button(_("Remove all"), key="estimate.clear", on_click=_clear, type="tertiary")


def _open(at: int) -> None:
    put(state().beside[at])


def _remove(at: int) -> None:
    state().beside.pop(at)


def _clear() -> None:
    state().beside.clear()


def _show_keep(current: Scenario) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(
            _("Name of this scenario"),
            key=_NAME,
            max_chars=80,
            placeholder=_("for example: invoices 2027"),
            width=260,
        )
        named = replace(current, name=" ".join(name.split()))
        if st.button(
            _("Put beside"), icon=":material/splitscreen_right:", key="estimate.put_beside"
        ):
            state().put_beside(named)
            st.rerun()
        if st.button(
            _("Save for the team"),
            icon=":material/save:",
            key="estimate.save",
            disabled=not named.name,
            help=_("Everybody who uses this Tessera sees saved scenarios."),
        ):
            _try(lambda: saved_scenarios().save(named), _("Saved."))
        with st.popover(_("Share"), icon=":material/link:"):
            st.write(
                _("This address opens the page with everything that is set and put beside it.")
            )
            st.code(_address(), language=None, wrap_lines=True)


def _show_saved() -> None:
    try:
        saved = saved_scenarios().all()
    except ConfigurationError as error:
        complain(error)
        return
    if not saved:
        return
    by_name = {scenario.name: scenario for scenario in saved}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(_("Saved by the team"), list(by_name), key=_SAVED, width=260)
        chosen = by_name.get(name or "")
        if chosen is None:
            return
        st.button(
            _("Put beside"),
            key="estimate.saved_beside",
            on_click=state().put_beside,
            args=(chosen,),
        )
        st.button(
            _("Open in the controls"), key="estimate.saved_open", on_click=put, args=(chosen,)
        )
        with st.popover(_("Delete"), icon=":material/delete:"):
            st.write(_("It is deleted for everybody who uses this Tessera."))
            if st.button(_("Delete it"), key="estimate.saved_delete", type="primary"):
                _try(lambda: saved_scenarios().remove(chosen.name), "")
                st.rerun()


def _try(change: Callable[[], None], done: str) -> None:
    try:
        change()
    except VisionError as error:
        complain(error)
    else:
        if done:
            st.toast(done, icon=":material/check:")


def _address() -> str:
    base = str(st.context.url or "").partition("?")[0]
    return f"{base}?{urlencode([(LINK, text) for text in state().link])}"


def show_examples(catalog: Catalog) -> None:
    """Draw the guide's scenarios: what it printed, what its formula says, what is billed."""
    st.subheader(_("The guide's examples at real prices"), anchor=False)
    months = [_example_row(example, catalog) for example in MONTH_EXAMPLES]
    st.dataframe(months, hide_index=True, key="estimate.months", column_config=_example_columns())
    st.caption(
        _(
            "Printed: the guide's table. Its formula: the guide's calculator, which prices images "
            "apart and counts 2,000 tokens for most of them. Billed: gpt-4o by the vendor's rule "
            "and price, for 60 prompt and 500 answer tokens."
        )
    )
    with st.container(horizontal=True):
        st.button(
            _("Put these beside"),
            key="estimate.examples_beside",
            icon=":material/splitscreen_right:",
            on_click=_put_examples,
            args=(MONTH_EXAMPLES,),
        )
    show_guide_batches(catalog, "estimate.lots")


def _put_examples(examples: Sequence[Example]) -> None:
    for example in examples[:MOST_BESIDE]:
        state().put_beside(replace(example.scenario, name=_(example.title)))


def _example_row(example: Example, catalog: Catalog) -> dict[str, Any]:
    scenario = example.scenario
    priced = price_scenario(scenario, catalog.card(scenario.model))
    one = guide_request(scenario)
    return {
        "example": _(example.title),
        "size": sizes_name(scenario),
        "a_day": scenario.images // 30,
        "one_printed": _number(example.printed_single_usd),
        "one_formula": _number(one.usd if one else None),
        "one_billed": _number(priced.request.expected if priced.request else None),
        "month_printed": _number(example.printed_usd),
        "month_billed": _on(priced, Lane.REALTIME),
        "month_batch": _on(priced, Lane.BATCH),
    }


def _on(priced: Priced, lane: Lane) -> float | None:
    usd = priced.month_on(lane)
    return _number(usd.expected if usd else None)


def _number(usd: Decimal | None) -> float | None:
    return None if usd is None else float(usd)


def _example_columns() -> dict[str, Any]:
    cents, mills = "$%.2f", "$%.4f"
    money_columns = {
        "one_printed": (_("Printed"), mills),
        "one_formula": (_("Formula"), mills),
        "one_billed": (_("Billed"), mills),
        "month_printed": (_("Month printed"), cents),
        "month_billed": (_("Month billed"), cents),
        "month_batch": (_("Month batch"), cents),
    }
    return {
        "example": _("Example"),
        "size": _("Size"),
        "a_day": st.column_config.NumberColumn(_("A day"), width=56),
        **{
            name: st.column_config.NumberColumn(
                label, format=form, width=_WIDTHS_PX.get(name.partition("_")[0])
            )
            for name, (label, form) in money_columns.items()
        },
    }
