"""Add a model, or give one your own prices: for compatible servers and relays."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

import streamlit as st

from core.catalog import Catalog, ModelCard, RuleBasis, remove_user_model, save_user_model
from core.catalog.models import Origin
from core.catalog.rules import UNKNOWN_RULE, ImageRule, PixelsRule
from core.errors import ConfigurationError, VisionError
from core.phrases import Phrase
from core.pricing import ModelPrice, Rates
from ui.estimate.state import catalog, user_models_file
from ui.estimate.words import complain, markdown
from ui.i18n import _

_KEY = "models"
_NAME = "models.name"
_LONGEST_NAME = 80
_LONGEST_PRICE = Decimal(100_000)


@dataclass(frozen=True, slots=True)
class _Typed:
    """What is in the form; an empty price is not known."""

    rule: str
    max_output_tokens: int | None
    input_usd: str
    cached_usd: str
    output_usd: str
    batch_input_usd: str
    batch_output_usd: str


def show_model_editor() -> None:
    """Draw the user's models with their mark, and the form that adds or changes one."""
    known = catalog()
    _show_own(known)
    names = [card.name for card in known.cards() if not isinstance(card.image_rule, PixelsRule)]
    typed = st.session_state.get(_NAME)
    name = st.selectbox(
        _("Model"),
        list(dict.fromkeys([*names, typed]) if typed else names),
        index=None,
        accept_new_options=True,
        placeholder=_("choose one to change it, or type a new name"),
        key=_NAME,
        width=420,
    )
    name = " ".join(str(name or "").split())
    if not name:
        return
    if len(name) > _LONGEST_NAME:
        complain(ConfigurationError(Phrase("A model's name has at most 80 characters.")))
        return
    card = known.card(name)
    with st.form(f"{_KEY}.form.{name}", border=True):
        wanted = _draw_form(card, known)
        saved = st.form_submit_button(_("Save"), icon=":material/save:", type="primary")
    if saved:
        _try(lambda: save_user_model(user_models_file(), _edited(card, wanted, known)))


def _show_own(known: Catalog) -> None:
    own = [card for card in known.cards() if card.origin is Origin.USER]
    if not own:
        st.caption(_("Every model is as shipped. Prices of your own get the mark ✎."))
    for card in own:
        with st.container(horizontal=True, vertical_alignment="center", key=f"own-{card.name}"):
            price = card.price.standard if card.price else None
            words = (
                _("input ${input}, output ${output} per million tokens").format(
                    input=f"{price.input_usd:f}", output=f"{price.output_usd:f}"
                )
                if price
                else _("price unknown")
            )
            st.markdown(f"✎ **{markdown(card.name)}** · {markdown(words)}", width="content")
            if st.button(_("Remove"), key=f"{_KEY}.remove.{card.name}", icon=":material/delete:"):
                _try(partial(remove_user_model, user_models_file(), card.name))


def _draw_form(card: ModelCard, known: Catalog) -> _Typed:
    key = f"{_KEY}.{card.name}"
    standard = card.price.standard if card.price else None
    batch = card.price.batch if card.price else None
    st.caption(_("USD per million tokens. What is left empty is not known, and never counts as 0."))
    top, below = st.columns(3), st.columns(3)
    with top[0]:
        input_usd = _price(_("Input"), standard and standard.input_usd, f"{key}.input")
    with top[1]:
        cached = standard and standard.cached_input_usd
        cached_usd = _price(_("Cached input"), cached, f"{key}.cached")
    with top[2]:
        output_usd = _price(_("Output"), standard and standard.output_usd, f"{key}.output")
    with below[0]:
        batch_input_usd = _price(_("Input, batch"), batch and batch.input_usd, f"{key}.b_in")
    with below[1]:
        batch_output_usd = _price(_("Output, batch"), batch and batch.output_usd, f"{key}.b_out")
    with below[2]:
        limit_tokens = _choose_limit(card, f"{key}.limit")
    return _Typed(
        rule=_choose_rule(card, known, f"{key}.rule"),
        max_output_tokens=limit_tokens,
        input_usd=input_usd,
        cached_usd=cached_usd,
        output_usd=output_usd,
        batch_input_usd=batch_input_usd,
        batch_output_usd=batch_output_usd,
    )


