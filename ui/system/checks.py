"""The doctor's checks, in a page."""

from datetime import UTC, datetime

import streamlit as st

from core.doctor import Check, CheckState, Patient, examine
from ui import format as fmt
from ui.i18n import _, say
from ui.resources import runtime, workbench

_CHECK_WITHIN_S = 180
_ICONS = {
    CheckState.OK: ":green[:material/check_circle:]",
    CheckState.WARN: ":orange[:material/warning:]",
    CheckState.FAIL: ":red[:material/error:]",
}


def show_checks() -> None:
    """Offer the checks and draw what they found."""
    st.caption(
        _(
            "Looks at the configuration, the data directory and the engine. The last check asks "
            "the model something tiny."
        )
    )
    if st.button(_("Check everything"), key="system.check", icon=":material/stethoscope:"):
        with st.spinner(_("Checking …")):
            st.session_state["system.checks"] = runtime().run(_examine(), _CHECK_WITHIN_S)
    for check in st.session_state.get("system.checks", []):
        _draw(check)


async def _examine() -> list[Check]:
    bench = workbench()
    patient = Patient(bench.settings, bench.catalog, bench.engine, bench.decoder, bench.client)
    return [check async for check in examine(patient, datetime.now(UTC).date())]


def _draw(check: Check) -> None:
    code = f" `{check.code}`" if check.code else ""
    took = f" · {fmt.seconds(check.latency_s)}" if check.latency_s is not None else ""
    st.markdown(f"{_ICONS[check.state]} **{_(check.title)}**{code}{took}")
    st.caption(say(check.detail))
