"""`keepline status --watch`."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from schemas.errors import Failure
from streams.cli import main, status
from streams.kafka.settings import Settings
from streams.kafka.status import Status


def watch(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Runs the command; it sees the group, then no broker, then the group, until Ctrl-C."""
    seen: Iterator[str] = iter(("", "no broker answers", ""))

    async def read(settings: Settings) -> Status:
        if wrong := next(seen, None):
            raise Failure(wrong)
        if wrong is None:
            raise KeyboardInterrupt
        return Status("g", "", "Stable", 1, [], [], None, {})

    monkeypatch.setenv("KEEPLINE_BROKERS", "a:9092")
    monkeypatch.setattr(status, "read", read)
    monkeypatch.setattr(status.time, "sleep", lambda seconds: None)
    return main(["status", "--watch", *words])


def test_a_watch_goes_on_when_brokers_do_not_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert watch(monkeypatch) == 130
    out, err = capsys.readouterr()
    assert (out.count(status.CLEAR), err.count("no broker answers")) == (2, 1)


def test_a_watch_as_json_writes_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    watch(monkeypatch, "--json")
    text, found = capsys.readouterr().out.strip(), []
    while text:
        body, end = json.JSONDecoder().raw_decode(text)
        found.append(body["group"])
        text = text[end:].strip()
    assert found == ["g", "g"]
