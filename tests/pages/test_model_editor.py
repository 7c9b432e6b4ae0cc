"""The form that adds a model or gives one prices of the user's own."""

from decimal import Decimal

import pytest
from streamlit.testing.v1 import AppTest

from core.catalog import load_catalog
from core.catalog.models import Origin

SCRIPT = "from ui.estimate.model_editor import show_model_editor\nshow_model_editor()"


@pytest.fixture
def user_file(tmp_path, monkeypatch):
    monkeypatch.setenv("TESSERA_DATA_DIR", str(tmp_path))
    return tmp_path / "models.toml"


def editor(model=None):
    at = AppTest.from_string(SCRIPT, default_timeout=60)
    at.context = {"locale": "en-US"}
    if model:
        at.session_state["models.name"] = model  # AppTest cannot type into a selectbox
    at.run()
    assert not at.exception
    return at


def saved(at, model, **fields):
    for field, value in fields.items():
        at.text_input(key=f"models.{model}.{field}").set_value(value)
    next(b for b in at.button if b.label == "Save").click().run()
    assert not at.exception
    return at


def test_a_shipped_model_takes_the_users_price_and_gets_a_mark(user_file):
    at = saved(editor("gpt-4o"), "gpt-4o", input="2.75", output="11")
    card = load_catalog(user_file).card("gpt-4o")
    assert card.origin is Origin.USER
    assert card.price.standard.input_usd == Decimal("2.75")
    assert card.price.standard.cached_input_usd == Decimal("1.25")
    assert card.price.batch.input_usd == Decimal("1.25")
    assert card.price.priority is not None
    assert card.read_date is None  # the shipped day is not the day of this price
    assert card.image_rule == load_catalog().card("gpt-4o").image_rule
    assert any("✎" in each.value and "gpt" in each.value for each in at.markdown)


def test_a_new_model_counts_like_a_known_one(user_file):
    at = editor("my-relay")
    at.selectbox(key="models.my-relay.rule").set_value("gpt-4o")
    saved(at, "my-relay", input="1", output="2", cached="0.5", b_in="0.5", b_out="1")
    card = load_catalog(user_file).card("my-relay")
    assert card.image_rule == load_catalog().rules["gpt-4o"]
    assert card.price.batch.output_usd == Decimal(1)
    assert card.price.standard.cached_input_usd == Decimal("0.5")


def test_what_is_left_empty_is_not_known(user_file):
    saved(editor("silent"), "silent")
    card = load_catalog(user_file).card("silent")
    assert card.price is None
    assert card.origin is Origin.USER


@pytest.mark.parametrize(
    "fields",
    [
        {"input": "1"},
        {"output": "1"},
        {"input": "a", "output": "1"},
        {"input": "-1", "output": "1"},
        {"input": "1e3", "output": "1"},
        {"input": "NaN", "output": "1"},
        {"input": "100001", "output": "1"},
        {"b_in": "1", "b_out": "1"},
        {"cached": "1"},
        {"input": "=1", "output": "1"},
    ],
)
def test_a_price_that_is_none_is_told_and_not_saved(user_file, fields):
    at = saved(editor("new"), "new", **fields)
    assert at.warning or at.error
    assert not user_file.exists()


def test_a_known_price_cannot_become_unknown(user_file):
    empty = dict.fromkeys(("input", "cached", "output", "b_in", "b_out"), "")
    at = saved(editor("gpt-4o"), "gpt-4o", **empty)
    assert at.warning or at.error
    assert not user_file.exists()


def test_a_model_of_ones_own_can_be_removed(user_file):
    saved(editor("mine"), "mine", input="1", output="2")
    at = editor()
    at.button(key="models.remove.mine").click().run()
    assert load_catalog(user_file).card("mine").origin is Origin.UNKNOWN


def test_a_spoiled_file_is_told_and_left_alone(user_file):
    at = editor("mine")
    user_file.write_text("[models")
    saved(at, "mine", input="1", output="2")
    assert at.warning or at.error
    assert user_file.read_text() == "[models"
