"""Alerts: what is wrong now, what was, and the thresholds."""

from datetime import datetime
from zoneinfo import ZoneInfo

import streamlit as st

from core.alerts import DEFAULT_RULES, Alert, AlertKind, Rule, checked_rule, sentence
from core.diagnosis import Severity
from core.errors import VisionError
from ui.diagnosis_box import show_error
from ui.i18n import _, say
from ui.live.frame import Look
from ui.resources import runtime, workbench
from ui.text import harmless_markdown

_HISTORY = 50
_DRAWINGS_KEPT = 16
_RULE_PX = 260
_JUDGE_WITHIN_S = 30
_IN_PERCENT = {AlertKind.SUCCESS, AlertKind.DRIFT, AlertKind.CACHE, AlertKind.BUDGET}


def show_active(zone: str) -> None:
    """Draw what is wrong now, the worst first."""
    with st.container(key="live-alerts"):  # in one place: what is below must not be made anew
        for alert in sorted(workbench().alerts.active, key=_is_mild):
            draw = st.warning if _is_mild(alert) else st.error
            words = _("{sentence} Since {time}.").format(
                sentence=harmless_markdown(say(sentence(alert))),
                time=_moment(alert.fired_at, ZoneInfo(zone)),
            )
            draw(words, icon=":material/notifications_active:")


def _is_mild(alert: Alert) -> bool:
    return alert.severity is not Severity.HIGH


def _of_alerts(look: Look) -> str:
    """Return the part of a look that alerts depend on."""
    return repr((look.pulse.bench, look.pulse.alerts, look.language, look.zone))


@st.cache_resource(max_entries=_DRAWINGS_KEPT, show_spinner=False, hash_funcs={Look: _of_alerts})
def show_history(look: Look) -> None:
    """Draw the last alerts as a table, if there were any."""
    history = workbench().alerts.store.history(_HISTORY)
    if not history:
        return
    st.subheader(_("Alerts so far"), anchor=False)
    st.dataframe([_row(alert, ZoneInfo(look.zone)) for alert in history], hide_index=True)


def _row(alert: Alert, zone: ZoneInfo) -> dict[str, str]:
    cleared = _moment(alert.cleared_at, zone) if alert.cleared_at else _("still active")
    return {
        _("Fired"): _moment(alert.fired_at, zone),
        _("Cleared"): cleared,
        _("Alert"): say(sentence(alert)),
    }


def show_thresholds() -> None:
    """Offer the form of all rules."""
    if st.button(_("Thresholds"), icon=":material/tune:", key="live.thresholds"):
        st.dialog(_("Thresholds"), width="medium", icon=":material/tune:")(_edit_rules)()


def _edit_rules() -> None:
    """Draw the form; saving judges the numbers at once."""
    watch = workbench().alerts
    st.caption(_("An alert fires beyond its threshold, and clears when all was well for a minute."))
    with st.form("live.rules", border=False):
        with st.grid(2, min_column_width=_RULE_PX, gap="small"):
            rules = [_edit(rule) for rule in watch.store.rules()]
        if not st.form_submit_button(_("Save"), type="primary"):
            return
    try:
        watch.store.set_rules([checked_rule(rule) for rule in rules])
        runtime().run(watch.look_and_tell(), _JUDGE_WITHIN_S)
    except VisionError as error:
        show_error(error)
    else:
        st.rerun()


def _edit(rule: Rule) -> Rule:
    factor = 100 if rule.kind in _IN_PERCENT else 1
    usual = next(each.fires_at for each in DEFAULT_RULES if each.kind is rule.kind) * factor
    with st.container(horizontal=True, vertical_alignment="bottom"):
        value = st.number_input(
            _labels()[rule.kind],
            value=rule.fires_at * factor,
            max_value=100.0 if rule.kind in _IN_PERCENT else None,
            step=1.0,
            format="%g",
            key=f"live.rule.{rule.kind}",
            help=_("Usually {value}").format(value=f"{usual:g}"),
        )
        is_on = st.toggle(
            _("On"), value=rule.is_on, key=f"live.on.{rule.kind}", label_visibility="collapsed"
        )
    return Rule(rule.kind, value / factor, is_on)


def _labels() -> dict[AlertKind, str]:
    return {
        AlertKind.LATENCY: _("Mean response time above (s, 15 minutes)"),
        AlertKind.SUCCESS: _("Success rate below (%, 15 minutes)"),
        AlertKind.COST: _("Cost above (USD, 24 hours)"),
        AlertKind.DRIFT: _("Bills differ from estimates by (%, 24 hours)"),
        AlertKind.CACHE: _("Cache hits below (% of the day before)"),
        AlertKind.SHUTDOWN: _("A used model is shut down within (days)"),
        AlertKind.BUDGET: _("Budget spent or set aside (%)"),
    }


def _moment(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
