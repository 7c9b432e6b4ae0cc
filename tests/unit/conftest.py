"""The command line as a person calls it."""

import json

import pytest

from core.cli import main


@pytest.fixture
def run(capsys, monkeypatch):
    """Run one command in English; give its exit code, its JSON (or text) and its stderr."""
    monkeypatch.setenv("TESSERA_LANG", "en")

    def run_command(*arguments):
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, json.loads(said.out) if "--json" in arguments else said.out, said.err

    return run_command
