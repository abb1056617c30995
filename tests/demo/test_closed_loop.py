"""The loop without a broker: messages in, a day of the city and its desk out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from schemas.events import KINDS, TOPIC_OF_KIND
from schemas.instants import DAY_US, format_instant, parse_instant
from streams.demo.closed_loop import Life
from streams.files.tick_reader import Row
from streams.simulation.city import City
from streams.simulation.contacts import can_be_saved
from streams.simulation.crm import Crm, Habits
from streams.simulation.files import CityFolder, customer_id

START_US = parse_instant("2024-01-01T00:00:00Z")
AT_ONCE = Habits(contact_days=((0, 0),), contact_shares=(1.0,), acknowledged_at_once=1.0)
BEFORE = 200


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    """A city of some age, whose desk calls on the day on which it hears of a case."""
    with CityFolder(tmp_path) as files:
        town = Life(City(800, START_US, seed=2), Crm(2, AT_ONCE), files)
        for _ in range(BEFORE):
            town.day([], [])
        yield town


def cases(life: Life) -> list[dict[str, Any]]:
    """An intervention for everybody who is leaving now."""
    now = format_instant(life.now_us)
    common = {"crossed_at": now, "decided_at": now, "action": {"channel": "phone"}, "agent_id": None}
    who = np.flatnonzero(can_be_saved(life.city.people)).tolist()
    return [
        common | {"intervention_id": f"i{one}", "customer_id": customer_id(one), "budget": {"amount": 300.0}}
        for one in who
    ]


def outcomes(rows: list[Row]) -> list[dict[str, Any]]:
    return [orjson.loads(row.value) for row in rows if row.kind == "intervention_outcome"]


def test_without_cases_a_day_is_the_day_of_the_city(life: Life, tmp_path: Path) -> None:
    alone = City(800, START_US, seed=2)
    for _ in range(BEFORE):
        alone.next_day()
    block = alone.next_day()
    assert len(life.day([], [])) == len(block) + len(block.profiles)


def test_every_row_is_an_event_of_its_kind_and_customer(life: Life) -> None:
    for row in life.day(cases(life), []):
        event = KINDS[row.kind].model_validate(orjson.loads(row.value))
        assert event.customer_id == row.customer


def test_rows_of_a_topic_lie_in_the_day_and_in_order(life: Life) -> None:
    day_us, rows = life.now_us, life.day(cases(life), [])
    for kind in TOPIC_OF_KIND:
        times = [parse_instant(orjson.loads(row.value)["event_time"]) for row in rows if row.kind == kind]
        assert times == sorted(times)
        assert all(day_us < us <= day_us + DAY_US for us in times)


def test_a_call_reaches_the_city_and_the_saved_come_back(life: Life) -> None:
    life.day(cases(life), [])
    saved = [call.customer for call in life.calls if call.saved]
    assert len(saved) > 10
    visitors = {row.customer for _ in range(31) for row in life.day([], []) if row.kind == "service_visit"}
    assert visitors >= set(saved)


def test_a_case_that_was_withdrawn_before_is_not_called(life: Life) -> None:
    opened = cases(life)
    known = {"updated_at": format_instant(life.now_us), "status": "withdrawn", "state": "withdrawn"}
    rows = life.day(opened, [known | {"intervention_id": body["intervention_id"]} for body in opened])
    assert not outcomes(rows)
    assert not life.calls


def test_what_was_reported_stays_in_a_file_to_be_replayed(life: Life, tmp_path: Path) -> None:
    said = outcomes(life.day(cases(life), []))
    assert len(said) > 10
    assert [orjson.loads(line) for line in (tmp_path / "intervention_outcomes.jsonl").open("rb")] == said


def test_the_last_event_time_is_known_for_the_end_marker(life: Life) -> None:
    rows = life.day(cases(life), [])
    assert life.last_us == max(parse_instant(orjson.loads(row.value)["event_time"]) for row in rows)
