"""The closed loop without a broker: messages in, the events of a day of city and CRM out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from schemas.events import KINDS, TOPIC_OF_KIND
from schemas.instants import DAY_US, format_instant, parse_instant
from streams.demo.closed_loop import ClosedLoop
from streams.files.tick_reader import Row
from streams.simulation.city import City
from streams.simulation.contacts import can_be_saved
from streams.simulation.crm import Crm, Habits
from streams.simulation.files import CityFolder, customer_id

START_US = parse_instant("2024-01-01T00:00:00Z")
AT_ONCE = Habits(contact_days=((0, 0),), contact_shares=(1.0,), acknowledged_at_once=1.0)
BEFORE = 200


@pytest.fixture
def closed_loop(tmp_path: Path) -> Iterator[ClosedLoop]:
    """A city after some time, whose CRM calls on the day on which it gets a case."""
    with CityFolder(tmp_path) as files:
        town = ClosedLoop(City(800, START_US, seed=2), Crm(2, AT_ONCE), files)
        for _ in range(BEFORE):
            town.next_day([], [])
        yield town


def cases(closed_loop: ClosedLoop) -> list[dict[str, Any]]:
    """Returns an intervention for every customer who is leaving now."""
    now = format_instant(closed_loop.now_us)
    common = {"crossed_at": now, "decided_at": now, "action": {"channel": "phone"}, "agent_id": None}
    who = np.flatnonzero(can_be_saved(closed_loop.city.people)).tolist()
    return [
        common | {"intervention_id": f"i{one}", "customer_id": customer_id(one), "budget": {"amount": 300.0}}
        for one in who
    ]


def outcomes(rows: list[Row]) -> list[dict[str, Any]]:
    return [orjson.loads(row.value) for row in rows if row.kind == "intervention_outcome"]


def test_without_cases_a_day_is_the_day_of_the_city(closed_loop: ClosedLoop, tmp_path: Path) -> None:
    alone = City(800, START_US, seed=2)
    for _ in range(BEFORE):
        alone.next_day()
    block = alone.next_day()
    assert len(closed_loop.next_day([], [])) == len(block) + len(block.profiles)


def test_every_row_is_an_event_of_its_kind_and_customer(closed_loop: ClosedLoop) -> None:
    for row in closed_loop.next_day(cases(closed_loop), []):
        event = KINDS[row.kind].model_validate(orjson.loads(row.value))
        assert event.customer_id == row.customer


def test_rows_of_a_topic_lie_in_the_day_and_in_order(closed_loop: ClosedLoop) -> None:
    day_us, rows = closed_loop.now_us, closed_loop.next_day(cases(closed_loop), [])
    for kind in TOPIC_OF_KIND:
        times = [parse_instant(orjson.loads(row.value)["event_time"]) for row in rows if row.kind == kind]
        assert times == sorted(times)
        assert all(day_us < us <= day_us + DAY_US for us in times)


def test_a_call_reaches_the_city_and_the_saved_come_back(closed_loop: ClosedLoop) -> None:
    closed_loop.next_day(cases(closed_loop), [])
    saved = [call.customer for call in closed_loop.calls if call.saved]
    assert len(saved) > 10
    visitors = {row.customer for _ in range(31) for row in closed_loop.next_day([], []) if row.kind == "service_visit"}
    assert visitors >= set(saved)


def test_a_case_that_was_withdrawn_before_is_not_called(closed_loop: ClosedLoop) -> None:
    opened = cases(closed_loop)
    known = {"updated_at": format_instant(closed_loop.now_us), "status": "withdrawn", "state": "withdrawn"}
    rows = closed_loop.next_day(opened, [known | {"intervention_id": body["intervention_id"]} for body in opened])
    assert not outcomes(rows)
    assert not closed_loop.calls


def test_what_was_reported_stays_in_a_file_to_be_replayed(closed_loop: ClosedLoop, tmp_path: Path) -> None:
    reported = outcomes(closed_loop.next_day(cases(closed_loop), []))
    assert len(reported) > 10
    assert [orjson.loads(line) for line in (tmp_path / "intervention_outcomes.jsonl").open("rb")] == reported


def test_the_last_event_time_is_known_for_the_end_marker(closed_loop: ClosedLoop) -> None:
    rows = closed_loop.next_day(cases(closed_loop), [])
    assert closed_loop.last_us == max(parse_instant(orjson.loads(row.value)["event_time"]) for row in rows)
