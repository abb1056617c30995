"""One city that many tests replay."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.replay.runs import Event, Run, city, replay, write_jsonl

CUSTOMERS, DAYS = 180, 190


@pytest.fixture(scope="session")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """A city's events of half a year, in the order of their times."""
    return city(tmp_path_factory.mktemp("city"), CUSTOMERS, DAYS)


@pytest.fixture(scope="session")
def log(events: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The city as one file of all kinds."""
    return write_jsonl(tmp_path_factory.mktemp("log") / "events.jsonl", events)


@pytest.fixture(scope="session")
def base(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What comes out of the untouched log."""
    return replay(tmp_path_factory.mktemp("base") / "out", [log])
