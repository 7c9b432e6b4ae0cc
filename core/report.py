"""What happened in a window of time, for readers: Markdown and a page that stands alone. Pure.

The sections are those of the guide's PerformanceMonitor report; every number is from `Metrics`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from html import escape
from typing import Final

from core.alerts import Alert, sentence
from core.diagnosis import diagnose
from core.export import inline_markdown
from core.metrics import Filters, Latency, Metrics, Share
from core.phrases import N_, Translate
from core.tasks import TASKS

_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "task": {name: task.title for name, task in TASKS.items()},
    "lane": {"realtime": N_("At once"), "batch": N_("Batch"), "flex": N_("Flex")},
    "front_end": {
        "page": N_("Page"),
        "cli": N_("Command line"),
        "rest": N_("REST API"),
        "batch": N_("Batch"),
    },
}
"""Words for the values of `Filters`; models have none but their own."""
_FILTERS: Final[Mapping[str, str]] = {
    "model": N_("Model"),
    "task": N_("Task"),
    "lane": N_("Lane"),
    "front_end": N_("Asked by"),
}
_TIME: Final = "%Y-%m-%d %H:%M:%S %Z"
_LOW_RATE: Final = 0.1
# Nothing in the page may load or run, whatever got into it.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.6rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}"
    "table{border-collapse:collapse;width:100%}"
    "td{padding:.3rem .5rem;border-bottom:1px solid #8886;vertical-align:top}"
    "td+td{text-align:right;font-variant-numeric:tabular-nums}"
    "p{margin:.2rem 0}"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One name with what is said about it."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Section:
    """Lines under a heading."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A report in the reader's language; the texts in it are plain and not yet escaped."""

    title: str
    intro: tuple[str, ...]
    sections: tuple[Section, ...]


def performance_report(
    metrics: Metrics,
    alerts: Iterable[Alert],
    since: datetime | None,
    until: datetime,
    filters: Filters,
    translate: Translate,
) -> Report:
    """Put the numbers of a window into words.

    Args:
        metrics: Of that window.
        alerts: Those that are active.
        since: The window's beginning, in the reader's time zone; None for the first call ever.
        until: Its end, in the reader's time zone.
        filters: Which calls were looked at.
        translate: The reader's language.
    """
    first = translate(N_("the first call")) if since is None else since.strftime(_TIME)
    window = translate(N_("From {since} to {until}"))
    intro = [window.format(since=first, until=until.strftime(_TIME))]
    words = _Words(translate)
    if chosen := words.filters(filters):
        intro.append(translate(N_("Only: {filters}")).format(filters=chosen))
    if not metrics.requests:
        intro.append(translate(N_("No request was made in this time.")))
    sections = [
        *(words.numbers(metrics) if metrics.requests else ()),
        words.alerts(alerts, until.tzinfo),
    ]
    return Report(
        translate(N_("Performance report")),
        tuple(intro),
        tuple(section for section in sections if section.lines),
    )


def to_markdown(report: Report) -> str:
    """Return the report as Markdown; nothing in it loads or runs anything."""
    lines = [f"# {inline_markdown(report.title)}", ""]
    lines += [f"{inline_markdown(text)}  " for text in report.intro]
    for section in report.sections:
        lines += ["", f"## {inline_markdown(section.title)}", ""]
        lines += [
            f"- {inline_markdown(line.name)}: {inline_markdown(line.value)}"
            for line in section.lines
        ]
    return "\n".join(lines) + "\n"


def to_html(report: Report, language: str) -> str:
    """Return the report as one page that needs nothing else.

    Args:
        report: The report.
        language: Its language, as core/i18n.py names it.
    """
    title = escape(report.title)
    intro = "".join(f"<p>{escape(text)}</p>" for text in report.intro)
    sections = "".join(_html_section(section) for section in report.sections)
    return (
        f'<!doctype html>\n<html lang="{escape(language.replace("_", "-"))}"><head>'
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{title}</h1>{intro}{sections}</body></html>\n"
    )


def _html_section(section: Section) -> str:
    rows = "".join(
        f"<tr><td>{escape(line.name)}</td><td>{escape(line.value)}</td></tr>\n"
        for line in section.lines
    )
    return f"\n<h2>{escape(section.title)}</h2>\n<table>{rows}</table>"


def name_of(part: str, value: str, translate: Translate) -> str:
    """Return the name for people of a value that calls are filtered by; without one, the value.

    Args:
        part: A field of `Filters`.
        value: Its value, as the ledger has it.
        translate: The reader's language.
    """
    name = _NAMES.get(part, {}).get(value)
    return translate(name) if name else value


def rate_text(per_minute: float) -> str:
    """Return a rate so that a low one is not taken for none."""
    if 0 < per_minute < _LOW_RATE:
        return f"< {_LOW_RATE}"
    return f"{per_minute:.2g}" if 0 < per_minute < 1 else f"{per_minute:,.1f}"


