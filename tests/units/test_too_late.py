"""An event further behind than event ids are kept is a dead letter, once; and each event has exactly one outcome."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.instants import DAY_US, HOUR_US, format_instant
from streams.profile.loading import load_profile
from streams.units.engine_unit import OUTCOMES
from streams.units.sources import INPUTS, STATE
from streams.units.unit import POSITION
from tests.units.shops import START_US as LIVE_US
from tests.units.shops import Message, Partition, Visit, event
from tests.units.topics import NOTES, START_US, Owner, Topics, mark, owners

BEGIN_US = START_US // DAY_US * DAY_US
VISIT = {"kind": "service_visit", "amount": 1.0}
PROFILE, OUTCOME = NOTES["customer-profiles"], NOTES["intervention-outcomes"]


def sent(fields: dict[str, Any], day: float, name: str | None = None, customer: str = "c1") -> tuple[bytes, bytes]:
    body = fields | {
        "event_id": name or f"{fields['kind']} {day}",
        "customer_id": customer,
        "event_time": format_instant(BEGIN_US + round(day * DAY_US)),
        "producer": "shop",
        "schema_version": 1,
    }
    return customer.encode(), json.dumps(body).encode()


def work(both: list[Owner], most: int = 100) -> Owner:
    """Engine and learner read all there is; returns the engine."""
    while sum([owner.work(most) for owner in both]):
        for owner in both:
            owner.commit()
    return both[0]


def applied(topics: Topics) -> Owner:
    """An engine that has applied everything in event time."""
    return work(owners(topics))


def letters(topics: Topics) -> list[dict[str, Any]]:
    return [json.loads(value or b"") for value in topics.values("dead-letters")]


def counts(owner: Owner) -> tuple[int, ...]:
    assert owner.unit.counts["read"] == sum(owner.unit.counts.get(outcome, 0) for outcome in OUTCOMES)
    return tuple(owner.unit.counts.get(outcome, 0) for outcome in OUTCOMES)


def behind(*records: tuple[str, dict[str, Any], float]) -> tuple[Topics, Owner]:
    """Records (topic, fields, day) behind a frontier of 20 days."""
    topics = Topics(1)
    topics.everywhere(mark("heartbeat", BEGIN_US))
    topics.everywhere(mark("heartbeat", BEGIN_US + 20 * DAY_US))
    for topic, fields, day in records:
        topics.append(topic, 0, [sent(fields, day)])
    topics.everywhere(mark("heartbeat", BEGIN_US + 30 * DAY_US))
    return topics, applied(topics)


@pytest.mark.parametrize(("topic", "fields"), [("service-visits", VISIT), ("intervention-outcomes", OUTCOME)])
def test_an_event_further_behind_than_ids_are_kept_is_refused_by_name(topic: str, fields: dict[str, Any]) -> None:
    topics, owner = behind((topic, fields, 12.5), (topic, fields, 13.5))
    (letter,) = letters(topics)
    assert (letter["field"], letter["rule"], letter["producer"]) == ("event_time", "too_late", "shop")
    assert (letter["topic"], letter["partition"], letter["offset"]) == (topic, 0, 2)
    assert "event_time is 2024-01-15T12:00:00Z, 7.5 days behind 2024-01-23T00:00:00Z" in letter["sentence"]
    assert "less than 7d is accepted (time.latest): publish history in time order" in letter["sentence"]
    assert counts(owner) == (0, 0, 1, 1)
    assert owner.unit.refusals.counts == {("too_late", "shop"): 1}  # type: ignore[union-attr]  # the engine's unit


def test_a_profile_and_a_deletion_are_taken_however_old_they_are() -> None:
    topics, owner = behind(("customer-profiles", PROFILE, 1.0))
    topics.append("customer-profiles", 0, [(b"c1", None)])
    assert letters(topics) == []
    assert sum(counts(owner)) == 1


def test_a_first_reading_of_a_healthy_log_refuses_nothing() -> None:
    topics = Topics(1)
    for day in range(40):
        topics.append("service-visits", 0, [sent(VISIT, day + 0.5)])
        topics.everywhere(mark("heartbeat", BEGIN_US + (day + 1) * DAY_US))
    assert counts(applied(topics)) == (40, 0, 0, 0)


@pytest.mark.parametrize("most", [1, 3, 50])
def test_whatever_is_read_again_after_a_crash_it_is_refused_once_and_never_applied(most: int) -> None:
    topics = Topics(1)
    for day in range(30):
        late = [sent(VISIT, day - age, f"late {day} {age}") for age in (6.2, 9.0, 12.3) if day > age]
        topics.append("service-visits", 0, [sent(VISIT, day + 0.5), *late])
        topics.everywhere(mark("heartbeat", BEGIN_US + (day + 1) * DAY_US))
    calm = applied(topics)
    wanted = sorted(letter["offset"] for letter in letters(topics))
    restless = Topics(1)
    restless.records |= {(topic, 0): topics.records[topic, 0] for topic in INPUTS}
    both = owners(restless)
    for turn in range(60):
        for owner in both:
            owner.work(most)
            if turn % 3:
                owner.commit()
            owner.die()
    owner = work(both, 100)
    assert sorted(letter["offset"] for letter in letters(restless)) == wanted
    assert counts(owner) == counts(calm)
    assert len(wanted) > 20


def visit(day: float, sent_day: float, shop: str = "east", number: int = 0) -> Message:
    at_us = LIVE_US + round(day * DAY_US)
    return Message(LIVE_US + round(sent_day * DAY_US), event(number, Visit(at_us, shop, "c1", at_us)), "c1")


def live(*messages: Message, days: float) -> Partition:
    partition = Partition()
    beats = [visit(hour / 24, hour / 24, "clock", -hour - 1) for hour in range(int(days * 24))]
    everything = sorted([*messages, *beats], key=lambda message: message.sent_us)
    partition.run(everything, LIVE_US - HOUR_US, LIVE_US + round(days * DAY_US))
    return partition


def test_live_an_event_that_its_shop_may_have_sent_before_is_refused() -> None:
    history = [visit(day, day, number=day) for day in range(20)]
    partition = live(*history, visit(5, 19.5, number=5), visit(10.5, 19.5, number=100), days=20)
    assert [letter["rule"] for letter in partition.letters] == ["too_late"] * 2
    assert partition.unit.counts["rejected"] == 2


def test_live_what_a_shop_sends_after_a_long_outage_is_applied_in_any_order_and_once() -> None:
    history = [visit(day, day, number=day) for day in range(5)]
    meanwhile = [visit(day, 30, number=day) for day in (6, 25, 8, 29, 7, 6)]  # the last one is sent twice
    again = [visit(day, 33, number=day) for day in (6, 8, 29)]
    too_late = [visit(day, 40, number=day) for day in (3, 6, 25)]
    before = live(*history, days=50).unit.counts
    partition = live(*history, *meanwhile, *again, *too_late, days=50)
    assert partition.unit.counts["applied"] + partition.unit.counts["late"] == before["applied"] + 5
    assert partition.unit.counts["duplicate"] == 4
    assert [letter["rule"] for letter in partition.letters] == ["too_late"] * 3


def test_live_history_of_an_unknown_producer_is_refused() -> None:
    partition = live(visit(1, 19, "west", 1), visit(18.5, 19, "west", 2), visit(2, 19.5, "west", 3), days=20)
    assert [letter["rule"] for letter in partition.letters] == ["too_late"] * 2


def test_an_old_state_without_days_counts_what_was_heard_as_heard_long_ago() -> None:
    partition = live(visit(1, 1, number=1), days=3)
    producers = partition.unit.engine.hearing.producers
    old = [{name: value for name, value in one.items() if name != "days"} for one in producers.state()]
    producers.load(old)
    assert [one.heard_by(30_000) for one in producers.all] == [one.heard_us for one in producers.all]


def test_what_comes_after_the_end_and_is_due_there_is_applied_or_refused_too() -> None:
    topics = Topics(1)
    topics.append("service-visits", 0, [sent(VISIT, 1.0), sent(VISIT, 20.3)])
    end = mark("end", BEGIN_US + round(20.3 * DAY_US))
    topics.everywhere(end)
    both = owners(topics)
    work(both)
    topics.append("service-visits", 0, [sent(VISIT, 2.0), sent(VISIT, 18.0), sent(VISIT, 20.3)])
    topics.everywhere(end)
    owner = work(both)
    assert counts(owner) == (2, 1, 1, 1)
    assert owner.unit.done


BAD = (b"c1", b"{")
PROFILES = {days: load_profile("after-sales", [f"time.latest={days}d"]) for days in range(1, 8)}
a_record = st.tuples(
    st.sampled_from(["service-visits", "app-activity", "customer-profiles", "intervention-outcomes"]),
    st.sampled_from(["event", "event", "event", "bad", "deletion", "heartbeat"]),
    st.integers(0, 40),
    st.integers(0, 3),
)
FIELDS = {
    "service-visits": VISIT,
    "app-activity": {"kind": "app_activity", "activity_type": "browse"},
    "customer-profiles": PROFILE,
    "intervention-outcomes": OUTCOME,
}


@settings(max_examples=60)
@given(st.lists(a_record, max_size=40), st.integers(1, 7), st.sampled_from([1, 5, 100]), st.integers(0, 3))
def test_read_is_applied_and_duplicate_and_late_and_refused_of_any_mixture(
    records: list[tuple[str, str, int, int]], latest_days: int, most: int, crashes: int
) -> None:
    topics, read = Topics(1), Counter[str]()
    for topic, what, day, name in records:
        read[what] += 1
        record = {
            "event": sent(FIELDS[topic], day + 0.1 * name, f"{day} {name}"),
            "bad": BAD,
            "deletion": (b"c1", None),
            "heartbeat": (b"\0heartbeat", mark("heartbeat", BEGIN_US + day * DAY_US)),
        }[what]
        topics.append(topic, 0, [record])
    topics.everywhere(mark("end", BEGIN_US + 50 * DAY_US))
    both = owners(topics, PROFILES[latest_days])
    for _ in range(crashes):
        for owner in both:
            owner.work(most)
            owner.commit()
            owner.work(most)
            owner.die()
    owner = work(both, most)
    assert owner.unit.done
    assert sum(counts(owner)) == read.total() - read["heartbeat"]
    assert owner.unit.counts.get("rejected", 0) == len(letters(topics))
    assert json.loads(topics.table(STATE, 0)[POSITION])["counts"].get("applied", 0) == counts(owner)[0]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29), st.sampled_from(["east", "west"])), max_size=30))
def test_live_too_each_event_has_exactly_one_outcome(sent_on: list[tuple[int, int, str]]) -> None:
    partition = Partition()
    messages = [visit(min(day, at), at, shop, day) for day, at, shop in sent_on]
    for message in sorted(messages, key=lambda message: message.sent_us):
        partition.take([message], message.sent_us, caught_up=True)
    partition.take([], LIVE_US + 30 * DAY_US, caught_up=True)
    assert partition.unit.counts["read"] == len(messages)
    assert partition.unit.counts.get("rejected", 0) == len(partition.letters)
