"""Tests of core/samples.py and the pictures it names."""

from io import BytesIO

import pytest
from PIL import Image

from core.samples import SAMPLES
from core.tasks import TASKS

each_sample = pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)


def test_there_is_one_of_each_promised_kind():
    assert set(SAMPLES) == {"receipt", "invoice", "contract", "chart", "lake"}


@each_sample
def test_a_sample_is_a_small_picture_without_metadata(sample):
    source = sample.source()
    assert len(source.data) < 250_000
    with Image.open(BytesIO(source.data)) as picture:
        picture.load()
        assert picture.format in {"PNG", "JPEG"}
        assert min(picture.size) >= 768
        assert not picture.getexif()


@each_sample
def test_a_sample_suggests_a_task_that_exists(sample):
    assert sample.task in TASKS


@pytest.mark.parametrize("name", ["receipt", "invoice"])
def test_the_truth_of_a_receipt_uses_the_schemas_names(name):
    fields = TASKS["receipt"].schema.schema["properties"]
    assert set(SAMPLES[name].truth) <= set(fields)
