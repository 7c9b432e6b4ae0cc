"""Benchmarks can be listed and imported; what they measure is never a test."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(f for f in (ROOT / "benchmarks").glob("*.py") if not f.name.startswith("_"))


def run(*arguments):
    # deprecations of libraries that only benchmarks import are not ours to fail on
    environment = {**os.environ, "PYTHONWARNINGS": "default"}
    return subprocess.run(
        [sys.executable, *arguments],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_every_benchmark_is_listed_with_what_it_measures():
    listing = run("-m", "benchmarks", "--help").stdout
    for file in FILES:
        said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))).splitlines()[0]
        assert f"  {file.stem} " in listing
        assert said in listing


def test_an_unknown_name_is_answered_with_those_that_exist():
    answer = run("-m", "benchmarks", "nothing")
    assert answer.returncode == 2
    assert "app" in answer.stderr


@pytest.mark.parametrize("name", [file.stem for file in FILES])
def test_a_benchmark_can_be_imported_without_running(name):
    answer = run("-c", f"import benchmarks.{name}")
    assert (answer.returncode, answer.stdout) == (0, ""), answer.stderr


def test_every_benchmark_is_explained_in_the_readme():
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert [file.stem for file in FILES if f"`{file.stem}`" not in text] == []
