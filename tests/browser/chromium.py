"""Debian's Chromium, installed when it is missing and apt is there."""

import os
import shutil
import subprocess
from pathlib import Path

# As root and in containers there is no sandbox; the rest keeps the browser from calling home.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str | None:
    """The path of the browser; None when there is none and it cannot be installed."""
    if not _installed() and shutil.which("apt-get") and os.geteuid() == 0:
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "--quiet", *command], env=environment, check=False)
    return _installed()


def _installed() -> str | None:
    """Not the wrapper of a snap, which does not run without a desktop session."""
    for name in ("chromium", "google-chrome", "chromium-browser"):
        path = shutil.which(name)
        if path and "snap" not in str(Path(path).resolve()):
            return path
    return None
