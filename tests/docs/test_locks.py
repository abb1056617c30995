"""The locks: what the image installs, what the demo adds to it, and what tests add to both."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2]


def locked(name: str) -> set[str]:
    """The packages of a lock, as name==version."""
    lines = (FOLDER / name).read_text().splitlines()
    return {line.split()[0] for line in lines if not line.startswith((" ", "#"))}


def test_the_image_installs_no_embedded_broker() -> None:
    added = locked("requirements-demo.lock") - locked("requirements.lock")
    assert [name.partition("==")[0] for name in added] == ["noida-db"]
    assert "--requirement requirements.lock" in (FOLDER / "Dockerfile").read_text()


@pytest.mark.parametrize("larger", ["requirements-demo.lock", "requirements-dev.lock"])
def test_tests_and_demo_run_with_the_versions_of_the_image(larger: str) -> None:
    assert locked("requirements.lock") <= locked(larger)
