"""What went wrong, why, and what to do, for every error that a person meets."""

from collections.abc import Callable

import streamlit as st

from core.diagnosis import diagnose
from core.errors import VisionError
from core.types import Failure
from ui import format as fmt
from ui.i18n import _, say
from ui.text import harmless_markdown
from ui.widgets import base_path

_ICONS = {
    "low": ":material/info:",
    "medium": ":material/warning:",
    "high": ":material/error:",
    "critical": ":material/error:",
}


def show_error(error: VisionError) -> None:
    """Draw an error that happened before any question was asked."""
    show_diagnosis(error.code, say(error.detail))


def show_failure(failure: Failure) -> None:
    """Draw why there is no answer, what it cost all the same, and what had arrived."""
    show_diagnosis(failure.code, say(failure.detail))
    facts = [_("Attempts: {count}").format(count=failure.attempts)]
    if failure.attempts:
        facts.append(_("Cost: {amount}").format(amount=fmt.cost(failure.cost)))
        facts.append(_("Time: {time}").format(time=fmt.seconds(failure.latency_s)))
    st.caption(" · ".join(facts).replace("$", r"\$"))
    for note in failure.notes:
        st.caption("· " + harmless_markdown(say(note)))
    if failure.partial_text:
        with st.expander(_("What had arrived (not a complete answer)")):
            st.code(failure.partial_text, language=None, wrap_lines=True)


def show_diagnosis(code: str, detail: str) -> None:
    """Draw what a code means and what to do about it; `detail` is what happened this time."""
    found = diagnose(code)
    draw = st.warning if found.severity in {"low", "medium"} else st.error
    lines = [f"**{_(found.summary)}** · {code_link(found.code)}"]
    if detail:
        lines.append(harmless_markdown(detail))
    lines.append(_("**Why:** {cause}").format(cause=_(found.cause)))
    lines.append(_("**What to do:** {solution}").format(solution=_(found.solution)))
    if found.fix:
        lines.append(_("**What Tessera does:** {fix}").format(fix=_(found.fix)))
    draw("\n\n".join(lines), icon=_ICONS[found.severity])


def show_held(
    code: str, *, accept: Callable[[], None], ask_again: Callable[[], None], key: str
) -> None:
    """Draw why an answer waits for a person, and let the person decide."""
    with st.container(border=True, gap="small"):
        show_diagnosis(code, "")
        with st.container(horizontal=True):
            if st.button(_("Looks right"), key=f"{key}.accept", icon=":material/check:"):
                accept()
                st.rerun()
            if st.button(_("Ask again"), key=f"{key}.doubt", icon=":material/refresh:"):
                ask_again()
                st.rerun()


def show_other_words(prompt: str, ask: Callable[[], None], *, key: str) -> None:
    """Offer a refused question in more objective words; it is asked only if the person says so."""
    with st.container(border=True, gap="small"):
        st.caption(_("The same question in more objective words:"))
        st.code(prompt, language=None, wrap_lines=True)
        if st.button(_("Ask like this"), key=f"{key}.reworded", icon=":material/edit_note:"):
            ask()
            st.rerun()


def code_link(code: str) -> str:
    """Return a code as Markdown that leads to its explanation and history."""
    return f"[`{code}`]({base_path()}/system?code={code})"