def _price(label: str, usd: Decimal | None, key: str) -> str:
    """Draw a price as text: a number field would round it."""
    value = "" if usd is None else f"{usd:f}"
    return str(st.text_input(label, value, key=key, placeholder=_("not known")) or "")


def _choose_limit(card: ModelCard, key: str) -> int | None:
    label = _("Longest answer (tokens)")
    return st.number_input(label, min_value=1, value=card.max_output_tokens, step=1, key=key)


def _choose_rule(card: ModelCard, known: Catalog, key: str) -> str:
    rules = ["", *(n for n, rule in known.rules.items() if not isinstance(rule, PixelsRule))]
    rule = st.selectbox(
        _("Counts images like"),
        rules,
        index=rules.index(_rule_name(card.image_rule, known)),
        format_func=lambda each: each or _("not known"),
        key=key,
    )
    return rule or ""


def _rule_name(rule: ImageRule, known: Catalog) -> str:
    return next((name for name, each in known.rules.items() if each == rule), "")


def _edited(card: ModelCard, typed: _Typed, known: Catalog) -> ModelCard:
    """Return the card as it is in the form.

    Raises:
        ConfigurationError: Naming the field that is not usable.
    """
    price = _edited_price(card.price, typed)
    if price is None and card.price is not None:
        raise ConfigurationError(Phrase("A known price can be replaced, not taken away."))
    changed = price != card.price
    rule = known.rules[typed.rule] if typed.rule else UNKNOWN_RULE
    same_rule = typed.rule == _rule_name(card.image_rule, known)
    return replace(
        card,
        price=price,
        price_until=None if changed else card.price_until,
        source_url=None if changed else card.source_url,
        read_date=None if changed else card.read_date,
        image_rule=card.image_rule if same_rule else rule,
        rule_basis=card.rule_basis if same_rule else RuleBasis.PUBLISHED,
        max_output_tokens=typed.max_output_tokens,
        origin=Origin.USER,
    )


def _edited_price(before: ModelPrice | None, typed: _Typed) -> ModelPrice | None:
    standard = _rates(typed.input_usd, typed.output_usd, typed.cached_usd, _("Input, output"))
    batch = _rates(typed.batch_input_usd, typed.batch_output_usd, "", _("Batch"))
    if standard is None:
        if batch is not None:
            raise _refused(_("Input, output"))
        return None
    old_batch = before.batch if before else None
    if batch and old_batch:
        batch = replace(old_batch, input_usd=batch.input_usd, output_usd=batch.output_usd)
    if before is None:
        return ModelPrice(standard=standard, batch=batch)
    kept = replace(
        before.standard,
        input_usd=standard.input_usd,
        output_usd=standard.output_usd,
        cached_input_usd=standard.cached_input_usd,
    )
    return replace(before, standard=kept, batch=batch)


def _rates(input_usd: str, output_usd: str, cached_usd: str, label: str) -> Rates | None:
    given, wanted, cached = _usd(input_usd), _usd(output_usd), _usd(cached_usd)
    if given is None and wanted is None and cached is None:
        return None
    if given is None or wanted is None:
        raise _refused(label)
    return Rates(given, wanted, cached)


def _usd(text: str) -> Decimal | None:
    text = text.strip()
    if not text:
        return None
    plain = text.isascii() and text.replace(".", "", 1).isdigit() and len(text) <= 20
    if not plain or Decimal(text) > _LONGEST_PRICE:
        raise _refused(text[:20])
    return Decimal(text)


def _refused(what: str) -> ConfigurationError:
    return ConfigurationError(
        Phrase(
            "'{what}': give both input and output, each a plain number such as 2.50, or leave "
            "both empty.",
            {"what": what},
        )
    )


def _try(change: Callable[[], None]) -> None:
    try:
        change()
    except VisionError as error:
        complain(error)
    else:
        st.rerun()
