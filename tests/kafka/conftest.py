"""A small city as a log, and what a replay decides on it."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from streams.cli import main
from streams.kafka.settings import Settings
from tests.kafka.group import DECISIONS
from tests.replay.runs import Run, city, replay, write_jsonl

DETAILS = (
    {"kind": "customer_profile", "time_zone": "Asia/Shanghai", "consent": {"sms": True}},
    {"kind": "intervention_outcome", "intervention_id": "i1", "status": "contacted"},
)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small city with a malformed row, a duplicate, and outcomes and profiles, one of them malformed."""
    events = city(tmp_path_factory.mktemp("city"), 120, 150)
    details = [
        detail | {key: event[key] for key in ("customer_id", "event_time")}
        for event in events[::90]
        for detail in DETAILS
    ]
    lines = [*events[:300], "{", events[299], *events[300:]]
    lines += [*details, details[0] | {"event_time": events[0]["event_time"], "time_zone": "Nowhere"}]
    lines.sort(key=lambda line: "" if isinstance(line, str) else line["event_time"])
    return write_jsonl(tmp_path_factory.mktemp("log") / "events.jsonl", lines)


@pytest.fixture(scope="module")
def wanted(log: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    base: Run = replay(tmp_path_factory.mktemp("base") / "out", [log], scores=False)
    return {name: sorted((base.folder / f"{name}.jsonl").read_bytes().splitlines()) for name in DECISIONS}


@pytest.fixture
def known(brokers: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Topics of its own with three partitions, to which commands of this process go."""
    settings = Settings((brokers,), f"{uuid4().hex[:8]}-")
    monkeypatch.setenv("KEEPLINE_BROKERS", brokers)
    monkeypatch.setenv("KEEPLINE_TOPIC_PREFIX", settings.topic_prefix)
    assert main(["topics", "create", "--partitions", "3"]) == 0
    return settings
