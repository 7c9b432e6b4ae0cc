"""`python -m core metrics`: what the ledger says about a window of time."""

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from core.cli_output import EXIT_OK, Console, usd
from core.export import money
from core.i18n import Language
from core.metrics import Latency, Metrics, MetricsReader, Share
from core.phrases import Phrase, Translate
from core.settings import Settings
from core.store.database import open_database
from core.store.rollups import rebuild

_UNIT: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_ALL: Final = "all"


def add_metrics(parser: ArgumentParser, _: Translate) -> None:
    """Add the arguments of the command."""
    window = _("How far to look back: 30s, 15m, 1h, 7d, or all.")
    parser.add_argument("--window", type=_window, default="1h", metavar="TIME", help=window)
    again = _("First add everything up again from the ledger.")
    parser.add_argument("--rebuild", action="store_true", help=again)
    parser.add_argument("--json", action="store_true", help=_("Print one JSON document."))


def metrics(arguments: Namespace, settings: Settings, language: Language, console: Console) -> int:
    """Print the metrics of the window that ends now.

    Raises:
        StorageError: If the ledger cannot be read.
    """
    del language
    window: timedelta | None = arguments.window
    database = open_database(settings.tessera_data_dir)
    try:
        if arguments.rebuild:
            rebuild(database)
        found = MetricsReader(database).measure(datetime.now(UTC) - window if window else None)
    finally:
        database.dispose()
    if console.as_json:
        asked_s = window.total_seconds() if window else round(found.window_s, 3)
        console.document(metrics_json(replace(found, window_s=asked_s)))
    else:
        _print(found, console)
    return EXIT_OK


def metrics_json(found: Metrics) -> dict[str, Any]:
    """Return metrics as programs read them; money as text, an unknown rate as null."""
    return {
        "window_s": found.window_s,
        "requests": found.requests,
        "calls": found.calls,
        "succeeded": found.succeeded,
        "failed": found.failed,
        "stopped": found.stopped,
        "cached": found.cached,
        "held": found.held,
        "success_rate": found.success_rate,
        "cache_hit_rate": found.cache_hit_rate,
        "throughput_per_minute": found.throughput_per_minute,
        "in_flight": found.in_flight,
        "drift": found.drift,
        "latency_s": _latency_json(found.latency),
        "first_token_s": _latency_json(found.first_token),
        "tokens": {
            "input": found.tokens.input,
            "output": found.tokens.output,
            "cache_read": found.tokens.cache_read,
        },
        "cost_usd": {
            "measured": money(found.cost.measured_usd),
            "estimated": money(found.cost.estimated_usd),
            "total": money(found.cost.total_usd),
            "saved_cache": money(found.cost.saved_cache_usd),
            "saved_batch": money(found.cost.saved_batch_usd),
            "saved_resizing": money(found.cost.saved_resizing_usd),
            "unknown_calls": found.cost.unknown_calls,
        },
        "failures": dict(found.failures),
        "by_model": _shares_json(found.by_model),
        "by_task": _shares_json(found.by_task),
        "by_lane": _shares_json(found.by_lane),
        "by_front_end": _shares_json(found.by_front_end),
    }


def _latency_json(found: Latency) -> dict[str, float | None]:
    return {
        "mean": found.mean_s,
        "min": found.min_s,
        "max": found.max_s,
        "p50": found.p50_s,
        "p95": found.p95_s,
        "p99": found.p99_s,
    }


def _shares_json(shares: Mapping[str, Share]) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "requests": share.requests,
            "calls": share.calls,
            "succeeded": share.succeeded,
            "failed": share.failed,
            "cached": share.cached,
            "tokens": {"input": share.input_tokens, "output": share.output_tokens},
            "cost_usd": money(share.cost_usd),
        }
        for name, share in shares.items()
    }


def _print(found: Metrics, console: Console) -> None:
    if not found.requests:
        console.text(Phrase("Nothing was asked in this time.").translated(console.translate))
        return
    from rich.console import Console as Terminal  # it is slow to load
    from rich.table import Table

    _ = console.translate
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in _figures(found, _):
        table.add_row(name, value)
    models = Table(_("Model"), _("Requests"), _("Failed"), _("Tokens"), _("Cost"))
    for model, share in found.by_model.items():
        tokens = f"{share.input_tokens:,} + {share.output_tokens:,}"
        models.add_row(
            model, f"{share.requests:,}", f"{share.failed:,}", tokens, usd(share.cost_usd, "?")
        )
    terminal = Terminal(file=console.out, highlight=False)
    terminal.print(table)
    terminal.print(models)


def _figures(found: Metrics, _: Translate) -> list[tuple[str, str]]:
    cost = found.cost
    failures = ", ".join(f"{code}: {times}" for code, times in found.failures.items())
    return [
        (_("Requests"), f"{found.requests:,}"),
        (_("Calls"), f"{found.calls:,}"),
        (_("Success rate"), _percent(found.success_rate)),
        (_("From the cache"), _percent(found.cache_hit_rate)),
        (_("Held for a person to look at"), f"{found.held:,}"),
        (_("Seconds (p50, p95, p99)"), _seconds(found.latency)),
        (_("Seconds to the first word"), _seconds(found.first_token)),
        (_("Tokens"), f"{found.tokens.input:,} + {found.tokens.output:,}"),
        (_("Cost"), usd(cost.total_usd, "?")),
        (_("of it estimated"), usd(cost.estimated_usd, "?")),
        (_("Calls of unknown cost"), f"{cost.unknown_calls:,}"),
        (_("Saved by the cache"), usd(cost.saved_cache_usd, "?")),
        (_("Saved by the batch lane"), usd(cost.saved_batch_usd, "?")),
        (_("Saved by resizing"), usd(cost.saved_resizing_usd, "?")),
        (_("Bills against estimates"), "-" if found.drift is None else f"{found.drift:+.1%}"),
        (_("Failures"), failures or "-"),
    ]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _seconds(found: Latency) -> str:
    values = (found.p50_s, found.p95_s, found.p99_s)
    return ", ".join("-" if value is None else f"{value:.2f}" for value in values)


def _window(text: str) -> timedelta | None:
    if text == _ALL:
        return None
    if match := re.fullmatch(r"(\d{1,5})([smhd])", text, re.ASCII):
        window = timedelta(**{_UNIT[match[2]]: int(match[1])})
        if window:
            return window
    raise ArgumentTypeError(f"{text!r}: 30s, 15m, 1h, 7d, all")
