"""Tests of `python -m core estimate`, whole."""

import re
from decimal import Decimal

import pytest

from core.samples import SAMPLES


def test_it_prices_each_size_with_each_model(run):
    code, document, _ = run(
        "estimate", "--size", "1024x1024", "--size", "512x512", "--model", "gpt-4o",
        "--model", "gpt-5.4-mini", "--prompt-tokens", 100, "--output-tokens", 500, "--json",
    )  # fmt: skip
    assert code == 0
    assert [(row["model"], row["width_px"], row["image_tokens"]) for row in document["rows"]] == [
        ("gpt-4o", 1024, 765),
        ("gpt-4o", 512, 255),
        ("gpt-5.4-mini", 1024, 1229),
        ("gpt-5.4-mini", 512, 308),
    ]
    first = document["rows"][0]
    assert first.keys() == {
        "model", "width_px", "height_px", "detail", "image_tokens", "prompt_tokens",
        "output_tokens", "realtime_usd", "batch_usd", "flex_usd", "per_image_usd",
        "shutdown_date", "notes",
    }  # fmt: skip
    assert (first["detail"], first["prompt_tokens"], first["output_tokens"]) == ("high", 100, 500)
    assert Decimal(first["realtime_usd"]) == 2 * Decimal(first["batch_usd"])
    assert Decimal("0.0071") < Decimal(first["realtime_usd"]) < Decimal("0.0072")
    assert first["shutdown_date"] == "2027-01-14"
    assert "shut down on 2027-01-14" in first["notes"][0]


def test_it_counts_pictures_and_leaves_cached_ones_out(run):
    common = ("estimate", "--size", "100x100", "--prompt-tokens", 0, "--json")
    _, one, _ = run(*common)
    _, many, _ = run(*common, "--count", 1000, "--cache-hit-rate", "0.25")
    single, total = (Decimal(d["rows"][0]["realtime_usd"]) for d in (one, many))
    assert total == 750 * single
    assert Decimal(many["rows"][0]["per_image_usd"]) == single * Decimal("0.75")


def test_it_counts_the_prompt_that_would_be_sent(run):
    _, short, _ = run("estimate", "--size", "9x9", "--prompt", "What is it?", "--json")
    _, long, _ = run("estimate", "--size", "9x9", "--prompt", "What is it? " * 10, "--json")
    difference = long["rows"][0]["prompt_tokens"] - short["rows"][0]["prompt_tokens"]
    assert 36 <= difference <= 37
    assert "instructions that Tessera sends" in short["rows"][0]["notes"][-1]


def test_it_measures_pictures(run, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    code, document, _ = run(
        "estimate", SAMPLES["receipt"].path, tmp_path / "broken.png", "--prompt-tokens", 1, "--json"
    )
    assert code == 1
    [row] = document["rows"]
    assert (row["source"], row["width_px"], row["height_px"]) == ("receipt.jpg", 1000, 1400)
    assert [error["source"] for error in document["errors"]] == ["broken.png"]


def test_people_get_a_table(run):
    code, text, _ = run("estimate", "--size", "1024x1024", "--prompt-tokens", 0, "--count", 3)
    assert code == 0
    assert "gpt-4o  1024x1024    high           765" in text
    assert "3 pictures" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--model", "gpt-9"), "gpt-9 is not in the catalogue.*gpt-4o-mini"),
        (("--detail", "original"), "does not take the detail original.*auto, low, high"),
    ],
)
def test_it_names_what_is_known(run, arguments, words):
    code, document, err = run("estimate", "--size", "64x64", *arguments, "--json")
    assert code == 2
    assert document["error"]["code"] == "CFG002"
    assert re.search(words, document["error"]["message"])
    assert document["error"]["message"] in err
