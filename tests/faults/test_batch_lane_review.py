"""What the batch lane brings is looked at as any other answer."""

from core.store.check import check_store
from tests import batch_upstream
from tests.batch_upstream import BatchUpstream
from tests.lane_kit import open_lane, rhythm, run

LONG = "The lake lies between two wooded hills under a clear evening sky. " * 5


async def test_the_same_answer_to_different_pictures_is_held(tmp_path, monkeypatch):
    usual = batch_upstream.completion

    def one_answer_for_all(*given):
        answer = usual(*given)
        answer["choices"][0]["message"]["content"] = LONG
        return answer

    monkeypatch.setattr(batch_upstream, "completion", one_answer_for_all)
    upstream = BatchUpstream()
    slow = rhythm(upstream, tick_s=600, least_look_s=60, most_look_s=1800)
    async with open_lane(tmp_path, upstream, rhythm=slow) as bench:
        batch_id = await run(bench, 3)
        progress = bench.batches.progress(batch_id)
        wrong = check_store(bench.store.database)
        accepted = await bench.batches.review.accept(batch_id)
        free = bench.batches.progress(batch_id)

    assert (progress.succeeded, progress.held, progress.held_codes) == (3, 3, {"CNT008": 3})
    assert (accepted, free.held) == (3, 0)
    assert wrong == []
