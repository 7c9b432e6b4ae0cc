"""Tests of the user's own models and prices: core/catalog/files.py."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.catalog import (
    ModelCard,
    Origin,
    RuleBasis,
    TemperatureRule,
    load_catalog,
    remove_user_model,
    save_user_model,
)
from core.catalog.entries import entry_of, read_card
from core.catalog.files import to_toml
from core.catalog.rules import TileRule
from core.errors import ConfigurationError, StorageError
from core.pricing import ModelPrice, Rates

CATALOG = load_catalog()


def user_file(tmp_path, text):
    file = tmp_path / "models.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_user_can_add_a_model(tmp_path):
    file = user_file(
        tmp_path,
        """
        [image_rules.mine]
        kind = "tile"
        base_tokens = 10
        tile_tokens = 20

        [models.relay-vision]
        image_rule = "mine"
        price.standard = { input = 1.1, output = 2 }
        """,
    )
    catalog = load_catalog(file)
    card = catalog.card("relay-vision")
    assert card.origin is Origin.USER
    assert card.image_rule == TileRule(10, 20)
    assert card.price == ModelPrice(Rates(Decimal("1.1"), Decimal(2)))
    assert catalog.card("gpt-4o") == CATALOG.card("gpt-4o")


def test_a_user_overrides_single_keys_and_the_rest_stays(tmp_path):
    file = user_file(tmp_path, '[models."gpt-4o"]\nprice.standard = { input = 3, output = 12 }\n')
    card, shipped = load_catalog(file).card("gpt-4o"), CATALOG.card("gpt-4o")
    assert card.price == ModelPrice(Rates(Decimal(3), Decimal(12)))
    assert card.origin is Origin.USER
    assert (card.image_rule, card.shutdown_date) == (shipped.image_rule, shipped.shutdown_date)
    assert (card.read_date, card.source_url) == (None, None), "they described the shipped price"


def test_a_rule_of_the_users_replaces_what_was_unpublished(tmp_path):
    card = load_catalog(user_file(tmp_path, '[models."gpt-6-sol"]\nimage_rule = "gpt-5.6"\n')).card(
        "gpt-6-sol"
    )
    assert card.image_rule == CATALOG.rules["gpt-5.6"]
    assert card.rule_basis is RuleBasis.PUBLISHED


def test_a_missing_or_empty_user_file_changes_nothing(tmp_path):
    assert load_catalog(tmp_path / "none.toml").names() == CATALOG.names()
    assert load_catalog(user_file(tmp_path, "")).names() == CATALOG.names()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[models.x]\nprice = 3", "models.x.price"),
        ("[models.x]\nprice.standard = { input = 1 }", "models.x.price.standard.output: missing"),
        ("[models.x]\nprice.standard = { input = -1, output = 1 }", "price.standard.input"),
        ("[models.x]\nprice.standard = { input = nan, output = 1 }", "price.standard.input"),
        ("[models.x]\nprice.standard = { input = true, output = 1 }", "price.standard.input"),
        ("[models.x]\nprice.standard = { input = '1', output = 1 }", "price.standard.input"),
        ("[models.x]\nprice.batch = { input = 1, output = 1 }", "models.x.price.standard: missing"),
        ("[models.x]\nprise = 3", "models.x.prise: unknown key"),
        ("[models.x]\nimage_rule = 'none'", "models.x.image_rule: there is no image rule 'none'"),
        ("[models.x]\nimage_rule = 3", "models.x.image_rule"),
        ("[models.x]\nimage_rule = { kind = 'tile' }", "models.x.image_rule.base_tokens: missing"),
        ("[models.x]\ncontext_tokens = 0", "models.x.context_tokens"),
        ("[models.x]\ncontext_tokens = true", "models.x.context_tokens"),
        ("[models.x]\nstructured_output = 'yes'", "models.x.structured_output"),
        ("[models.x]\nshutdown_date = 2027-01-14T00:00:00Z", "models.x.shutdown_date"),
        ("[models.x]\ntemperature = 'sometimes'", "models.x.temperature"),
        ("[models.x]\nreasoning_efforts = [1]", "models.x.reasoning_efforts"),
        (
            (
                "[models.x]\nprice.standard = { input = 1, output = 1 }\n"
                "price.long_context = { input_factor = 2, output_factor = 2 }"
            ),
            "models.x.price.long_context.above_input_tokens: missing",
        ),
        ("[image_rules.x]\nkind = 'circle'", "image_rules.x.kind"),
        ("image_rules = 3", "image_rules: a table is needed"),
        ("models = 3", "models: a table is needed"),
        ("[models]\nx = 3", "models.x: a table is needed"),
        ("[model.x]", "model: unknown key"),
        ("[models.x]\nprovider = \n", "line 2"),
    ],
)
def test_a_bad_user_file_is_refused_by_line_or_key(tmp_path, text, names):
    with pytest.raises(ConfigurationError) as caught:
        load_catalog(user_file(tmp_path, text))
    assert names in str(caught.value)
    assert "models.toml" in str(caught.value)


def test_a_user_file_that_is_no_text_is_refused(tmp_path):
    file = tmp_path / "models.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError):
        load_catalog(file)


def test_saving_writes_only_what_differs_and_reads_back(tmp_path):
    file = tmp_path / "data" / "models.toml"
    price = ModelPrice(Rates(Decimal("3.00"), Decimal("12.5")))
    save_user_model(file, replace(CATALOG.card("gpt-4o"), price=price))
    assert file.read_text(encoding="utf-8") == (
        '[models."gpt-4o"]\nprice = { standard = { input = 3.00, output = 12.5 } }\n'
    )
    assert load_catalog(file).card("gpt-4o").price == price


def test_saving_keeps_other_entries_and_removing_takes_one_out(tmp_path):
    file = user_file(tmp_path, '[models."a b"]\nprovider = "me"\n')
    added = ModelCard('neu "1"', provider="x", image_rule=TileRule(1, 2), aliases=("y",))
    save_user_model(file, added)
    catalog = load_catalog(file)
    assert catalog.card("a b").provider == "me"
    assert catalog.card("y").image_rule == TileRule(1, 2)
    remove_user_model(file, 'neu "1"')
    remove_user_model(file, "never there")
    assert "neu" not in file.read_text(encoding="utf-8")
    assert load_catalog(file).card("a b").provider == "me"


def test_saving_the_shipped_card_again_removes_the_users(tmp_path):
    file = user_file(tmp_path, '[models."gpt-4o"]\nsuccessor = "mine"\n')
    save_user_model(file, CATALOG.card("gpt-4o"))
    assert load_catalog(file).card("gpt-4o") == CATALOG.card("gpt-4o")


@pytest.mark.parametrize("text", ["[models.x", "models = 3"])
def test_saving_leaves_a_bad_file_alone(tmp_path, text):
    file = user_file(tmp_path, text)
    with pytest.raises(ConfigurationError):
        save_user_model(file, ModelCard("y"))
    assert file.read_text(encoding="utf-8") == text


def test_a_file_that_cannot_be_written_is_a_storage_error(tmp_path):
    (tmp_path / "models.toml.new").mkdir()
    with pytest.raises(StorageError):
        save_user_model(tmp_path / "models.toml", ModelCard("y"))


@pytest.mark.parametrize("card", CATALOG.cards(), ids=lambda card: card.name)
def test_every_card_survives_being_written_and_read(card):
    entry = entry_of(card, CATALOG.rules)
    assert read_card(card.name, entry, CATALOG.rules, Origin.VENDOR) == card


@settings(deadline=None)
@given(
    name=st.text(min_size=1, max_size=20),
    provider=st.text(max_size=20),
    input_usd=st.decimals(0, 1000, places=6),
    until=st.dates(),
)
def test_any_text_survives_the_file(name, provider, input_usd, until):
    import tomllib

    card = ModelCard(
        name,
        provider=provider,
        price=ModelPrice(Rates(input_usd, Decimal(1))),
        price_until=until,
        structured_output=False,
        temperature=TemperatureRule.NEVER,
        reasoning_efforts=("low",),
        origin=Origin.USER,
    )
    text = to_toml({"models": {name: entry_of(card, {})}})
    entry = tomllib.loads(text, parse_float=Decimal)["models"][name]
    assert read_card(name, entry, {}, Origin.USER) == card
