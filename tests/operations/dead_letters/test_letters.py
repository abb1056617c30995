"""Dead letters counted, repaired and planned to be sent again; without a broker."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.errors import UsageError
from schemas.instants import parse_instant
from schemas.outputs import DeadLetter
from streams.operations.dead_letters.letters import Choice, Letter, grouped
from streams.operations.dead_letters.mapping import Repairs, load
from streams.operations.dead_letters.redrive import Ready, plan

NOW_US = parse_instant("2026-11-30T12:00:00Z")
VISIT = {
    "kind": "service_visit",
    "event_id": "v-1",
    "customer_id": "c-17",
    "event_time": "2026-11-30T10:00:00+01:00",
    "producer": "till 7",
    "amount": 320.0,
}


def letter(value: bytes, offset: int = 0, rule: str = "type", at_us: int = NOW_US, **more: Any) -> Letter:
    body = {
        "topic": "service-visits",
        "partition": 3,
        "offset": 812,
        "field": "amount",
        "rule": rule,
        "sentence": "expected a number",
        "producer": "till 7",
        "value": base64.b64encode(value).decode(),
        "value_bytes": len(value),
        "value_sha256": "",
    }
    return Letter(3, offset, at_us, DeadLetter.model_validate(body | more | {"schema_version": 1}))


def of(event: dict[str, Any], **more: Any) -> Letter:
    return letter(orjson.dumps(event), **more)


def planned(event: dict[str, Any], repairs: Repairs | None = None) -> Ready | str:
    found = plan([of(event)], repairs or Repairs(), set(), NOW_US)
    return found.ready[0] if found.ready else found.refused[0][1]


def repairs(folder: Path, text: str) -> Repairs:
    path = folder / "repairs.toml"
    path.write_text(text)
    return load(path)


def test_letters_are_counted_by_producer_rule_and_field_with_the_newest_as_an_example() -> None:
    three = [of(VISIT, offset=1), of(VISIT, offset=2, at_us=NOW_US + 5), of(VISIT, offset=3, rule="missing")]
    first, second = grouped(three)
    assert (first.rule, first.count, first.first_us, first.last_us) == ("type", 2, NOW_US, NOW_US + 5)
    assert first.as_json()["example"] == "3/2"
    assert (second.rule, second.count) == ("missing", 1)


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        (Choice(), True),
        (Choice(producer="till 7", rule="type"), True),
        (Choice(producer="till 8"), False),
        (Choice(rule="missing"), False),
        (Choice(since_us=NOW_US), True),
        (Choice(since_us=NOW_US + 1), False),
        (Choice(until_us=NOW_US), False),
        (Choice(until_us=NOW_US + 1), True),
    ],
)
def test_letters_are_chosen_by_producer_rule_and_time(choice: Choice, chosen: bool) -> None:
    assert choice.has(of(VISIT)) is chosen


def test_an_event_that_is_right_now_is_sent_as_it_was_to_its_customer() -> None:
    ready = planned(VISIT)
    assert isinstance(ready, Ready)
    assert (ready.topic, ready.customer, orjson.loads(ready.value)) == ("service-visits", "c-17", VISIT)


def test_a_field_is_renamed(tmp_path: Path) -> None:
    sent = {("guest" if name == "customer_id" else name): value for name, value in VISIT.items()}
    ready = planned(sent, repairs(tmp_path, '[rename]\nguest = "customer_id"\n'))
    assert isinstance(ready, Ready)
    assert orjson.loads(ready.value) == VISIT


def test_a_time_without_an_offset_gets_that_of_its_zone(tmp_path: Path) -> None:
    ready = planned(
        VISIT | {"event_time": "2026-11-30T10:00:00"}, repairs(tmp_path, '[time_zone]\nevent_time = "Europe/Madrid"\n')
    )
    assert isinstance(ready, Ready)
    assert orjson.loads(ready.value)["event_time"] == VISIT["event_time"]


def test_a_time_that_its_zone_has_twice_stays_refused(tmp_path: Path) -> None:
    said = planned(
        VISIT | {"event_time": "2026-10-25T02:30:00"}, repairs(tmp_path, '[time_zone]\nevent_time = "Europe/Madrid"\n')
    )
    assert said == "it cannot be repaired: 2026-10-25T02:30:00 is no instant, or two, in Europe/Madrid"


def test_an_amount_is_divided(tmp_path: Path) -> None:
    ready = planned(VISIT | {"amount": 32_000}, repairs(tmp_path, "[divide]\namount = 100\n"))
    assert isinstance(ready, Ready)
    assert orjson.loads(ready.value) == VISIT


def test_a_number_that_division_makes_infinite_is_not_lost(tmp_path: Path) -> None:
    said = planned(VISIT, repairs(tmp_path, "[divide]\namount = 1e-320\n"))
    assert said == "it cannot be repaired: amount: 320.0 / 1e-320 is too large"


def test_a_new_name_that_the_event_has_already_loses_neither_value(tmp_path: Path) -> None:
    said = planned(VISIT | {"sum": 3}, repairs(tmp_path, '[rename]\nsum = "amount"\n'))
    assert said == "it cannot be repaired: amount is in the event twice, once by its new name"


def test_what_is_still_wrong_is_not_sent_and_says_why() -> None:
    said = planned(VISIT | {"amount": "a lot"})
    assert isinstance(said, str)
    assert said.startswith("amount (float_type)")


def test_a_letter_that_was_sent_before_is_not_sent_again() -> None:
    found = plan([of(VISIT, offset=1), of(VISIT, offset=2)], Repairs(), {"3/1"}, NOW_US)
    assert ([one.letter.offset for one in found.ready], found.before) == ([2], 1)


def test_what_came_too_late_would_come_too_late_again() -> None:
    (refused,) = plan([of(VISIT, rule="too_late")], Repairs(), set(), NOW_US).refused
    assert refused[1] == "it is too late; publish it into topics with another prefix"


def test_a_letter_with_a_part_of_the_record_cannot_be_sent() -> None:
    (refused,) = plan([of(VISIT, value_bytes=100_000)], Repairs(), set(), NOW_US).refused
    assert refused[1].startswith("the letter has only a part of its bytes")


@pytest.mark.parametrize("value", [b"{", b"[]", b"7", b"\xff"])
def test_what_is_no_object_cannot_be_repaired(value: bytes) -> None:
    (refused,) = plan([letter(value)], Repairs(), set(), NOW_US).refused
    assert refused[1].startswith("it cannot be repaired")
    assert ("it is no JSON object" in refused[1]) == (value in (b"[]", b"7"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[renamed]\n", r"\[renamed\] is not known; there are rename, time_zone, divide"),
        ("rename = 3\n", r"rename is 3, expected a table"),
        ("[rename]\nsum = 3\n", "rename.sum is 3, expected the new name"),
        ('[time_zone]\nevent_time = "Nowhere"\n', "time_zone.event_time is 'Nowhere', expected a zone"),
        ("[divide]\namount = 0\n", "divide.amount is 0, expected a finite number other than 0"),
        ("[divide]\namount = nan\n", "divide.amount is nan, expected a finite number other than 0"),
        ("[divide\n", "repairs.toml"),
    ],
)
def test_a_wrong_map_is_told_with_its_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        repairs(tmp_path, text)
