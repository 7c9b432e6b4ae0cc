"""How well estimates and bills agree, and the vendor's own count where it gives one."""

from decimal import Decimal

import streamlit as st

from core.drift import ENOUGH_CALLS, Drift, drift, drift_note
from core.engines.openai import EMBEDDED_ENGINE
from core.errors import VisionError
from core.quote import quote_request
from core.tokens import seen_size
from core.types import Detail
from core.vendor_count import InputCounter, trial_call
from core.what_if import Priced
from ui import format as fmt
from ui.diagnosis_box import show_error
from ui.estimate.words import detail_name, markdown
from ui.i18n import _, say
from ui.resources import runtime, workbench

_LATEST_CALLS = 1000
_COUNT_WITHIN_S = 45


def correction(model: str, detail: Detail) -> float:
    """Return the drift that estimates of this model are corrected by."""
    found = _drifts().get((model, detail))
    return found.correction if found else 0.0


@st.cache_data(ttl=30, max_entries=1, show_spinner=False)
def _drifts() -> dict[tuple[str, Detail], Drift]:
    """Return the drift of every model and detail that was billed lately."""
    ledger = workbench().ledger
    asked = {
        (call.planned.model, Detail(call.planned.detail))
        for call in ledger.recent(_LATEST_CALLS)
        if call.planned.engine != EMBEDDED_ENGINE and call.usage
    }
    found = {
        key: drift((p.estimated_tokens, p.billed_tokens) for p in ledger.drift_pairs(*key))
        for key in sorted(asked)
    }
    return {key: each for key, each in found.items() if each.n}


def show_trust(priced: Priced) -> None:
    """Draw the drift of each model and detail, its warnings, and the check with the vendor."""
    st.subheader(_("Does the estimate match the bill?"), anchor=False)
    drifts = _drifts()
    if not drifts:
        st.caption(
            _(
                "No paid answer is in the ledger yet. Each one is compared with its estimate, and "
                "from {count} on the estimates here follow the bills."
            ).format(count=ENOUGH_CALLS)
        )
    else:
        st.dataframe(
            [_row(model, detail, found) for (model, detail), found in drifts.items()],
            hide_index=True,
            key="estimate.drift",
        )
    for (model, detail), found in drifts.items():
        if note := drift_note(found, model, detail):
            st.warning(markdown(say(note)), icon=":material/trending_up:")
    _offer_check(priced)


def _row(model: str, detail: Detail, found: Drift) -> dict[str, str | int]:
    return {
        _("Model"): model,
        _("Detail"): detail_name(detail),
        _("Answers"): found.n,
        _("Median"): f"{found.median:+.1%}",
        _("95 of 100 within"): f"{found.p95:.1%}",
        _("Corrected by"): f"{found.correction:+.1%}" if found.correction else "–",
    }


def _offer_check(priced: Priced) -> None:
    """Offer the vendor's free count, where a key is set and the endpoint counts."""
    bench = workbench()
    engine = bench.engine
    if bench.settings.openai_api_key is None or not isinstance(engine, InputCounter):
        return
    if not st.button(
        _("Check with the vendor"),
        icon=":material/fact_check:",
        key="estimate.check",
        help=_("Sends a plain grey picture of this size to be counted; counting is free."),
    ):
        return
    scenario, card = priced.scenario, priced.card
    try:
        size = scenario.main_size
        sent = seen_size(size.width_px, size.height_px, card.image_rule, scenario.detail)
        call = trial_call(scenario.model, scenario.detail, sent, scenario.prompt_tokens)
        counted = runtime().run(engine.count_input_tokens(call), _COUNT_WITHIN_S)
    except VisionError as error:
        show_error(error)
        return
    quote = quote_request(
        card,
        sent.width_px,
        sent.height_px,
        scenario.detail,
        scenario.prompt_tokens,
        max_output_tokens=1,
        expected_output_tokens=1,
    )
    _show_count(counted, quote.input_tokens.expected if quote.input_tokens else None)


def _show_count(counted: int, estimated: int | None) -> None:
    if not estimated:
        st.info(_("The vendor counts {count} input tokens.").format(count=fmt.count(counted)))
        return
    away = Decimal(counted - estimated) / estimated
    words = _(
        "The vendor counts {count} input tokens, the estimate says {estimate} ({away}). It counts "
        "for the Responses API; Chat Completions can differ by a few."
    ).format(count=fmt.count(counted), estimate=fmt.count(estimated), away=f"{away:+.1%}")
    draw = st.success if abs(away) <= Decimal("0.02") else st.warning
    draw(markdown(words), icon=":material/fact_check:")
