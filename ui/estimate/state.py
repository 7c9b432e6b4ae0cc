"""What the Estimate page remembers in one session, and the catalogue and files it reads."""

from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from core.catalog import USER_MODELS, Catalog, load_catalog
from core.errors import ConfigurationError
from core.scenarios import Scenario
from core.store.scenarios import SavedScenarios
from ui.estimate.words import complain
from ui.resources import settings, workbench

_KEY = "_tessera_estimate"

MOST_BESIDE = 6
"""More columns than that cannot be compared by eye."""


@dataclass
class EstimateState:
    """`beside` are the scenarios put next to the one in the controls.

    `link` is the address as this page last wrote it; another one in the browser was opened or
    gone back to.
    """

    beside: list[Scenario] = field(default_factory=list)
    link: list[str] = field(default_factory=list)
    language: str = ""

    def put_beside(self, scenario: Scenario) -> None:
        """Add a scenario once; the oldest makes room."""
        if scenario not in self.beside:
            self.beside = [*self.beside, scenario][-MOST_BESIDE:]


def state() -> EstimateState:
    """Return this session's memory, made at first use."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = EstimateState()
    found: EstimateState = st.session_state[_KEY]
    return found


def saved_scenarios() -> SavedScenarios:
    """Return the team's scenarios."""
    return SavedScenarios(settings().tessera_data_dir)


def user_models_file() -> Path:
    """Return where the user's own models are described."""
    return settings().tessera_data_dir / USER_MODELS


def catalog() -> Catalog:
    """Return the catalogue with the user's models as they are on disk now.

    The client is given the same, so that what is billed is what is shown. A file that is not
    usable is told on the page, and the shipped models are used.
    """
    file = user_models_file()
    try:
        changed = file.stat().st_mtime_ns if file.exists() else 0
        found = _catalog(file, changed)
    except ConfigurationError as error:
        complain(error)
        found = _catalog(file.with_name("none"), 0)
    workbench().client.catalog = found
    return found


@st.cache_resource(max_entries=4, show_spinner=False)
def _catalog(file: Path, changed_ns: int) -> Catalog:
    del changed_ns  # only tells one state of the file from another
    return load_catalog(file)
