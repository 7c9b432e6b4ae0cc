"""What came of quality runs, alone or beside an earlier one."""

from collections.abc import Sequence

import streamlit as st

from core.quality.compare import CaseChange, Change, Comparison, compare
from core.quality.types import CaseResult, QualityRun, RunSummary
from ui import format as fmt
from ui.batch.words import moment
from ui.choice import choose
from ui.i18n import _, say
from ui.resources import workbench
from ui.text import literal

_RUNS_OFFERED = 50
_A_PAGE = 20
_ALONE = ""


def show_results() -> None:
    """Offer the kept runs, and draw the chosen one."""
    offered = workbench().quality.latest(_RUNS_OFFERED)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run = _choose_run(offered)
        before = _choose_before(offered, run) if run else None
    if run is None:
        return
    comparison = compare(before, run) if before else None
    _show_numbers(run, before)
    if comparison:
        _show_changes(comparison)
    changes = {case.id: case for case in comparison.cases} if comparison else {}
    _show_cases(run, changes)


def _choose_run(offered: Sequence[RunSummary]) -> QualityRun | None:
    words = {each.id: _words(each) for each in offered}
    # The newest run is shown as soon as there is one, whatever was looked at before.
    newest = offered[0].id
    run_id = choose(
        _("Result"), words, name=f"system.quality.result.{newest}", default=newest, width=420
    )
    return workbench().quality.progress(run_id)


def _choose_before(offered: Sequence[RunSummary], run: QualityRun) -> QualityRun | None:
    earlier = [
        each for each in offered if each.suite == run.suite and each.started_at < run.started_at
    ]
    if not earlier:
        return None
    words = {_ALONE: _("nothing")} | {each.id: _words(each) for each in earlier}
    before_id = choose(
        _("Compare with"),
        words,
        name=f"system.quality.before.{run.id}",
        default=earlier[0].id,
        width=420,
    )
    return workbench().quality.progress(before_id) if before_id else None


def _words(run: RunSummary) -> str:
    total = run.passed + run.failed
    passed = _("{passed} of {total} passed").format(passed=run.passed, total=total)
    return f"{moment(run.started_at)} · {run.model} · {passed} · {_(run.suite)}"


def _show_numbers(run: QualityRun, before: QualityRun | None) -> None:
    """Draw the sums; beside an earlier run, what became of them."""
    took_s, cost_usd = _took_s(run), run.cost_usd
    with st.container(horizontal=True, gap="xsmall", key="quality-numbers"):
        passed = f"{run.passed} / {run.total}"
        delta = run.passed - before.passed if before else None
        st.metric(_("Passed"), passed, delta=delta, border=True, width=150)
        delta_s = f"{took_s - _took_s(before):+.1f} s" if before else None
        time = fmt.seconds(took_s)
        st.metric(_("Time"), time, delta=delta_s, delta_color="inverse", border=True, width=150)
        delta_usd = None
        if before and cost_usd is not None and before.cost_usd is not None:
            delta_usd = float(cost_usd - before.cost_usd) or None
        money = None if delta_usd is None else f"{delta_usd:+.5f} USD"
        st.metric(
            _("Cost"), fmt.usd(cost_usd), delta=money, delta_color="inverse", border=True, width=150
        )


def _took_s(run: QualityRun) -> float:
    return sum(result.latency_s for result in run.results)


def _show_changes(comparison: Comparison) -> None:
    """Say first whether answers got worse."""
    broken, fixed = comparison.count(Change.BROKEN), comparison.count(Change.FIXED)
    if broken:
        st.error(_("Worse: {count} passed before and fail now.").format(count=broken))
    if fixed:
        st.success(_("Better: {count} failed before and pass now.").format(count=fixed))
    if not broken and not fixed:
        st.info(_("No case changed its verdict."))


def _show_cases(run: QualityRun, changes: dict[str, CaseChange]) -> None:
    """Draw every case, those that fail first."""
    results = sorted(run.results, key=lambda result: result.passed)
    pages = -(-len(results) // _A_PAGE)
    at = st.pagination(pages, key=f"system.quality.page.{run.id}") if pages > 1 else 1
    for result in results[(at - 1) * _A_PAGE : at * _A_PAGE]:
        change = changes.get(result.id)
        with st.expander(_headline(result, change), expanded=False):
            _show_case(result, change)


def _headline(result: CaseResult, change: CaseChange | None) -> str:
    mark = ":green[:material/check_circle:]" if result.passed else ":red[:material/error:]"
    parts = [f"{mark} {literal(_(result.title))}"]
    if change is not None and change.change in _CHANGED:
        colour = _CHANGED[change.change]
        parts.append(f":{colour}-badge[{_change_word(change.change)}]")
    money = fmt.markdown_usd(result.cost_usd)
    return " · ".join([*parts, fmt.seconds(result.latency_s), money])


_CHANGED = {Change.BROKEN: "red", Change.FIXED: "green", Change.ADDED: "blue"}


def _change_word(change: Change) -> str:
    return {
        Change.BROKEN: _("passed before"),
        Change.FIXED: _("failed before"),
        Change.ADDED: _("new"),
    }[change]


def _show_case(result: CaseResult, change: CaseChange | None) -> None:
    for verdict in result.verdicts:
        mark = ":green[:material/check:]" if verdict.is_met else ":red[:material/close:]"
        st.markdown(f"{mark} {literal(say(verdict.said))}")
    st.caption(f"`{result.model}` · {result.task} · {result.detail}")
    if change is None or change.before is None:
        _show_text(_("Answer"), result.answer)
        return
    _show_settings(change)
    before = change.before
    facts = [
        f"{fmt.seconds(before.latency_s)} → {fmt.seconds(result.latency_s)}",
        f"{fmt.markdown_usd(before.cost_usd)} → {fmt.markdown_usd(result.cost_usd)}",
    ]
    st.caption(" · ".join(facts))
    if change.answer_diff:
        st.caption(_("What changed in the answer: - before, + now"))
        st.code("\n".join(change.answer_diff), language="diff", wrap_lines=True)
    else:
        _show_text(_("The same answer as before"), result.answer)


def _show_settings(change: CaseChange) -> None:
    """Say what was asked differently."""
    for name in change.settings:
        before, after = getattr(change.before, name), getattr(change.after, name)
        st.markdown(f"**{_setting_word(name)}**: {literal(before)} → {literal(after)}")


def _setting_word(name: str) -> str:
    return {
        "model": _("Model"),
        "task": _("Task"),
        "prompt": _("Question"),
        "detail": _("Detail"),
    }[name]


def _show_text(title: str, text: str) -> None:
    st.caption(title)
    st.code(
        text or "–", language=None, wrap_lines=True, height=240 if len(text) > 600 else "content"
    )
