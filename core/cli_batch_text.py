"""Batches as the command line prints them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from core.batch import BatchProgress, BatchState, JobLane, JobStatus
from core.batch.types import LaneQuote
from core.cli_output import table, usd
from core.export import explain, money
from core.phrases import N_, Phrase, Translate
from core.quote import SelectionQuote


def prices(quote: SelectionQuote) -> Phrase:
    """Return what the pictures are expected to cost on either lane."""
    amounts = {
        "realtime": usd(quote.realtime.expected if quote.realtime else None, "?"),
        "batch": usd(quote.batch.expected if quote.batch else None, "?"),
    }
    return Phrase("Expected: {realtime} at once, {batch} on the batch lane.", amounts)


def ready(lane: JobLane, quote: LaneQuote) -> Phrase:
    """Return what the chosen lane is expected to cost, and when it will be done."""
    at = "?" if quote.ready_at is None else f"{quote.ready_at.astimezone():%Y-%m-%d %H:%M}"
    amount = usd(quote.usd.expected if quote.usd else None, "?")
    return Phrase(
        "Lane {lane}: {usd}, ready by {time}.", {"lane": lane.value, "usd": amount, "time": at}
    )


def batch_json(progress: BatchProgress, jobs: Sequence[JobStatus] = ()) -> dict[str, Any]:
    """Return a batch as `batch show --json` prints it; money is text.

    Only a batch that is shown alone has its jobs at the vendor.
    """
    document = {
        "id": progress.id,
        "name": progress.name,
        "state": progress.state.value,
        "lane": progress.lane.value,
        "total": progress.total,
        "queued": progress.queued,
        "running": progress.running,
        "succeeded": progress.succeeded,
        "failed": progress.failed,
        "cancelled": progress.cancelled,
        "cached": progress.cached,
        "held": progress.held,
        "cost_usd": money(progress.cost_usd),
        "reserved_usd": money(progress.reserved_usd),
        "budget_usd": money(progress.budget_usd),
        "saved_batch_usd": money(progress.saved_batch_usd),
        "ready_by": _iso(progress.ready_by),
        "started_at": _iso(progress.started_at),
        "finished_at": _iso(progress.finished_at),
        "failures": dict(progress.failures),
        "left_out": progress.left_out,
        "reason": None if progress.reason is None else str(progress.reason),
    }
    return document | {"jobs": [_job_json(job) for job in jobs]} if jobs else document


def _job_json(job: JobStatus) -> dict[str, Any]:
    return {
        "vendor_id": job.vendor_id,
        "vendor_state": job.vendor_state,
        "is_open": job.is_open,
        "requests": job.requests,
        "completed": job.completed,
        "failed": job.failed,
        "submitted_at": _iso(job.submitted_at),
        "expires_at": _iso(job.expires_at),
        "input_file_id": job.input_file_id,
        "output_file_id": job.output_file_id,
        "error_file_id": job.error_file_id,
        "saved_usd": money(job.saved_usd),
        "reason": None if job.reason is None else str(job.reason),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds")


def description(progress: BatchProgress, jobs: Sequence[JobStatus], translate: Translate) -> str:
    """Return a batch and its jobs at the vendor for people to read."""
    counts = Phrase(
        "{state}: {succeeded} of {total} answered, {cached} of them from the cache; {failed} "
        "failed, {queued} waiting.",
        {
            "state": translate(STATE_WORDS[progress.state]),
            "succeeded": progress.succeeded,
            "total": progress.total,
            "cached": progress.cached,
            "failed": progress.failed,
            "queued": progress.queued + progress.running,
        },
    )
    cost = Phrase("Cost: {cost}.", {"cost": usd(progress.cost_usd, "?")})
    lines = [progress.id, f"{counts.translated(translate)} {cost.translated(translate)}"]
    if progress.saved_batch_usd:
        saved = Phrase(
            "Saved by the batch lane: {usd}.", {"usd": usd(progress.saved_batch_usd, "?")}
        )
        lines.append(saved.translated(translate))
    lines += [_job_line(job, translate) for job in jobs]
    for code, count in sorted(progress.failures.items()):
        lines.append(f"{code}: {count} - {explain(code, None, translate).summary}")
    if progress.held:
        held = Phrase("Held for a person to look at: {count}.", {"count": progress.held})
        lines.append(held.translated(translate))
    if progress.reason_code and progress.reason:
        words = explain(progress.reason_code, progress.reason, translate)
        lines += [f"{progress.reason_code}: {words.message}", words.hint]
    elif progress.reason:
        lines.append(progress.reason.translated(translate))
    return "\n".join(lines)


def overview(found: list[BatchProgress], translate: Translate) -> str:
    """Return a line for each batch."""
    header = [N_("Batch"), N_("State"), N_("Name"), N_("Done"), N_("Failed"), N_("Cost")]
    rows = [
        [
            each.id,
            translate(STATE_WORDS[each.state]),
            each.name[:40],
            f"{each.done}/{each.total}",
            str(each.failed),
            usd(each.cost_usd, "?"),
        ]
        for each in found
    ]
    return table([translate(name) for name in header], rows, left=3)


def _job_line(job: JobStatus, translate: Translate) -> str:
    line = Phrase(
        "Job {id}: {state}, {completed} of {total} answered, {failed} failed.",
        {
            "id": job.vendor_id or job.id[:8],
            "state": job.vendor_state or translate(N_("not sent yet")),
            "completed": job.completed,
            "total": job.requests,
            "failed": job.failed,
        },
    ).translated(translate)
    return line if job.reason is None else f"{line} {job.reason.translated(translate)}"


STATE_WORDS: Final = {
    BatchState.QUEUED: N_("Waiting"),
    BatchState.RUNNING: N_("Running"),
    BatchState.PAUSED: N_("Paused"),
    BatchState.SUCCEEDED: N_("Succeeded"),
    BatchState.FAILED: N_("Some failed"),
    BatchState.CANCELLED: N_("Cancelled"),
}
