"""The doctor's checks, in a page."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import streamlit as st

from core.api_checks import PaidChecks, paid_checks_usd
from core.checks import Check, CheckState
from core.diagnosis import diagnose
from core.doctor import Patient, examine
from ui import format as fmt
from ui.i18n import _, say
from ui.resources import runtime, workbench
from ui.text import literal

_CHECK_WITHIN_S = 180
_ICONS = {
    CheckState.OK: ":green[:material/check_circle:]",
    CheckState.WARN: ":orange[:material/warning:]",
    CheckState.FAIL: ":red[:material/error:]",
    CheckState.SKIP: ":gray[:material/remove:]",
}
_FOUND = "system.checks"


def show_checks() -> None:
    """Offer the checks and draw what they found, each as it ends."""
    st.caption(
        _("Looks at this machine, then at each layer of the way to the model, and says what to do.")
    )
    paid = _offer_paid()
    if st.button(_("Check everything"), key="system.check", icon=":material/stethoscope:"):
        st.session_state[_FOUND] = []
        with st.spinner(_("Checking …")):
            _run(paid)
        st.rerun()
    found: list[Check] = st.session_state.get(_FOUND, [])
    if found:
        _show_verdict([check.state for check in found])
    with st.container(gap="xsmall"):
        for check in found:
            _draw(check)


def _show_verdict(states: list[CheckState]) -> None:
    """Say in a line what the checks came to."""
    failed, warned = states.count(CheckState.FAIL), states.count(CheckState.WARN)
    if failed:
        st.error(_("Checks that failed: {count}.").format(count=failed))
    elif warned:
        st.warning(_("Nothing failed. Worth a look: {count}.").format(count=warned))
    else:
        st.success(_("No problem was found."))


def _offer_paid() -> bool:
    """Ask whether to ask the model, with the price; the engine inside Tessera costs nothing."""
    bench = workbench()
    if bench.settings.embedded:
        return True
    label = _("Also ask {model} for a word and about a picture").format(
        model=literal(bench.settings.model)
    )
    wanted = st.toggle(label, key="system.check_paid")
    if wanted:
        usd = runtime().run(paid_checks_usd(bench.client, bench.settings.model), _CHECK_WITHIN_S)
        st.caption(_("expected cost {amount}").format(amount=fmt.markdown_usd(usd)))
    return wanted


def _run(paid: bool) -> None:
    """Draw each check as it ends."""
    bench, today = workbench(), datetime.now(UTC).date()
    patient = Patient(bench.settings, bench.catalog, bench.decoder, bench.client)
    checks = examine(patient, today, PaidChecks(paid, "page"))
    with st.container(gap="xsmall"):
        while check := runtime().run(_next(checks), _CHECK_WITHIN_S):
            st.session_state[_FOUND].append(check)
            _draw(check)


async def _next(checks: AsyncIterator[Check]) -> Check | None:
    return await anext(checks, None)


def _draw(check: Check) -> None:
    code = f" `{check.code}`" if check.code else ""
    took = f" · {fmt.seconds(check.latency_s)}" if check.latency_s is not None else ""
    with st.container(gap=None):
        st.markdown(f"{_ICONS[check.state]} **{_(check.title)}**{code}{took}")
        st.caption(literal(say(check.detail)))
        if check.code:
            st.caption(
                _("**What to do:** {solution}").format(solution=_(diagnose(check.code).solution))
            )
        for fact in check.facts:
            st.caption(f"· {literal(say(fact))}")
