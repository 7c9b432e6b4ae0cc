"""Imports point down only: pages -> ui -> core, service -> core."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = {"core", "ui", "pages", "service"}
PURE = ("tokens", "pricing", "quote", "backoff", "diagnosis", "types", "errors", "phrases")


def imported_modules(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
    return found


def imported_roots(path):
    return {name.split(".")[0] for name in imported_modules(path)}


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("core", {"streamlit", "fastapi", "ui", "pages", "service"}),
        ("service", {"streamlit", "ui", "pages"}),
        ("ui", {"fastapi", "service", "pages"}),
        ("pages", {"fastapi", "service", "pages"}),
    ],
)
def test_imports_point_down(folder, forbidden):
    files = list((ROOT / folder).rglob("*.py"))
    assert files
    for path in files:
        assert not imported_roots(path) & forbidden, path


def test_vocabulary_imports_nothing_else_of_ours():
    allowed = {"core.phrases", "core.errors", "core.types"}
    for name in ("types", "errors", "phrases"):
        ours = {m for m in imported_modules(ROOT / f"core/{name}.py") if m.split(".")[0] in OURS}
        assert ours <= allowed, name


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_have_no_clock_network_disk_or_chance(name):
    impure = {"time", "random", "socket", "httpx2", "openai", "os", "pathlib", "asyncio", "secrets"}
    assert not imported_roots(ROOT / f"core/{name}.py") & impure


def test_core_works_with_an_empty_environment():
    """Every module imports without a setting, a key or a home."""
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "core").rglob("*.py")
        if path.name not in {"__main__.py", "worker.py", "env.py"}
    ]
    program = f"import importlib\nfor name in {modules!r}: importlib.import_module(name)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        cwd=ROOT,
        env={},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "words",
    [
        "verify=False",
        "CERT_NONE",
        "check_hostname = False",
        "import pickle",
        "unsafe_allow_html=True",
    ],
)
def test_source_never_says(words):
    for folder in OURS:
        for path in (ROOT / folder).rglob("*.py"):
            assert words not in path.read_text(encoding="utf-8"), path
