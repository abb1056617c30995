"""A log in any order, in several files, or with rows that run away gives what the log in time order gives."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.replay.runs import Event, Run, replay, same_facts, visit, write_jsonl


def by_customer(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda event: str(event["customer_id"]))


def shuffled(events: list[Event]) -> list[Event]:
    return random.Random(1).sample(events, len(events))


def by_kind(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda event: str(event["kind"]))


def newest_first(events: list[Event]) -> list[Event]:
    return events[::-1]


@pytest.mark.parametrize("order", [by_customer, shuffled, by_kind, newest_first])
def test_a_log_in_any_order_gives_what_the_ordered_one_gives(
    events: list[Event], base: Run, tmp_path: Path, order
) -> None:
    run = replay(tmp_path / "out", [write_jsonl(tmp_path / "log.jsonl", order(events))])
    assert same_facts(run, base)


def test_several_files_some_out_of_order_are_merged_by_event_time(
    events: list[Event], base: Run, tmp_path: Path
) -> None:
    parts = [events[0::3], shuffled(events[1::3]), by_customer(events[2::3])]
    run = replay(tmp_path / "out", [write_jsonl(tmp_path / f"{i}.jsonl", part) for i, part in enumerate(parts)])
    assert same_facts(run, base)


@pytest.mark.parametrize("order", [list, by_customer])
def test_rows_that_run_away_change_nothing_but_their_dead_letters(
    events: list[Event], base: Run, tmp_path: Path, order
) -> None:
    years = ["1970-01-01T00:00:00Z", "2023-01-02T08:00:00Z", "2025-04-01T08:00:00Z", "2026-02-01T08:00:00Z"]
    mixed = order(events)
    for i, time in enumerate(years):
        mixed.insert(700 * i, visit(f"c{i}", time))
    run = replay(tmp_path / "out", [write_jsonl(tmp_path / "log.jsonl", mixed)])
    letters = run.lines("dead-letters.jsonl")
    assert sorted((one["line"], one["rule"]) for one in letters) == [(700 * i + 1, "runaway") for i in range(4)]
    counts = {"events_read": base.summary["events_read"] + 4, "events_rejected": 4}
    assert run.measures == base.measures | counts
    assert run.decisions == base.decisions
