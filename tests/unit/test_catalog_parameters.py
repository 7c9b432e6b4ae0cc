"""What a model does not take is left out and named; an unknown model keeps everything."""

import pytest

from core.catalog import ModelCard, load_catalog
from core.catalog.parameters import FittedParameters, fit_parameters
from core.types import AnswerSchema, Detail, Sampling

CATALOG = load_catalog()
SCHEMA = AnswerSchema("answer", {"type": "object"})


def fit(model, sampling=None, schema=None, detail=Detail.HIGH):
    return fit_parameters(CATALOG.card(model), sampling or Sampling(500), schema, detail)


@pytest.mark.parametrize(
    ("model", "effort", "keeps"),
    [
        ("gpt-4o", None, True),
        ("gpt-4.1-mini", None, True),
        ("o3", None, False),
        ("gpt-5", "low", False),
        ("gpt-5.1", None, True),  # does not reason unless it is asked to
        ("gpt-5.1", "none", True),
        ("gpt-5.1", "low", False),
        ("gpt-5.5", None, False),
        ("gpt-5.5", "none", True),
        ("gpt-6-astra", "none", False),  # does not take the effort `none` either
        ("unknown-model", None, True),
        ("unknown-model", "high", True),
    ],
)
def test_temperature_is_sent_only_where_it_is_taken(model, effort, keeps):
    fitted = fit(model, Sampling(500, temperature=0.1, top_p=0.9, reasoning_effort=effort))
    expected = (0.1, 0.9) if keeps else (None, None)
    assert (fitted.sampling.temperature, fitted.sampling.top_p) == expected
    assert any("Temperature and top_p" in str(note) for note in fitted.notes) is not keeps


def test_nothing_is_said_about_a_temperature_nobody_gave():
    assert fit("o3") == FittedParameters(Sampling(500), None, Detail.HIGH, ())


@pytest.mark.parametrize(
    ("model", "effort", "keeps"),
    [
        ("gpt-4o", "low", False),
        ("gpt-5", "minimal", True),
        ("gpt-5", "none", False),
        ("gpt-5.1", "xhigh", False),
        ("gpt-6.1-sol", "max", True),
        ("gpt-6.1-sol", "none", False),
        ("unknown-model", "anything", True),
    ],
)
def test_reasoning_effort_is_sent_only_where_it_is_taken(model, effort, keeps):
    fitted = fit(model, Sampling(500, reasoning_effort=effort))
    assert fitted.sampling.reasoning_effort == (effort if keeps else None)
    assert bool(fitted.notes) is not keeps


@pytest.mark.parametrize(("wanted", "sent"), [(16_384, 16_384), (16_385, 16_384)])
def test_the_output_limit_of_the_model_holds(wanted, sent):
    fitted = fit("gpt-4o", Sampling(wanted))
    assert fitted.sampling.max_output_tokens == sent
    assert bool(fitted.notes) is (wanted != sent)


def test_a_schema_is_left_out_only_where_it_is_known_not_to_work():
    assert fit("gpt-4-turbo", schema=SCHEMA).schema is None
    assert "JSON Schema" in str(fit("gpt-4-turbo", schema=SCHEMA).notes[0])
    for model in ("gpt-4o", "chat-latest", "unknown-model"):
        assert fit(model, schema=SCHEMA).schema == SCHEMA


@pytest.mark.parametrize(
    ("model", "detail", "sent"),
    [
        ("gpt-4o", Detail.ORIGINAL, Detail.HIGH),
        ("gpt-5.2", Detail.ORIGINAL, Detail.HIGH),
        ("gpt-4o", Detail.AUTO, Detail.AUTO),
        ("gpt-5.5", Detail.ORIGINAL, Detail.ORIGINAL),
        ("unknown-model", Detail.ORIGINAL, Detail.ORIGINAL),
        ("local-vision-1", Detail.ORIGINAL, Detail.ORIGINAL),
    ],
)
def test_original_becomes_high_where_the_model_has_none(model, detail, sent):
    fitted = fit(model, detail=detail)
    assert fitted.detail is sent
    assert bool(fitted.notes) is (sent is not detail)


def test_every_change_is_named():
    sampling = Sampling(999_999, temperature=0.2, reasoning_effort="none")
    fitted = fit("o3", sampling, detail=Detail.ORIGINAL)
    assert [str(note) for note in fitted.notes] == [
        "The reasoning effort 'none' was left out: o3 takes low, medium, high.",
        "Temperature and top_p were left out: o3 does not take them.",
        "The output limit was lowered from 999,999 to 100,000 tokens, the most that o3 writes.",
        "The detail 'original' was changed to 'high': o3 does not take it.",
    ]


def test_an_unknown_model_keeps_everything():
    sampling = Sampling(999_999, temperature=0.2, top_p=0.5, reasoning_effort="max")
    fitted = fit_parameters(ModelCard("relay"), sampling, SCHEMA, Detail.ORIGINAL)
    assert fitted == FittedParameters(sampling, SCHEMA, Detail.ORIGINAL, ())
