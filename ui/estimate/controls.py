"""The scenario in the page's controls: chosen, put there from elsewhere, kept in the address."""

from dataclasses import replace
from typing import Any

import streamlit as st

from core.catalog import Catalog
from core.errors import ConfigurationError
from core.quote import Lane
from core.scenarios import (
    Scenario,
    checked,
    scenario_from_text,
    scenario_to_text,
    sizes_from_text,
    sizes_of_images,
    sizes_to_text,
)
from core.tasks import TASKS, prompt_for, task
from core.tokens import Size
from core.types import Detail
from core.what_if import comparable_models
from ui import state as analyze
from ui.engine_badge import today
from ui.estimate.state import state
from ui.estimate.words import CNY_KEY, GUIDE_KEY, complain, detail_name, lane_name
from ui.i18n import _, language
from ui.intake import show_intake, show_tray
from ui.resources import workbench

LINK = "s"
"""The parameter of the address: the scenario in the controls, then those beside it."""

_PREFIX = "estimate."
_FIELDS = (
    "model",
    "detail",
    "images",
    "prompt_tokens",
    "output_tokens",
    "output_limit_tokens",
    "cached_percent",
    "prompt_cached_percent",
    "lane",
)
_SIZES = _PREFIX + "sizes"
_USUAL_SIZES = (
    "512x512",
    "800x600",
    "1024x1024",
    "1240x1754",
    "1400x2000",
    "1920x1080",
    "2048x2048",
    "4032x3024",
)
_LONGEST_ON_SLIDER = 4000


def put(scenario: Scenario) -> None:
    """Set the controls; only before they are drawn, or in a callback."""
    for key, value in _control_values(scenario).items():
        st.session_state[key] = value


def _control_values(scenario: Scenario) -> dict[str, Any]:
    values = {_PREFIX + field: getattr(scenario, field) for field in _FIELDS}
    return {**values, _SIZES: sizes_to_text(scenario.sizes)}


def open_link() -> None:
    """Take the scenarios of an address that was opened, shared or gone back to.

    After a change of language they are taken again: the browser would send the old labels, which
    are no options any more (ui/choice.py).
    """
    texts = st.query_params.get_all(LINK)
    is_other_language = state().language != language()
    state().language = language()
    if texts and (texts != state().link or is_other_language):
        try:
            first, *others = [scenario_from_text(text) for text in texts]
        except ConfigurationError as error:
            complain(error)
        else:
            put(first)
            state().beside = others
    for key, value in _control_values(Scenario()).items():
        st.session_state.setdefault(key, value)


def keep_link(scenario: Scenario) -> None:
    """Write the scenarios into the address, so that it can be shared."""
    texts = [scenario_to_text(each) for each in (replace(scenario, name=""), *state().beside)]
    state().link = texts
    if st.query_params.get_all(LINK) != texts:
        st.query_params[LINK] = texts


def choose_scenario(catalog: Catalog) -> Scenario | None:
    """Draw the controls and return what they say, or None while the size cannot be read."""
    with st.container(border=True, key="estimate-controls"):
        model, detail, sizes, images = st.columns([3, 2, 3, 2.4], vertical_alignment="bottom")
        with model:
            _choose_model(catalog)
        with detail:
            _choose_detail(catalog)
        with sizes:
            _choose_sizes()
        with images:
            _number("images", _("Pictures a month"), 1, 1_000_000_000, step=1000)
        answer, cached, lane, more = st.columns([3, 3, 3, 1.4], vertical_alignment="bottom")
        with answer:
            _choose_output()
        with cached:
            _choose_cached()
        with lane:
            _choose_lane()
        with more, st.popover(_("More"), icon=":material/tune:", width="stretch"):
            _choose_more()
    try:
        return checked(_in_the_controls())
    except ConfigurationError as error:
        complain(error)
        return None


def _in_the_controls() -> Scenario:
    values = {field: st.session_state[_PREFIX + field] for field in _FIELDS}
    return Scenario(sizes=sizes_from_text(st.session_state[_SIZES] or ""), **values)


def show_own_pictures() -> None:
    """Offer to estimate with the pictures on the Analyze page, and to add some."""
    box = st.expander(
        _("Estimate with your own pictures"), icon=":material/image_search:", on_change="rerun"
    )
    if box.open:
        with box:
            st.caption(_("Only their sizes are used here; nothing is sent to a model."))
            show_intake()
            show_tray()
    tray = analyze.state().tray
    if tray:
        st.button(
            _("Use the sizes of the pictures on the Analyze page: {count}").format(count=len(tray)),
            key="estimate.use_tray",
            icon=":material/photo_size_select_large:",
            on_click=_use,
            args=([Size(item.width_px, item.height_px) for item in tray],),
        )


def _use(sizes: list[Size]) -> None:
    st.session_state[_SIZES] = sizes_to_text(sizes_of_images(sizes))


def _choose_model(catalog: Catalog) -> None:
    key = _PREFIX + "model"
    names = list(dict.fromkeys([*comparable_models(catalog, today()), st.session_state[key]]))
    st.selectbox(_("Model"), names, key=key, persist_state="session")


