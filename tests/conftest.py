"""Every test starts from an empty environment: no key, no proxy, a data directory of its own."""

import os

import pytest

from core.settings import Settings

PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch, tmp_path_factory):
    for name in [n for n in os.environ if n.upper() in PROXIES]:
        monkeypatch.delenv(name)
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), "")  # wins over a developer's .env
    monkeypatch.setenv("TESSERA_DATA_DIR", str(tmp_path_factory.mktemp("data")))


def pytest_collection_modifyitems(items):
    """Run browser tests last: playwright leaves an event loop running in the main thread."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
