"""Run the benchmarks, each in a process of its own, and say how busy the machine was.

    python -m benchmarks [NAME...]     (or: make bench ARGS="NAME...")

Every module beside this file is a benchmark. A missed bound is printed, not punished: the exit
code is 0 unless a benchmark crashes.
"""

import argparse
import os
import runpy
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

ALONE = "--alone"
HERE = Path(__file__).resolve().parent


def benchmarks() -> dict[str, str]:
    """Return the name of each benchmark and the first line of what it says about itself."""
    files = sorted(file for file in HERE.glob("*.py") if not file.name.startswith("_"))
    return {
        file.stem: file.read_text(encoding="utf-8").partition("\n")[0].strip('"') for file in files
    }


def main() -> int:
    """Run what was asked for; return 1 if a benchmark crashed."""
    found = benchmarks()
    lines = (f"  {name:14} {said}" for name, said in found.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure speed and memory as ratios within one run.",
        epilog="benchmarks:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which to run; without it, all")
    names = parser.parse_args().names or list(found)
    if unknown := [name for name in names if name not in found]:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(found)}")
    print(machine(), flush=True)
    crashed = [name for name in names if not ran(name)]
    if crashed:
        print(f"crashed: {', '.join(crashed)}")
    return bool(crashed)


def machine() -> str:
    """Say how many processors there are and how many tasks wait for them already."""
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    return f"{os.cpu_count()} processors, load {load} before the first benchmark"


def ran(name: str) -> bool:
    """Run one benchmark in a fresh process and say whether it came to its end."""
    print(f"\n== {name}", flush=True)
    command = [sys.executable, "-m", "benchmarks", ALONE, name]
    return subprocess.run(command, check=False, cwd=HERE.parent).returncode == 0


def run_alone(name: str) -> None:
    """Run one benchmark in this process; an exit code of its own tells of a missed bound."""
    sys.argv = [name]
    with suppress(SystemExit):
        runpy.run_module(f"benchmarks.{name}", run_name="__main__")


if __name__ == "__main__":
    if sys.argv[1:2] == [ALONE]:
        run_alone(sys.argv[2])
    else:
        sys.exit(main())