def _choose_detail(catalog: Catalog) -> None:
    key = _PREFIX + "detail"
    options = list(catalog.card(st.session_state[_PREFIX + "model"]).details) or [Detail.HIGH]
    if st.session_state[key] not in options:
        st.session_state[key] = Detail.HIGH if Detail.HIGH in options else options[0]
    st.selectbox(_("Detail"), options, format_func=detail_name, key=key, persist_state="session")


def _choose_sizes() -> None:
    names = {
        "1240x1754": _("A4 page, 150 dpi"),
        "1920x1080": _("Full HD"),
        "4032x3024": _("phone, 12 megapixels"),
    }

    def shown(text: str) -> str:
        plain = text.replace("x", "×")
        return f"{plain} · {names[text]}" if text in names else plain

    options = list(dict.fromkeys([*_USUAL_SIZES, st.session_state[_SIZES]]))
    st.selectbox(
        _("Size in pixels"),
        options,
        format_func=shown,
        key=_SIZES,
        accept_new_options=True,
        persist_state="session",
        help=_(
            "Choose one or type your own, such as 1400x2000. A mix of sizes is written "
            "1400x2000*3, 800x600: three of the first for each of the second."
        ),
    )


def _choose_output() -> None:
    longest = max(_LONGEST_ON_SLIDER, st.session_state[_PREFIX + "output_tokens"])
    _slider(
        "output_tokens",
        _("Answer length in tokens"),
        longest,
        least=10,
        step=10,
        hint=_("Four tokens are about three English words; a Chinese character is about one."),
    )


def _choose_cached() -> None:
    hint = _(
        "The part of the pictures whose answers Tessera's cache already has. They cost nothing."
    )
    _slider("cached_percent", _("Already answered, %"), 100, hint=hint)


def _choose_lane() -> None:
    st.segmented_control(
        _("Lane"),
        list(Lane),
        format_func=lane_name,
        key=_PREFIX + "lane",
        required=True,
        persist_state="session",
        width="stretch",
        help=_(
            "Batch answers within 24 hours at half the price. Flex is slower at times and may be "
            "refused when the vendor is busy; not every model offers it."
        ),
    )


def _choose_more() -> None:
    """Draw what is changed less often."""
    _fill_from_task()
    _number("prompt_tokens", _("Prompt tokens"), 0, 1_000_000, step=50)
    _number(
        "output_limit_tokens",
        _("Longest answer (tokens)"),
        1,
        1_000_000,
        step=100,
        hint=_("The upper end of the range: every answer as long as it may be."),
    )
    _slider(
        "prompt_cached_percent",
        _("Input read from the vendor's prompt cache, %"),
        100,
        hint=_("Only repeated beginnings of 1,024 tokens or more are cached by the vendor."),
    )
    _choose_what_stands_beside()


def _choose_what_stands_beside() -> None:
    """Offer the guide's own estimate and a second currency: no part of a scenario."""
    st.toggle(
        _("Show the guide's estimate, too"),
        key=GUIDE_KEY,
        persist_state="session",
        help=_("The formula and the prices of 2024 of the guide that Tessera implements."),
    )
    st.number_input(
        _("Yuan for one dollar"),
        min_value=0.01,
        max_value=1000.0,
        value=None,
        step=0.01,
        placeholder=_("not set: dollars only"),
        key=CNY_KEY,
        persist_state="session",
        help=_("Your own rate; amounts are then shown in CNY, too."),
    )


def _fill_from_task() -> None:
    st.selectbox(
        _("Fill in from a task"),
        [name for name in TASKS if TASKS[name].prompts],
        index=None,
        format_func=lambda name: _(TASKS[name].title),
        placeholder=_("prompt and answer length"),
        key=_PREFIX + "task",
        on_change=_take_task,
    )


def _take_task() -> None:
    """Count the chosen task's prompt, and expect answers as long as its earlier ones."""
    from core.quote import expect_output_tokens
    from core.text_tokens import request_text_tokens  # the tokenizer takes a moment to load

    name = st.session_state[_PREFIX + "task"]
    if name is None:
        return
    chosen, model = task(name), st.session_state[_PREFIX + "model"]
    words = prompt_for(chosen, language())
    text = request_text_tokens(words.prompt, words.system, chosen.schema, model)
    history = workbench().ledger.output_tokens_history(name, model)
    output = expect_output_tokens(
        history, chosen.typical_output_tokens, chosen.sampling.max_output_tokens
    )
    st.session_state[_PREFIX + "prompt_tokens"] = text.tokens
    st.session_state[_PREFIX + "output_tokens"] = output.expected
    st.session_state[_PREFIX + "output_limit_tokens"] = output.high


def _number(
    field: str, label: str, least: int, most: int, *, step: int, hint: str | None = None
) -> None:
    st.number_input(
        label,
        min_value=least,
        max_value=most,
        step=step,
        key=_PREFIX + field,
        persist_state="session",
        help=hint,
    )


def _slider(
    field: str, label: str, most: int, *, least: int = 0, step: int = 5, hint: str | None = None
) -> None:
    st.slider(
        label,
        least,
        most,
        step=step,
        key=_PREFIX + field,
        persist_state="session",
        help=hint,
    )
