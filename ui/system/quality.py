"""Quality runs: choose a suite, put it to a model, watch it."""

from pathlib import Path

import streamlit as st

from core.errors import VisionError
from core.quality.suites import OWN_FOLDER, load_suite, suite_files
from core.quality.types import QualityRun, Suite
from core.types import Detail
from ui import format as fmt
from ui.choice import choose
from ui.diagnosis_box import show_error
from ui.engine_badge import today
from ui.i18n import _
from ui.resources import runtime, workbench
from ui.system.quality_results import show_results
from ui.text import literal

_WITHIN_S = 60
_EVERY = "1s"
_WANTED = "system.quality.wanted"
_LONGEST_QUESTION = 8000
_AS_WRITTEN = ""


def show_quality() -> None:
    """Draw the choice, what runs and what came of earlier runs."""
    st.caption(
        _(
            "A suite asks questions whose answers are known. Run it before a prompt, a model or a "
            "detail changes, and compare: it says whether answers got worse."
        )
    )
    under_way = workbench().quality.under_way()
    if under_way is None:
        _offer_run()
    else:
        st.fragment(_show_progress, run_every=_EVERY)(under_way.id)
    if workbench().quality.latest(1):
        show_results()
    elif under_way is None:
        _show_empty()


def _offer_run() -> None:
    names = _suite_names()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        path = choose(
            _("Suite"), names, name="system.quality.suite", default=next(iter(names)), width=300
        )
        model = _choose_model()
        detail = _choose_detail()
        begin = st.button(
            _("Run"), key="system.quality.run", type="primary", icon=":material/play_arrow:"
        )
    prompt = st.text_input(
        _("Another question in every case (optional)"),
        max_chars=_LONGEST_QUESTION,
        key="system.quality.prompt",
        placeholder=_("Empty: each case asks its own"),
    ).strip()
    try:
        suite = load_suite(Path(path)).asked_with(prompt, Detail(detail) if detail else None)
    except VisionError as error:
        show_error(error)
        return
    text = _("{count} questions, each asked anew, past the cache")
    st.caption(text.format(count=len(suite.cases)))
    if workbench().settings.embedded:
        is_agreed = begin
    else:
        is_agreed = _agree_on_price(suite, (path, model, detail, prompt), asked=begin)
    if is_agreed:
        runtime().run(workbench().quality.start(suite, model), _WITHIN_S)
        st.rerun()


def _agree_on_price(suite: Suite, choice: tuple[str, ...], *, asked: bool) -> bool:
    """Say what a run will cost once somebody wants it, and wait for a second press."""
    if asked:
        st.session_state[_WANTED] = choice
    if st.session_state.get(_WANTED) != choice:
        return False
    with st.spinner(_("Working out the price …")):
        usd = runtime().run(workbench().quality.expected_usd(suite, choice[1]), _WITHIN_S)
    label = _("Run for about {amount}").format(amount=fmt.markdown_usd(usd))
    if st.button(label, key="system.quality.agree", icon=":material/payments:"):
        del st.session_state[_WANTED]
        return True
    return False


def _suite_names() -> dict[str, str]:
    """Return every suite by its path; one that cannot be read is called by its file."""
    names = {}
    for file in suite_files(workbench().settings.tessera_data_dir):
        try:
            name = load_suite(file.path).name
        except VisionError:
            name = file.path.name
        names[str(file.path)] = _(name) if file.is_builtin else name
    return names


def _choose_model() -> str:
    bench = workbench()
    if bench.settings.embedded:
        known = [bench.settings.model]
    else:
        cards = [card.name for card in bench.catalog.live_cards(today())]
        known = list(dict.fromkeys([bench.settings.model, *cards]))
    return choose(
        _("Model"),
        {name: name for name in known},
        name="system.quality.model",
        default=bench.settings.model,
        width=220,
    )


def _choose_detail() -> str:
    """Offer one detail for every case; empty leaves each its own."""
    names = {
        _AS_WRITTEN: _("As in the suite"),
        Detail.AUTO.value: _("Automatic"),
        Detail.LOW.value: _("Low"),
        Detail.HIGH.value: _("High"),
        Detail.ORIGINAL.value: _("Original"),
    }
    return choose(_("Detail"), names, name="system.quality.detail", default=_AS_WRITTEN, width=170)


def _show_progress(run_id: str) -> None:
    run = workbench().quality.under_way()
    if run is None or run.id != run_id:
        st.rerun()
    else:
        _show_run_under_way(run)


def _show_run_under_way(run: QualityRun) -> None:
    done = len(run.results)
    with st.container(border=True, key="quality-progress"):
        with st.container(horizontal=True, vertical_alignment="center"):
            title = f"**{literal(_(run.suite))}** · `{run.model}`"
            st.markdown(title, width="stretch")
            if st.button(_("Stop"), key="system.quality.stop", icon=":material/stop:"):
                runtime().run(workbench().quality.stop(run.id), _WITHIN_S)
                st.rerun()
        text = _("{done} of {total} done").format(done=done, total=run.total)
        st.progress(done / run.total, text)
        for result in run.results:
            mark = ":green[:material/check:]" if result.passed else ":red[:material/close:]"
            st.caption(f"{mark} {literal(_(result.title))} · {fmt.seconds(result.latency_s)}")


def _show_empty() -> None:
    folder = workbench().settings.tessera_data_dir / OWN_FOLDER
    with st.container(border=True, key="quality-empty", gap="small"):
        st.markdown(_("**No run yet.** The suite above takes less than a minute."))
        st.markdown(
            _(
                "Your own suites are YAML files in `{folder}`: a picture, a question, and what "
                "the answer must contain, equal, cost or take. docs/quality.md shows how."
            ).format(folder=folder)
        )
        st.markdown(_("For CI: `python -m core qa --json` ends with 1 when a case fails."))
