import pytest

from core import errors
from core.fixes import Mend, mend_notes, objective_prompt, smaller_size


@pytest.mark.parametrize(
    ("error", "size_px", "expected"),
    [
        (errors.PayloadTooLargeError(), (1024, 768), (512, 384)),
        (errors.ImageTooLargeForServerError(), (1024, 768), (512, 384)),
        (errors.PayloadTooLargeError(), (1024, 128), (512, 64)),
        (errors.PayloadTooLargeError(), (1024, 127), None),
        (errors.ImageRefusedByServerError(), (1024, 768), None),
        (errors.RateLimitError(), (1024, 768), None),
    ],
)
def test_only_what_is_too_large_is_made_smaller(error, size_px, expected):
    assert smaller_size(error, size_px) == expected


def test_each_kind_of_fix_is_told_once():
    mends = [
        Mend("API002", wait_s=1.0),
        Mend("API006", wait_s=0.5),
        Mend("API002", wait_s=2.04),
        Mend("API009", size_px=(512, 384)),
        Mend("NET001", wait_s=2.0, timeout_s=60.0),
        Mend("NET001", wait_s=4.0, timeout_s=60.0),
        Mend("API006", wait_s=1.0),
    ]
    assert [str(note) for note in mend_notes(mends)] == [
        "The server did not take so large a picture: it was sent again at 512×384 pixels.",
        "No answer came in time: asked again, with up to 60 s to answer.",
        "The limit was reached 2×: waited 3.0 s in all.",
        "Asked again 2× after API006.",
    ]


def test_nothing_done_is_nothing_told():
    assert mend_notes([]) == ()


@pytest.mark.parametrize("code", ["CNT001", "CNT004"])
@pytest.mark.parametrize(
    ("prompt", "opening"),
    [("Who is this?", "Describe factually"), ("详细描述人物", "请客观")],
)
def test_a_refused_question_is_offered_in_objective_words_once(code, prompt, opening):
    reworded = objective_prompt(prompt, code)
    assert reworded.startswith(opening)
    assert reworded.endswith(prompt)
    assert objective_prompt(reworded, code) is None


def test_other_failures_are_not_cured_by_words():
    assert objective_prompt("What is this?", "NET001") is None
