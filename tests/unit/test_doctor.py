"""Tests of core/doctor.py: each check by itself. The whole run is in test_cli.py."""

from datetime import date
from pathlib import Path

import pytest

from core.catalog import load_catalog
from core.checks import CheckState
from core.doctor import (
    check_configuration,
    check_data_directory,
    check_decoder,
    check_model,
    check_tokenizer,
)
from core.images.decoder import Decoder
from core.settings import Settings

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "the engine inside Tessera answers"),
        ({"openai_api_key": "sk-1"}, "https://api.openai.com/v1 with a key"),
        ({"openai_base_url": "http://localhost:9/v1"}, "http://localhost:9/v1 without a key"),
        (
            {"openai_base_url": "https://ann:sk-1@relay.example/v1?key=sk-1"},
            "Asks https://relay.example/v1 without a key",
        ),
    ],
)
def test_configuration_says_who_answers(settings, words):
    check = check_configuration(Settings(**settings))
    assert check.state is CheckState.OK
    assert words in str(check.detail)
    assert "sk-1" not in str(check.detail)


@pytest.mark.parametrize(
    ("model", "state", "words"),
    [
        ("local-vision-1", CheckState.OK, "is known"),
        ("gpt-4o", CheckState.WARN, "will be shut down on 2027-01-14"),
        ("gpt-4-turbo", CheckState.FAIL, "was shut down on 2026-10-23"),
        ("llama-vision", CheckState.WARN, "its price is unknown"),
    ],
)
def test_the_models_dates_and_price_are_looked_up(model, state, words):
    check = check_model(model, load_catalog(), TODAY)
    assert check.state is state
    assert words in str(check.detail)


@pytest.mark.parametrize(("mode", "state"), [(0o700, CheckState.OK), (0o755, CheckState.WARN)])
def test_the_data_directory_is_for_its_owner_alone(tmp_path, mode, state):
    tmp_path.chmod(mode)
    assert check_data_directory(tmp_path).state is state
    assert list(tmp_path.iterdir()) == []


def test_a_data_directory_that_is_not_there_fails(tmp_path):
    check = check_data_directory(tmp_path / "gone")
    assert (check.state, check.code) == (CheckState.FAIL, "SYS001")


def test_a_data_directory_without_a_folder_to_write_in_fails():
    assert check_data_directory(Path("/proc")).state is CheckState.FAIL


def test_the_vocabulary_is_the_published_one():
    assert check_tokenizer().state is CheckState.OK


async def test_the_decoder_decodes():
    decoder = Decoder(workers=1)
    try:
        check = await check_decoder(decoder, load_catalog(), "gpt-4o")
    finally:
        await decoder.close()
    assert check.state is CheckState.OK
    assert check.latency_s > 0