class _Words:
    """The sections of a report in one language."""

    def __init__(self, translate: Translate) -> None:
        self._translate = translate
        self._unknown = translate(N_("unknown"))

    def filters(self, chosen: Filters) -> str:
        """Return which calls were looked at; nothing for all."""
        return ", ".join(
            f"{self._translate(_FILTERS[part])}: {name_of(part, value, self._translate)}"
            for part, value in asdict(chosen).items()
            if value is not None
        )

    def numbers(self, metrics: Metrics) -> Sequence[Section]:
        """Return a section for each kind of number, in the guide's order."""
        return (
            self._section(N_("Response times"), self._times(metrics.latency)),
            self._section(
                N_("Response times to the first token"), self._times(metrics.first_token)
            ),
            self._section(N_("Token use"), self._tokens(metrics)),
            self._section(N_("Success"), self._success(metrics)),
            self._section(N_("Cost"), self._cost(metrics)),
            Section(self._translate(N_("Cost by model")), self._shares("model", metrics.by_model)),
            Section(self._translate(N_("Cost by task")), self._shares("task", metrics.by_task)),
            Section(self._translate(N_("Cost by lane")), self._shares("lane", metrics.by_lane)),
            Section(
                self._translate(N_("Cost by who asked")),
                self._shares("front_end", metrics.by_front_end),
            ),
            Section(self._translate(N_("Errors")), self._errors(metrics)),
        )

    def alerts(self, alerts: Iterable[Alert], zone: tzinfo | None) -> Section:
        """Return what is wrong now."""
        lines = (
            Line(sentence(alert).translated(self._translate), _moment(alert.fired_at, zone))
            for alert in alerts
        )
        return Section(self._translate(N_("Active alerts")), tuple(lines))

    def _section(self, title: str, lines: Iterable[tuple[str, str]]) -> Section:
        return Section(
            self._translate(title),
            tuple(Line(self._translate(name), value) for name, value in lines),
        )

    def _times(self, latency: Latency) -> list[tuple[str, str]]:
        if not latency.n:
            return []
        return [
            (N_("Mean"), self._seconds(latency.mean_s)),
            (N_("Median"), self._seconds(latency.p50_s)),
            (N_("95 of 100 within"), self._seconds(latency.p95_s)),
            (N_("99 of 100 within"), self._seconds(latency.p99_s)),
            (N_("Shortest"), self._seconds(latency.min_s)),
            (N_("Longest"), self._seconds(latency.max_s)),
        ]

    def _tokens(self, metrics: Metrics) -> list[tuple[str, str]]:
        tokens = metrics.tokens
        total = tokens.input + tokens.output
        asked = metrics.requests - metrics.cached
        return [
            (N_("Total"), f"{total:,}"),
            (N_("Mean of a request on the wire"), self._ratio(total, asked, ",.0f")),
            (N_("Largest call"), f"{tokens.largest_call:,}"),
            (N_("Input tokens"), f"{tokens.input:,}"),
            (N_("Read from the vendor's cache"), f"{tokens.cache_read:,}"),
            (N_("Output tokens"), f"{tokens.output:,}"),
        ]

    def _success(self, metrics: Metrics) -> list[tuple[str, str]]:
        return [
            (N_("Success rate"), self._share(metrics.success_rate)),
            (N_("Requests"), f"{metrics.requests:,}"),
            (N_("Succeeded"), f"{metrics.succeeded:,}"),
            (N_("Failed"), f"{metrics.failed:,}"),
            (N_("Stopped"), f"{metrics.stopped:,}"),
            (N_("Held for a person to look at"), f"{metrics.held:,}"),
            (N_("From the cache"), f"{metrics.cached:,}"),
            (N_("Cache hit rate"), self._share(metrics.cache_hit_rate)),
            (N_("Attempts on the wire"), f"{metrics.calls:,}"),
            (N_("Requests a minute"), rate_text(metrics.throughput_per_minute)),
        ]

    def _cost(self, metrics: Metrics) -> list[tuple[str, str]]:
        cost = metrics.cost
        return [
            (N_("Total"), _usd(cost.total_usd)),
            (N_("Mean of a request"), _usd(cost.total_usd / metrics.requests)),
            (N_("Measured"), _usd(cost.measured_usd)),
            (N_("Estimated"), _usd(cost.estimated_usd)),
            (N_("Calls at an unknown cost"), f"{cost.unknown_calls:,}"),
            (N_("Saved by the cache"), _usd(cost.saved_cache_usd)),
            (N_("Saved by the batch lane"), _usd(cost.saved_batch_usd)),
            (N_("Saved by resizing"), _usd(cost.saved_resizing_usd)),
        ]

    def _shares(self, part: str, by_value: Mapping[str, Share]) -> tuple[Line, ...]:
        shares = sorted(by_value.items(), key=lambda entry: -entry[1].cost_usd)
        requests = self._translate(N_("{cost}, requests: {requests}"))
        return tuple(
            Line(
                name_of(part, value, self._translate),
                requests.format(cost=_usd(share.cost_usd), requests=f"{share.requests:,}"),
            )
            for value, share in shares
        )

    def _errors(self, metrics: Metrics) -> tuple[Line, ...]:
        found = sorted(metrics.failures.items(), key=lambda entry: -entry[1])
        return tuple(
            Line(f"{code} · {self._translate(diagnose(code).summary)}", f"{count:,}")
            for code, count in found
        )

    def _seconds(self, value_s: float | None) -> str:
        return self._unknown if value_s is None else f"{value_s:.2f} s"

    def _share(self, share: float | None) -> str:
        return self._unknown if share is None else f"{share:.1%}"

    def _ratio(self, total: int, count: int, form: str) -> str:
        return format(total / count, form) if count > 0 else self._unknown


def _moment(at: datetime, zone: tzinfo | None) -> str:
    return at.astimezone(zone).strftime(_TIME)


def _usd(amount: Decimal) -> str:
    return f"${amount:,.2f}" if amount >= 1 or not amount else f"${amount:.6f}"
