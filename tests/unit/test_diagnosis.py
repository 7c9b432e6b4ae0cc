from core import errors
from core.diagnosis import DIAGNOSES, diagnose
from core.phrases import Phrase
from core.review import HeldCode


def _subclasses(base):
    yield base
    for child in base.__subclasses__():
        yield from _subclasses(child)


def test_every_code_has_a_diagnosis_and_no_diagnosis_is_left_over():
    classes = [c for c in _subclasses(errors.VisionError) if c.__module__ == "core.errors"]
    codes = {c.code for c in classes if isinstance(c.code, str)}
    assert codes | set(errors.IMAGE_CODES.values()) | set(HeldCode) == set(DIAGNOSES)


def test_the_guides_codes_keep_their_names():
    guide = [f"NET00{n}" for n in range(1, 5)] + [f"API00{n}" for n in range(1, 5)]
    guide += [f"IMG00{n}" for n in range(1, 5)] + [f"CNT00{n}" for n in range(1, 4)]
    assert set(guide) <= set(DIAGNOSES)


def test_an_unknown_code_is_our_own_mistake():
    assert diagnose("XYZ999").code == "SYS000"


def test_what_the_guide_can_fix_has_a_fix():
    assert all(DIAGNOSES[code].fix for code in ("NET001", "API002", "IMG001", "CNT001"))


def test_the_words_have_no_gaps_to_fill():
    for diagnosis in DIAGNOSES.values():
        for words in (diagnosis.summary, diagnosis.cause, diagnosis.solution, diagnosis.fix):
            assert str(Phrase(words)) == words
