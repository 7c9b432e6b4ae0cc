"""Make sure that the programs the tests drive are there: Chromium, Chinese type, promtool.

Installs them with apt when apt is there and may be used; else names the command to run. Without
promtool only its test is left out, so that it is missing is no failure.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = {
    "chromium": "a browser for the page tests",
    "fonts-noto-cjk": "Chinese type for them",
    "prometheus": "promtool, which checks /metrics",
}
OPTIONAL = {"prometheus"}
_SYSTEMD = Path("/run/systemd/system")


def missing_packages() -> list[str]:
    """Return the Debian packages whose programs or fonts are not on this machine."""
    wanted = []
    if not (shutil.which("chromium") or shutil.which("chromium-browser")):
        wanted.append("chromium")
    if not _has_chinese_font():
        wanted.append("fonts-noto-cjk")
    # Its package brings a server along, which systemd would start; elsewhere it only lies there.
    if not shutil.which("promtool") and not _SYSTEMD.exists():
        wanted.append("prometheus")
    return wanted


def _has_chinese_font() -> bool:
    if not shutil.which("fc-list"):
        return False
    found = subprocess.run(["fc-list", ":lang=zh-cn"], capture_output=True, text=True, check=False)
    return bool(found.stdout.strip())


def install(packages: list[str], *options: str) -> bool:
    """Install packages with apt, or say how; return whether they are there."""
    command = " ".join(["apt-get", "install", "-y", *options, *packages])
    reasons = ", ".join(f"{name} ({PACKAGES[name]})" for name in packages)
    if not shutil.which("apt-get") or os.geteuid() != 0:
        print(f"The tests need {reasons}. Install with: sudo apt-get update && sudo {command}")
        return False
    print(f"Installing {reasons} ...")
    # At this runlevel no service is started that a package brings along.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for arguments in (["apt-get", "update", "-qq"], [*command.split(), "-qq"]):
        done = subprocess.run(arguments, env=environment, capture_output=True, check=False)
        if done.returncode:
            print(done.stderr.decode(errors="replace")[-2000:])
            print(f"That did not work. Run by hand: apt-get update && {command}")
            return False
    return True


def main() -> int:
    """Install what is missing, or say how; fail only without what many tests need."""
    missing = missing_packages()
    needed = [name for name in missing if name not in OPTIONAL]
    optional = [name for name in missing if name in OPTIONAL]
    is_ready = not needed or install(needed)
    if optional:
        install(optional, "--no-install-recommends")
    return 0 if is_ready else 1


if __name__ == "__main__":
    sys.exit(main())
