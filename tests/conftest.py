"""Every test starts from an empty environment: no key, no proxy, a data directory of its own."""

import os

import pytest

from core.settings import Settings
from core.store.database import open_database
from core.store.ledger import Ledger
from tests.clock import Clock

PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch, tmp_path_factory):
    for name in [n for n in os.environ if n.upper() in PROXIES]:
        monkeypatch.delenv(name)
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), "")  # wins over a developer's .env
    monkeypatch.setenv("TESSERA_DATA_DIR", str(tmp_path_factory.mktemp("data")))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(tmp_path, clock):
    opened = Ledger(open_database(tmp_path), clock)
    yield opened
    opened.close()


def pytest_collection_modifyitems(items):
    """Run browser tests last: playwright leaves an event loop running in the main thread."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
