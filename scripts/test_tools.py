"""Make sure that the programs the tests drive are there: a Chromium, and a font with Chinese.

Installs them with apt when apt is there and may be used; else names the command to run.
"""

import os
import shutil
import subprocess
import sys

PACKAGES = {"chromium": "a browser for the page tests", "fonts-noto-cjk": "Chinese type for them"}


def missing_packages() -> list[str]:
    """Return the Debian packages whose programs or fonts are not on this machine."""
    wanted = []
    if not (shutil.which("chromium") or shutil.which("chromium-browser")):
        wanted.append("chromium")
    if not _has_chinese_font():
        wanted.append("fonts-noto-cjk")
    return wanted


def _has_chinese_font() -> bool:
    if not shutil.which("fc-list"):
        return False
    found = subprocess.run(["fc-list", ":lang=zh-cn"], capture_output=True, text=True, check=False)
    return bool(found.stdout.strip())


def main() -> int:
    """Install what is missing, or say how."""
    wanted = missing_packages()
    if not wanted:
        return 0
    command = f"apt-get install -y {' '.join(wanted)}"
    reasons = ", ".join(f"{name} ({PACKAGES[name]})" for name in wanted)
    if not shutil.which("apt-get") or os.geteuid() != 0:
        print(f"The tests need {reasons}. Install with: sudo apt-get update && sudo {command}")
        return 1
    print(f"Installing {reasons} ...")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["apt-get", "update", "-qq"], [*command.split(), "-qq"]):
        done = subprocess.run(arguments, env=environment, capture_output=True, check=False)
        if done.returncode:
            print(done.stderr.decode(errors="replace")[-2000:])
            print(f"That did not work. Run by hand: apt-get update && {command}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
