"""What came of quality runs, alone or beside an earlier one."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

import streamlit as st

from core.diagnosis import diagnose
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
_TILE_PX = 170
_SHOWN_S = 0.1
_LONG_ANSWER = 600
_ANSWER_PX = 240
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
        _("Result"), words, name=f"system.quality.result.{newest}", default=newest, width=640
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
        width=640,
    )
    return workbench().quality.progress(before_id) if before_id else None


def _words(run: RunSummary) -> str:
    total = run.passed + run.failed
    passed = _("{passed} of {total} passed").format(passed=run.passed, total=total)
    return f"{moment(run.started_at)} · {passed} · {run.model} · {run.id} · {_(run.suite)}"


def _show_numbers(run: QualityRun, before: QualityRun | None) -> None:
    """Draw the sums, and beside an earlier run what became of them."""
    with st.container(horizontal=True, gap="xsmall", key="quality-numbers"):
        passed = run.passed - before.passed if before else 0
        _tile(_("Passed"), f"{run.passed} / {run.total}", f"{passed:+}" if passed else None)
        slower_s = _took_s(run) - _took_s(before) if before else 0.0
        delta_s = f"{slower_s:+.1f} s" if abs(slower_s) >= _SHOWN_S else None
        _tile(_("Time"), fmt.seconds(_took_s(run)), delta_s, less_is_good=True)
        dearer_usd = _dearer_usd(run, before)
        delta_usd = f"{dearer_usd:+.5f} USD" if dearer_usd else None
        _tile(_("Cost"), fmt.usd(run.cost_usd), delta_usd, less_is_good=True)


def _tile(name: str, value: str, delta: str | None, *, less_is_good: bool = False) -> None:
    colour: Literal["inverse", "normal"] = "inverse" if less_is_good else "normal"
    st.metric(name, value, delta, colour, border=True, width=_TILE_PX, height="stretch")


def _dearer_usd(run: QualityRun, before: QualityRun | None) -> Decimal | None:
    """Return how much more the later run cost; None where one of them is not known."""
    if before is None or run.cost_usd is None or before.cost_usd is None:
        return None
    return run.cost_usd - before.cost_usd


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
    for place, result in enumerate(results[(at - 1) * _A_PAGE : at * _A_PAGE]):
        change = changes.get(result.id)
        opened = place == 0 and not result.passed
        with st.expander(_headline(result, change), expanded=opened):
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
    """Draw one result, beside the earlier one where there is one, and what changed."""
    if change is None or change.before is None:
        _show_result(_("Answer"), result)
        return
    for name in change.settings:
        before, after = getattr(change.before, name), getattr(result, name)
        st.markdown(f"**{_setting_word(name)}**: {literal(before)} → {literal(after)}")
    left, right = st.columns(2)
    with left:
        _show_result(_("Earlier run"), change.before)
    with right:
        _show_result(_("This run"), result)
    if change.answer_diff:
        st.caption(_("What changed in the answer: - before, + now"))
        st.code("\n".join(change.answer_diff), language="diff", wrap_lines=True)
    else:
        st.caption(_("The same answer as before"))


def _show_result(title: str, result: CaseResult) -> None:
    """Draw verdicts, facts and answer of one case in one run."""
    money = fmt.markdown_usd(result.cost_usd)
    facts = [f"`{result.model}`", result.detail, fmt.seconds(result.latency_s), money]
    st.caption(f"**{title}** · {' · '.join(facts)}")
    with st.container(gap="xsmall"):
        for verdict in result.verdicts:
            mark = ":green[:material/check:]" if verdict.is_met else ":red[:material/close:]"
            st.markdown(f"{mark} {literal(say(verdict.said))}")
    if result.code and not result.passed:
        found = diagnose(result.code)
        st.caption(f"`{result.code}` {_(found.summary)} {_(found.solution)}")
    is_long = len(result.answer) > _LONG_ANSWER
    height = _ANSWER_PX if is_long else "content"
    st.code(result.answer or "–", language=None, wrap_lines=True, height=height)


def _setting_word(name: str) -> str:
    return {
        "model": _("Model"),
        "task": _("Task"),
        "prompt": _("Question"),
        "detail": _("Detail"),
    }[name]
