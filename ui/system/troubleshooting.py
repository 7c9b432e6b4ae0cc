"""Every code in words, and how often it was met here."""

from typing import Any

import streamlit as st

from core.diagnosis import DIAGNOSES, Diagnosis, Severity, diagnose
from core.store.history import CodeHistory, code_history
from ui.batch.words import date_and_time
from ui.choice import choice_key, choose, set_choice
from ui.i18n import _
from ui.resources import workbench

CODE_PARAMETER = "code"
"""The code in the address that is explained: boxes everywhere link here."""
_NAME = "system.code"


def show_troubleshooting() -> None:
    """Draw what was met in this data directory, and the explanation of one code."""
    history = {each.code: each for each in code_history(workbench().ledger.database)}
    _show_history(history)
    st.subheader(_("What a code means"), anchor=False)
    words = {code: f"{code} · {_(found.summary)}" for code, found in DIAGNOSES.items()}
    asked = st.query_params.get(CODE_PARAMETER, "")
    if asked in words:
        set_choice(_NAME, asked)
    chosen = choose(_("Code"), words, name=_NAME, default="NET001", on_change=_put_into_address)
    _explain(diagnose(chosen), history.get(chosen))


def _put_into_address() -> None:
    st.query_params[CODE_PARAMETER] = st.session_state[choice_key(_NAME)]


def _show_history(history: dict[str, CodeHistory]) -> None:
    st.subheader(_("What happened here"), anchor=False)
    if not history:
        st.caption(_("Nothing went wrong so far."))
        return
    rows = [_row(each) for each in sorted(history.values(), key=lambda each: -each.times)]
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            _("Times"): st.column_config.NumberColumn(width=70),
            _("What happened"): st.column_config.TextColumn(width=320),
        },
    )
    st.caption(
        _("Fixed by itself: the request was answered all the same, after a wait or another try.")
    )


def _row(each: CodeHistory) -> dict[str, Any]:
    return {
        _("Code"): each.code,
        _("What happened"): _(diagnose(each.code).summary),
        _("Times"): each.times,
        _("Fixed by itself"): _share(each),
        _("Last"): date_and_time(each.last_at),
        _("First"): date_and_time(each.first_at),
    }


def _explain(found: Diagnosis, met: CodeHistory | None) -> None:
    with st.container(border=True):
        st.markdown(f"**{_(found.summary)}** · `{found.code}`")
        st.caption(_severity_words()[found.severity])
        st.markdown(_("**Why:** {cause}").format(cause=_(found.cause)))
        st.markdown(_("**What to do:** {solution}").format(solution=_(found.solution)))
        fix = _(found.fix) if found.fix else _("Nothing by itself.")
        st.markdown(_("**What Tessera does:** {fix}").format(fix=fix))
        if met is None:
            st.caption(_("This has not happened here."))
            return
        text = _("Happened {times}× here, last {last}; fixed by itself: {share}.")
        st.caption(text.format(times=met.times, last=date_and_time(met.last_at), share=_share(met)))


def _severity_words() -> dict[Severity, str]:
    return {
        Severity.LOW: _("Low: this picture only, and there is an easy way round."),
        Severity.MEDIUM: _("Medium: this request; others may pass."),
        Severity.HIGH: _("High: every request, until somebody acts."),
        Severity.CRITICAL: _("Critical: the data of Tessera itself."),
    }


def _share(each: CodeHistory) -> str:
    return f"{each.fixed / each.times:.0%}"
