"""docs/architecture.svg shows the imports that the code has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_picture_of_the_rooms_is_current() -> None:
    check = [sys.executable, "docs/picture.py", "--check"]
    ended = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
