"""The verdict on a fault, and the table."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.faults.kinds import FAULTS, Fault
from tests.faults.stage import Stage
from tests.faults.table import Result, cell, table
from tests.faults.watch import Answer, Seen, Watch, loud, signals


async def nothing(stage: Stage, end: AsyncExitStack) -> None:
    """No fault."""


FAULT = Fault("x", "a fault", nothing, r"disk \d+ is full", todo="free it")
TOLD = [Seen("log", 3.2, "a warning"), Seen("log", 9.0, "disk 7 is full: free it"), Seen("readyz", 5.0, "503: a|b")]


def test_a_fault_that_is_told_with_what_to_do_and_heals_is_right() -> None:
    assert Result(FAULT, TOLD, 45.0, 12.0, 1.0).wrong == []


@pytest.mark.parametrize(
    ("seen", "well_s", "wrong"),
    [
        (TOLD[:1], 12.0, ["nothing tells of it", "nothing says what to do"]),
        ([Seen("log", 1.0, "disk 7 is full")], 12.0, ["nothing says what to do"]),
        (TOLD, None, ["it does not heal"]),
    ],
)
def test_what_is_wrong_is_named(seen: list[Seen], well_s: float | None, wrong: list[str]) -> None:
    found = Result(FAULT, seen, 45.0, well_s, 1.0).wrong
    assert [text.startswith(start) for text, start in zip(found, wrong, strict=True)] == [True] * len(wrong)


def test_a_cell_has_the_first_text_and_the_one_that_names_the_cause() -> None:
    assert cell(Result(FAULT, TOLD, 45.0, 12.0, 1.0), "log") == "3 s: a warning<br>9 s: disk 7 is full: free it"


def test_a_bar_in_a_text_ends_no_cell() -> None:
    line = table([Result(FAULT, TOLD, 45.0, None, 1.0)]).splitlines()[-1]
    assert "a\\|b" in line
    assert line.endswith("| **never** |")


def test_metrics_that_page_somebody_are_found() -> None:
    page = 'keepline_unit_given_up{unit="engine-0"} 1.0\nkeepline_unit_given_up{unit="engine-1"} 0.0\n'
    page += 'keepline_frontier_age_seconds_worst 3.5\nkeepline_unit_ready{unit="learner"} 0.0\n'
    assert list(signals(200, page)) == ['`unit_given_up{unit="engine-0"}`', '`unit_ready{unit="learner"}` is 0']
    assert list(signals(0, "")) == ["no answer (`up` is 0)"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b'{"level": "info", "message": "all is well"}', None),
        (b'{"level": "error", "message": "trouble"}', "trouble"),
        (b"keepline: the worker ended with 1", "keepline: the worker ended with 1"),
    ],
)
def test_a_log_tells_warnings_and_what_is_no_json(line: bytes, told: str | None) -> None:
    assert loud(line) == told


def well(**changed: Any) -> Watch:
    """What is seen of a group that is well."""
    unit = {"unit": "engine-0", "frontier": "2026-01-01T00:00:10Z"}
    body = {"members": 2, "units": [unit]} | changed.pop("body", {})
    watch = Watch(None)  # type: ignore[arg-type]
    watch.status = Answer(0, changed.pop("problems", []), body, 5.0, 1.0)
    pages = dict.fromkeys(("healthz", "readyz", "metrics"), (200, "")) | changed
    watch.pages = {"w0": pages, "w1": pages}
    return watch


T = 1767225600.0  # 2026-01-01T00:00:00Z


@pytest.mark.parametrize(
    ("watch", "is_well"),
    [
        (well(), True),
        (well(readyz=(503, "not assigned yet")), False),
        (well(body={"members": 1}), False),
        (well(problems=["engine-0 was given up"]), False),
        (well(problems=["surveys/1 was deleted and made again"]), True),
        (well(body={"units": [{"unit": "engine-0", "frontier": "2026-01-01T00:00:02Z"}]}), False),
    ],
)
def test_all_is_well_when_nothing_is_wrong_and_all_before_the_end_is_applied(watch: Watch, is_well: bool) -> None:
    assert watch.is_well(4.0, T + 5.0, "made again") is is_well


def test_an_answer_that_was_asked_for_before_the_end_proves_nothing() -> None:
    assert not well().is_well(6.0, T + 5.0, None)


def test_every_fault_has_a_name_of_its_own() -> None:
    assert len({one.name for one in FAULTS}) == len(FAULTS)
