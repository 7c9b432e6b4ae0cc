"""`python -m core qa`: put suites to a model, and say what changed since another run."""

import asyncio
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from core.cli_output import (
    EXIT_OK,
    EXIT_SOME_FAILED,
    EXIT_STOPPED,
    STOPPING_CODES,
    Console,
    table,
    usd,
)
from core.cli_text import plain_line
from core.errors import InputNotUsableError
from core.export import money
from core.i18n import Language
from core.phrases import N_, Phrase, Translate
from core.quality.compare import CaseChange, Change, Comparison, compare
from core.quality.runs import QualityRuns, Trial
from core.quality.suites import BUILTIN, load_suite
from core.quality.types import CaseResult, QualityRun, Suite
from core.settings import Settings
from core.types import Detail
from core.workbench import Workbench

LATEST = "last"
"""Compare with the newest kept run of the same suite."""

_CHANGES = {
    Change.BROKEN: N_("passed before, fails now"),
    Change.FIXED: N_("failed before, passes now"),
    Change.STILL_FAILS: N_("still fails"),
    Change.STILL_PASSES: N_("still passes"),
    Change.ADDED: N_("new"),
    Change.REMOVED: N_("no longer there"),
}


def add_qa(parser: ArgumentParser, _: Translate) -> None:
    """Describe the command's arguments."""
    suite = _("A suite (.yaml); without one, the suite that comes with Tessera.")
    parser.add_argument("suite", nargs="*", type=Path, metavar="SUITE", help=suite)
    parser.add_argument("--model", help=_("Which model to ask."))
    prompt = _("Ask this in every case, in place of its own question.")
    parser.add_argument("--prompt", help=prompt)
    detail = _("Look this closely in every case.")
    parser.add_argument("--detail", choices=[*Detail], help=detail)
    parser.add_argument(
        "--compare",
        metavar="RUN",
        help=_("An earlier run by its id, or last for the newest of the same suite."),
    )
    parser.add_argument("--json", action="store_true", help=_("Print one JSON document."))


def qa(arguments: Namespace, settings: Settings, language: Language, spoken: Console) -> int:
    """Run the suites one after another; return the exit code."""
    del language
    detail = Detail(arguments.detail) if arguments.detail else None
    suites = [
        load_suite(path).asked_with(arguments.prompt, detail)
        for path in arguments.suite or sorted(BUILTIN.glob("*.yaml"))
    ]

    async def work() -> int:
        bench = Workbench.open(settings)
        try:
            asked = _Qa(bench.quality, spoken, arguments.model or settings.model)
            if not settings.embedded:
                await asked.tell_price(suites)
            return await asked.run(suites, arguments.compare)
        finally:
            await bench.close()

    return asyncio.run(work())


class _Qa:
    """One call of the command."""

    def __init__(self, quality: QualityRuns, console: Console, model: str) -> None:
        self._quality = quality
        self._console = console
        self._model = model

    async def tell_price(self, suites: list[Suite]) -> None:
        """Say what the questions are expected to cost, before one is asked."""
        for suite in suites:
            expected_usd = await self._quality.expected_usd(suite, self._model)
            cost = usd(expected_usd, self._console.translate(N_("unknown")))
            said = Phrase(
                "{suite}: {count} questions, expected cost {cost}.",
                {"suite": suite.name, "count": len(suite.cases), "cost": cost},
            )
            self._console.note(said)

    async def run(self, suites: list[Suite], compared_with: str | None) -> int:
        before = {suite.name: self._before(suite, compared_with) for suite in suites}
        if compared_with and compared_with != LATEST and not any(before.values()):
            raise InputNotUsableError(
                Phrase("There is no earlier run {id} of these suites.", {"id": compared_with})
            )
        self._console.note(Phrase("Every question is asked anew, past the cache."))
        runs, comparisons = [], []
        for suite in suites:
            run = await self._quality.run(Trial(suite, self._model, "cli", self._tell))
            runs.append(run)
            if earlier := before[suite.name]:
                comparisons.append(compare(earlier, run))
        self._show(runs, comparisons)
        return exit_code(runs)

    def _before(self, suite: Suite, wanted: str | None) -> QualityRun | None:
        if wanted is None:
            return None
        if wanted == LATEST:
            latest = self._quality.latest(1, suite.name)
            return self._quality.progress(latest[0].id) if latest else None
        found = self._quality.progress(wanted)
        return found if found and found.suite == suite.name else None

    def _tell(self, result: CaseResult) -> None:
        state = "ok" if result.passed else "FAIL"
        self._console.progress(f"{state:4}  {result.id}  {result.latency_s:.1f} s")

    def _show(self, runs: list[QualityRun], comparisons: list[Comparison]) -> None:
        translate = self._console.translate
        if self._console.as_json:
            document: dict[str, Any] = {"runs": [run_json(run, translate) for run in runs]}
            document["comparisons"] = [comparison_json(each) for each in comparisons]
            self._console.document(document)
            return
        for run in runs:
            self._console.text(_run_text(run, translate))
        for comparison in comparisons:
            self._console.text(_comparison_text(comparison, translate))


