"""The lanes of a batch on the page: greyed with a reason, or chosen and followed to the end."""

from datetime import UTC, datetime, timedelta

import pytest
import streamlit as st

from core.batch import JobLane
from tests import upstream
from tests.pages.test_batch import drop, png, press, read, settle, show, text_of
from ui.resources import workbench


@pytest.fixture(autouse=True)
def _ask_anew():
    """Let no test see what the endpoint of another had."""
    st.cache_resource.clear()


def draft(open_app, count: int = 2):
    at = press(open_app("batch"), "batch.new")
    drop(at, {f"{n}.png": png(n) for n in range(count)})
    read(at)
    return at


def test_an_endpoint_without_a_batch_lane_greys_the_choice_and_says_why(open_app, use_upstream):
    use_upstream(upstream.fine)
    at = draft(open_app)
    while "is being asked" in text_of(at):
        at.run()
    (lanes,) = [radio for radio in at.radio if radio.label == "When"]
    assert lanes.disabled
    assert ":material/info:" in text_of(at)
    press(at, "batch.start")
    read(at)
    (batch,) = workbench().batches.list_batches()
    assert batch.lane is JobLane.REALTIME
    settle(batch.id)


def choose(at, lane: JobLane):
    while "is being asked" in text_of(at):
        at.run()
    (lanes,) = [radio for radio in at.radio if radio.label == "When"]
    return lanes.set_value(lane).run()


def test_the_batch_lane_shows_its_jobs_with_the_vendors_ids(open_app):
    at = choose(draft(open_app), JobLane.BATCH)
    press(at, "batch.start")
    read(at)
    (batch,) = workbench().batches.list_batches()
    assert batch.lane is JobLane.BATCH
    at = show(open_app, batch.id)
    assert "Jobs at the vendor" in text_of(at)
    assert "Batch API" in text_of(at)
    settle(batch.id)
    (job,) = workbench().batches.jobs(batch.id)
    jobs = at.run().dataframe[0].value
    assert jobs["Vendor's id"].tolist() == [job.vendor_id]
    assert jobs["Answered"].tolist() == ["2 of 2"]
    assert at.button(key="batch.fetch").disabled


def test_a_deadline_is_kept_with_the_batch(open_app):
    at = choose(draft(open_app), JobLane.AUTO)
    in_two_days = datetime.now(UTC) + timedelta(days=2)
    wanted = in_two_days.replace(microsecond=0, second=0, tzinfo=None)
    at.get_by_key("batch.ready_by").set_value(wanted).run()
    press(at, "batch.start")
    read(at)
    (batch,) = workbench().batches.list_batches()
    assert batch.lane is JobLane.AUTO
    assert batch.ready_by.replace(tzinfo=None) == wanted
    assert "ready by" in text_of(show(open_app, batch.id))


def test_a_batch_cannot_be_ready_in_the_past(open_app):
    at = choose(draft(open_app), JobLane.AUTO)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    at.get_by_key("batch.ready_by").set_value(yesterday.replace(tzinfo=None)).run()
    assert "The time to be ready by has passed." in text_of(at)
    assert at.button(key="batch.start").disabled
