"""Why brokers do not answer is asked while a process is no member of its group, and told once."""

from __future__ import annotations

import asyncio
import logging
import time
from types import SimpleNamespace
from typing import Any

import pytest

from streams.kafka import outage as module
from streams.kafka.outage import Outage
from streams.kafka.settings import Settings
from tests.kafka.city import wait_for

SILENT = "broker a:9092: no answer in 5 s"


async def test_addresses_that_do_not_answer_are_logged_once_and_when_they_answer_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [SILENT, SILENT, SILENT]

    async def unreachable(settings: Settings) -> str:
        return answers.pop() if answers else ""

    for name, value in {"unreachable": unreachable, "EVERY_S": 0.0, "AGAIN_S": 0.0}.items():
        monkeypatch.setattr(module, name, value)
    leases: Any = SimpleNamespace(member_at=time.monotonic() - 60.0)
    outage = Outage(Settings(("a:9092",)), leases, 6.0)
    with caplog.at_level(logging.WARNING):
        watching = asyncio.ensure_future(outage.watch())
        await wait_for(lambda: len(caplog.records) == 2)
        watching.cancel()
    assert [record.getMessage() for record in caplog.records] == [
        f"brokers do not answer, the worker waits for them: {SILENT}",
        "resolved: brokers answer again",
    ]


async def test_a_member_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreachable(settings: Settings) -> str:
        raise AssertionError

    monkeypatch.setattr(module, "unreachable", unreachable)
    monkeypatch.setattr(module, "EVERY_S", 0.0)
    leases: Any = SimpleNamespace(member_at=time.monotonic())
    watching = asyncio.ensure_future(Outage(Settings(("a:9092",)), leases, 6.0).watch())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not watching.done()
    watching.cancel()
