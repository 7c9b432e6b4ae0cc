"""Logs are JSON with stable names, and tell no secret, whatever a library puts into them."""

import ast
import base64
import json
import logging
import re
import sys
from pathlib import Path

import pytest

from core.logs import configure_logs
from core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
PICTURE = base64.b64encode(bytes(range(256))).decode()


def fail(said):
    raise ValueError(said)


@pytest.fixture
def logged(capsys):
    """Configure logs, and return a function that gives the lines since as JSON."""
    root, factory = logging.getLogger(), logging.getLogRecordFactory()
    handlers, level = root.handlers[:], root.level
    configure_logs(Settings(openai_api_key="relay-key-1"))
    yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    root.handlers = handlers
    root.setLevel(level)
    for ours in ("core", "service", "ui"):
        logging.getLogger(ours).setLevel(logging.NOTSET)
    logging.setLogRecordFactory(factory)


def test_an_event_is_one_line_with_its_fields(logged):
    logging.getLogger("core.cache").warning("cache_row_damaged", extra={"key": "ab", "n": 3})
    [line] = logged()
    assert (line["event"], line["level"], line["logger"]) == (
        "cache_row_damaged",
        "warning",
        "core.cache",
    )
    assert (line["key"], line["n"]) == ("ab", 3)
    assert line["timestamp"].endswith("Z")


def test_what_is_only_information_is_told_by_us_alone(logged):
    for name in ("core.cache", "alembic.runtime"):
        logging.getLogger(name).info("told")
        logging.getLogger(name).debug("too much")
    assert [(line["logger"], line["event"]) for line in logged()] == [("core.cache", "told")]


def test_a_traceback_is_a_field(logged):
    try:
        fail("no\nnewline breaks a line")
    except ValueError:
        logging.getLogger("x").exception("failed")
    [line] = logged()
    assert "ValueError: no" in line["exception"]


@pytest.mark.parametrize("secret", ["sk-abcdefgh12345678", "relay-key-1", PICTURE])
def test_no_place_of_a_record_tells_a_secret(logged, secret):
    log = logging.getLogger("library")
    log.warning("asked with %s", secret)
    log.warning(f"asked with {secret}", extra={"body": {"messages": [secret]}, "raw": secret})
    try:
        fail(secret)
    except ValueError:
        log.exception("failed")
    told = json.dumps(logged())
    assert told.count("[hidden]") >= 5
    assert secret not in told


def test_libraries_that_write_by_themselves_are_cleaned_too(logged, capsys):
    log = logging.getLogger("library.with.a.handler")
    handler = logging.StreamHandler(sys.stderr)
    log.addHandler(handler)
    log.propagate = False
    try:
        fail("sk-abcdefgh12345678")
    except ValueError:
        log.exception("key is %s", "sk-abcdefgh12345678")
    log.removeHandler(handler)
    told = capsys.readouterr().err
    assert "ValueError: [hidden]" in told
    assert "abcdefgh" not in told


def test_logs_may_be_configured_again(logged):
    configure_logs(Settings(openai_api_key="another"))
    logging.getLogger("x").warning("once %s", "another")
    assert [line["event"] for line in logged()] == ["once [hidden]"]


def sources():
    for folder in ("core", "service", "ui", "pages"):
        yield from (ROOT / folder).rglob("*.py")


def events():
    """Yield where each event is logged, and its name if that is a constant."""
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="_log" | "log"), attr=level),
                    args=[ast.Constant(value=name), *_],
                ) if level in LEVELS:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", name


def test_the_documentation_names_every_event():
    text = (ROOT / "docs/logs.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))
    for place, name in events():
        assert name in documented, (place, name)
    code = "".join(path.read_text(encoding="utf-8") for path in sources())
    assert [name for name in documented if f'"{name}"' not in code] == []