def exit_code(runs: list[QualityRun]) -> int:
    """Return what the process ends with."""
    failed = [result for run in runs for result in run.results if not result.passed]
    if any(result.code in STOPPING_CODES for result in failed):
        return EXIT_STOPPED
    return EXIT_SOME_FAILED if failed else EXIT_OK


def run_json(run: QualityRun, translate: Translate) -> dict[str, Any]:
    """Return a run for programs; money is a string, unknown is null."""
    return {
        "id": run.id,
        "suite": run.suite,
        "model": run.model,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "passed": run.passed,
        "failed": run.failed,
        "cost_usd": money(run.cost_usd),
        "cases": [_case_json(result, translate) for result in run.results],
    }


def _case_json(result: CaseResult, translate: Translate) -> dict[str, Any]:
    return {
        "id": result.id,
        "passed": result.passed,
        "expectations": [
            {"met": verdict.is_met, "said": verdict.said.translated(translate)}
            for verdict in result.verdicts
        ],
        "code": result.code,
        "answer": result.answer,
        "model": result.model,
        "detail": result.detail,
        "cost_usd": money(result.cost_usd),
        "latency_s": round(result.latency_s, 3),
    }


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Return for programs what changed."""
    return {
        "before": comparison.before.id,
        "after": comparison.after.id,
        "broken": comparison.count(Change.BROKEN),
        "fixed": comparison.count(Change.FIXED),
        "cost_usd": [money(comparison.before.cost_usd), money(comparison.after.cost_usd)],
        "cases": [
            {
                "id": case.id,
                "change": case.change.value,
                "settings": list(case.settings),
                "answer_diff": list(case.answer_diff),
            }
            for case in comparison.cases
        ],
    }


def _run_text(run: QualityRun, translate: Translate) -> str:
    unknown = translate(N_("unknown"))
    header = [translate(N_("Case")), "", translate(N_("Time")), translate(N_("Cost"))]
    rows = [
        [result.title, _mark(result), f"{result.latency_s:.1f} s", usd(result.cost_usd, unknown)]
        for result in run.results
    ]
    unmet = [
        f"{result.id}: {plain_line(verdict.said.translated(translate))}"
        for result in run.results
        for verdict in result.verdicts
        if not verdict.is_met
    ]
    sums = Phrase(
        "Passed: {passed}, failed: {failed}, cost: {cost}.",
        {"passed": run.passed, "failed": run.failed, "cost": usd(run.cost_usd, unknown)},
    )
    head = f"=== {run.suite} · {run.model} · {run.id}"
    return "\n".join([head, table(header, rows, left=2), *unmet, sums.translated(translate), ""])


def _mark(result: CaseResult) -> str:
    return "ok" if result.passed else "FAIL"


def _comparison_text(comparison: Comparison, translate: Translate) -> str:
    before, after = comparison.before, comparison.after
    head = Phrase(
        "Compared with {id} ({model}, {date}):",
        {"id": before.id, "model": before.model, "date": before.started_at.date().isoformat()},
    )
    lines = [head.translated(translate)]
    for case in comparison.cases:
        lines.append(f"  {case.id}: {translate(_CHANGES[case.change])}{_numbers(case)}")
        lines += [f"    {plain_line(line)}" for line in case.answer_diff[:20]]
    unknown = translate(N_("unknown"))
    costs = f"{usd(before.cost_usd, unknown)} -> {usd(after.cost_usd, unknown)}"
    return "\n".join([*lines, f"  {translate(N_('Cost'))}: {costs}", ""])


def _numbers(case: CaseChange) -> str:
    """Return what it took and cost before and now, and what was asked differently."""
    if case.before is None or case.after is None:
        return ""
    before, after = case.before, case.after
    told = [
        f"{before.latency_s:.1f} s -> {after.latency_s:.1f} s",
        f"{usd(before.cost_usd, '?')} -> {usd(after.cost_usd, '?')}",
        *(
            f"{name}: {plain_line(getattr(before, name))} -> {plain_line(getattr(after, name))}"
            for name in case.settings
        ),
    ]
    return f" ({'; '.join(told)})"
