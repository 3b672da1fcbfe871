"""A browser for the end-to-end tests."""

from __future__ import annotations

import os
import shutil

from tools.devtools import steps
from tools.devtools.places import ROOT, DevError

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def find_or_install() -> str:
    """Its path. Raises DevError."""
    found = _find()
    if found is not None:
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise DevError("the end-to-end tests need Chromium, and none is found: install the package chromium")
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    remedy = "Install the package chromium by hand."
    steps.run("apt-get update", ["apt-get", "update"], cwd=ROOT, env=env, remedy=remedy)
    argv = ["apt-get", "install", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core"]
    steps.run("chromium (apt-get install)", argv, cwd=ROOT, env=env, remedy=remedy)
    found = _find()
    if found is None:
        raise DevError("chromium was installed and is still not found on PATH")
    return found


def _find() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)
