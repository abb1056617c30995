"""Prometheus' own tools, from Debian's package `prometheus`. Where they are missing tests skip; in CI they fail."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"


def tool(name: str) -> str:
    """The path of `promtool` or `prometheus`."""
    if found := shutil.which(name):
        return found
    end = pytest.fail if os.environ.get("KEEPLINE_REQUIRE_PROMETHEUS") else pytest.skip
    end(f"{name} is not there: install Debian's package prometheus")


def promtool(*words: str, given: str = "") -> tuple[int, str]:
    """Runs promtool -> exit code and what it printed."""
    done = subprocess.run([tool("promtool"), *words], input=given, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr
