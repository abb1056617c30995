"""Customer attributes: each different set is stored once, and found again after a restart."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.interventions.customer_attributes import AttributesTable, CustomerAttributes

PREFIX = b"\0attributes"
FIELDS: dict[str, Any] = {
    "scope": "city-1",
    "time_zone": "Europe/Berlin",
    "consent": {"sms": False, "mail": True},
    "preferred_channel": "mail",
    "agent_id": "a-7",
    "value": 9000.0,
}
fields = st.fixed_dictionaries(
    {},
    optional={
        "scope": st.sampled_from(["a", "b"]),
        "agent_id": st.sampled_from(["x", "y"]),
        "time_zone": st.sampled_from(["Europe/Berlin", "Asia/Shanghai"]),
        "preferred_channel": st.sampled_from(["sms", "mail"]),
        "consent": st.dictionaries(st.sampled_from(["sms", "mail", "app"]), st.booleans()),
    },
)


def restored(pairs: list[tuple[bytes | None, bytes | None]]) -> AttributesTable:
    again = AttributesTable()
    rows = {int((key or b"").removeprefix(PREFIX)): row for key, row in reversed(pairs) if row is not None}
    again.load(rows, len(rows))
    return again


def test_attributes_are_all_fields_of_a_profile_but_the_value() -> None:
    attributes = CustomerAttributes.of(FIELDS)
    assert attributes == CustomerAttributes("city-1", "Europe/Berlin", (("mail", True), ("sms", False)), "mail", "a-7")


def test_number_0_is_a_customer_without_a_profile() -> None:
    assert AttributesTable()[0.0] == CustomerAttributes() == CustomerAttributes.of({})


def test_the_order_in_which_consents_are_written_does_not_matter() -> None:
    assert CustomerAttributes.of({"consent": {"a": True, "b": False}}) == CustomerAttributes.of(
        {"consent": {"b": False, "a": True}}
    )


def test_equal_attributes_have_the_same_number() -> None:
    attributes_table = AttributesTable()
    numbers = [
        attributes_table.number(CustomerAttributes.of(FIELDS | more))
        for more in ({}, {"agent_id": "a-8"}, {"value": 1.0})
    ]
    assert numbers == [1, 2, 1]


def test_only_what_is_new_is_written() -> None:
    attributes_table = AttributesTable()
    attributes_table.number(CustomerAttributes.of(FIELDS))
    first = [key for key, _ in attributes_table.take_changes(PREFIX)]
    attributes_table.number(CustomerAttributes.of(FIELDS))
    attributes_table.number(CustomerAttributes.of({"scope": "city-2"}))
    second = [key for key, _ in attributes_table.take_changes(PREFIX)]
    assert (first, second) == ([PREFIX + b"1"], [PREFIX + b"2"])


def test_after_a_restart_nothing_is_new() -> None:
    attributes_table = AttributesTable()
    attributes_table.number(CustomerAttributes.of(FIELDS))
    assert restored(attributes_table.take_changes(PREFIX)).take_changes(PREFIX) == []


@given(st.lists(fields, max_size=15))
def test_numbers_mean_the_same_after_a_restart(profiles: list[dict[str, Any]]) -> None:
    attributes_table = AttributesTable()
    numbers = [attributes_table.number(CustomerAttributes.of(one)) for one in profiles]
    again = restored(attributes_table.take_changes(PREFIX))
    assert [again[number] for number in numbers] == [CustomerAttributes.of(one) for one in profiles]
    assert [again.number(CustomerAttributes.of(one)) for one in profiles] == numbers


CHANNELS = ("sms", "mail", "app")
consents = st.dictionaries(st.sampled_from(CHANNELS), st.booleans())
said = st.lists(st.tuples(st.integers(0, 6), st.none() | consents), max_size=6)  # (when, consent); None: erased


def told(profiles: list[tuple[int, dict[str, bool] | None]]) -> CustomerAttributes:
    """What is known after profiles that came in this order."""
    known, known_us = CustomerAttributes(), float("-inf")
    for us, consent in profiles:
        new = CustomerAttributes(erased_us=us) if consent is None else CustomerAttributes.of({"consent": consent})
        known, known_us = known.joined(known_us, new, us)
    return known


@given(said, st.randoms())
def test_consents_do_not_depend_on_the_order_in_which_profiles_come(
    profiles: list[tuple[int, dict[str, bool] | None]], chance: random.Random
) -> None:
    profiles = list({us: (us, consent) for us, consent in profiles}.values())  # at most one at an instant
    shuffled = chance.sample(profiles, len(profiles))
    assert told(shuffled) == told(sorted(profiles, key=lambda one: one[0]))


@given(said, st.sampled_from(CHANNELS), consents)
def test_only_a_later_yes_opens_a_channel_that_was_closed(
    profiles: list[tuple[int, dict[str, bool] | None]], channel: str, last: dict[str, bool]
) -> None:
    before, after = told(profiles), told([*profiles, (7, last)])
    if before.consents_to(channel) is False and last.get(channel) is not True:
        assert after.consents_to(channel) is False


@given(said, st.sampled_from(CHANNELS))
def test_attributes_mean_the_same_after_a_restart(
    profiles: list[tuple[int, dict[str, bool] | None]], channel: str
) -> None:
    table, attributes = AttributesTable(), told(profiles)
    number = table.number(attributes)
    again = restored(table.take_changes(PREFIX))
    assert again[number] == attributes
    assert again.erased_us == table.erased_us


def test_whose_attributes_are_lost_has_said_no_to_everything() -> None:
    table = AttributesTable()
    number = table.number(CustomerAttributes.of({"consent": {"sms": True}}))
    again = AttributesTable()
    again.load({}, 1)
    assert table[number].consents_to("sms") is True
    assert again[number].consents_to("sms") is False


def test_a_row_of_the_release_before_is_read() -> None:
    row = b'{"scope":"a","time_zone":null,"consent":[["sms",true]],"preferred_channel":null,"agent_id":null}'
    assert CustomerAttributes.of_row(row) == CustomerAttributes("a", consent=(("sms", True),))
