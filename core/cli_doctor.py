"""`python -m core doctor`: run every check and say what to do about the bad ones."""

from datetime import date
from typing import Any, Final

from core.api_checks import PaidChecks, paid_checks_usd
from core.checks import Check, CheckState
from core.cli_output import EXIT_OK, EXIT_SOME_FAILED, EXIT_STOPPED, STOPPING_CODES, Console
from core.doctor import Patient, examine
from core.export import explain
from core.phrases import Phrase, Translate
from core.version import VERSION

_MARKS: Final = {
    CheckState.OK: "ok  ",
    CheckState.WARN: "warn",
    CheckState.FAIL: "FAIL",
    CheckState.SKIP: "-   ",
}


async def show_checks(patient: Patient, console: Console, today: date, *, paid: bool) -> int:
    """Print each check when it ends (or all as one JSON document); return the exit code.

    Args:
        patient: What to examine.
        console: Where to say it.
        today: For dates of models.
        paid: Whether to ask the model as well, which costs where the engine is not our own.
    """
    if paid and not patient.settings.embedded:
        console.note(await _price(patient))
    checks = []
    async for check in examine(patient, today, PaidChecks(paid, "cli")):
        checks.append(check)
        if not console.as_json:
            console.text(_text(check, console.translate))
    if console.as_json:
        told = [_json(check, console.translate) for check in checks]
        failed = any(check.state is CheckState.FAIL for check in checks)
        console.document({"version": VERSION, "ok": not failed, "checks": told})
    elif not paid and not patient.settings.embedded:
        console.note(Phrase("To ask the model as well: python -m core doctor --paid"))
    return exit_code(checks)


async def _price(patient: Patient) -> Phrase:
    usd = await paid_checks_usd(patient.client, patient.settings.model)
    if usd is None:
        return Phrase("The model is asked twice; what that costs is not known.")
    return Phrase("The model is asked twice, for about ${usd}.", {"usd": f"{usd:.5f}"})


def exit_code(checks: list[Check]) -> int:
    """Return what the process ends with; a warning is no failure."""
    failed = [check for check in checks if check.state is CheckState.FAIL]
    if any(check.code in STOPPING_CODES for check in failed):
        return EXIT_STOPPED
    return EXIT_SOME_FAILED if failed else EXIT_OK


def _text(check: Check, translate: Translate) -> str:
    """Return the check in a line, with what to do and further facts below it."""
    took = "" if check.latency_s is None else f" ({check.latency_s * 1000:.0f} ms)"
    line = f"{_MARKS[check.state]}  {translate(check.title)}: {_message(check, translate)}{took}"
    more = [fact.translated(translate) for fact in check.facts]
    if hint := _hint(check, translate):
        more.append(hint)
    return "\n      ".join([line, *more])


def _json(check: Check, translate: Translate) -> dict[str, Any]:
    return {
        "name": check.name,
        "state": check.state.value,
        "detail": _message(check, translate),
        "facts": [fact.translated(translate) for fact in check.facts],
        "code": check.code,
        "hint": _hint(check, translate),
        "latency_s": None if check.latency_s is None else round(check.latency_s, 3),
    }


def _message(check: Check, translate: Translate) -> str:
    if check.code is None:
        return check.detail.translated(translate)
    words = explain(check.code, check.detail, translate)
    return words.summary if words.message == words.summary else f"{words.summary} {words.message}"


def _hint(check: Check, translate: Translate) -> str | None:
    return None if check.code is None else explain(check.code, check.detail, translate).hint
