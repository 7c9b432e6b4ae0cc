"""The jobs of a batch at the vendor, as they were last seen."""

import streamlit as st

from core.batch import BatchProgress, JobLane, JobStatus
from core.errors import VisionError
from ui import format as fmt
from ui.batch.words import moment
from ui.diagnosis_box import show_error
from ui.i18n import _, say
from ui.resources import runtime, workbench
from ui.text import literal

_WITHIN_S = 120


def show_jobs(progress: BatchProgress) -> None:
    """Draw every job with the vendor's own ids and words, and offer to look at once."""
    if progress.lane is JobLane.REALTIME:
        return
    jobs = workbench().batches.jobs(progress.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(_("Jobs at the vendor"), anchor=False, width="content")
        if progress.saved_batch_usd:
            saved = _("saved {amount} against the realtime price")
            st.caption(saved.format(amount=fmt.markdown_usd(progress.saved_batch_usd)))
        st.space("stretch")
        is_open = any(job.is_open for job in jobs)
        if st.button(
            _("Fetch now"), key="batch.fetch", icon=":material/sync:", disabled=not is_open
        ):
            _fetch(progress.id)
    if not jobs:
        st.caption(_("No job has been sent yet."))
        return
    st.dataframe(
        [_row(job) for job in jobs],
        hide_index=True,
        key=f"batch.jobs.{progress.id}",
        column_config={
            _("Vendor's id"): st.column_config.TextColumn(width=270),
            _("Expires"): st.column_config.TextColumn(width=140),
            _("Files"): st.column_config.TextColumn(width="medium"),
        },
    )
    for job in jobs:
        if job.reason is not None:
            st.caption(
                f":material/info: `{job.vendor_id or job.id[:8]}` {literal(say(job.reason))}"
            )


def _row(job: JobStatus) -> dict[str, str]:
    done = _("{done} of {total}").format(
        done=fmt.count(job.completed), total=fmt.count(job.requests)
    )
    return {
        _("State"): job.vendor_state or _("not sent yet"),
        _("Answered"): done,
        _("Failed"): fmt.count(job.failed),
        _("Sent"): moment(job.submitted_at) if job.submitted_at else "",
        _("Expires"): moment(job.expires_at) if job.expires_at else "",
        _("Vendor's id"): job.vendor_id or "",
        _("Files"): ", ".join(filter(None, _files(job))),
    }


def _files(job: JobStatus) -> tuple[str | None, ...]:
    return job.input_file_id, job.output_file_id, job.error_file_id


def _fetch(batch_id: str) -> None:
    try:
        runtime().run(workbench().batches.fetch_now(batch_id), _WITHIN_S)
    except VisionError as error:
        show_error(error)
    else:
        st.rerun()
