"""Errors of the commands."""

from __future__ import annotations

from uuid import uuid4

import pytest

from streams.cli import main


@pytest.fixture
def prefix(brokers: str, monkeypatch: pytest.MonkeyPatch) -> str:
    prefix = f"{uuid4().hex[:8]}-"
    monkeypatch.setenv("KEEPLINE_BROKERS", brokers)
    monkeypatch.setenv("KEEPLINE_TOPIC_PREFIX", prefix)
    return prefix


@pytest.mark.parametrize("command", [["topics", "check"], ["status"], ["worker", "--profile", "after-sales"]])
def test_brokers_that_do_not_answer_are_one_line(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KEEPLINE_BROKERS", "127.0.0.1:1")
    assert main(command) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("keepline: broker 127.0.0.1:1: nothing listens there")


def test_no_brokers_at_all_is_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEEPLINE_BROKERS", raising=False)
    assert main(["topics", "check"]) == 2


@pytest.mark.parametrize("command", [["status"], ["worker", "--profile", "after-sales"]])
def test_missing_topics_are_one_line(command: list[str], prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"keepline: topics are missing: {prefix}")


def test_topics_are_created_with_the_partitions_asked_for(prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topics", "create", "--partitions", "2"]) == 0
    assert f"created {prefix}interventions" in capsys.readouterr().out
    assert main(["topics", "check"]) == 0


def test_a_group_that_never_ran_is_a_problem(prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["topics", "create", "--partitions", "1"])
    assert main(["status"]) == 1
    assert "engine-0 has never committed a checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_partitions_that_are_no_count_are_wrong_use(count: str, prefix: str) -> None:
    assert main(["topics", "create", "--partitions", count]) == 2
