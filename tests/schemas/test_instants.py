"""Instants and durations: valid and invalid texts. A batch is parsed like its texts one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import UsageError
from schemas.instants import EPOCH, LONGEST_US, format_duration, format_instant, parse_duration, parse_instant
from schemas.rfc3339 import parse_instants
from tests.schemas.messages import TIMES

OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOST = (9999, 13, 32, 25, 61, 61)
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=OFFSETS)  # noqa: DTZ001 -- bounds of naive
LIKE_TIMES = st.builds("{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}".format, *map(st.integers, [0] * 6, MOST))


@given(MOMENTS, st.sampled_from(["seconds", "milliseconds", "microseconds"]))
def test_every_time_with_an_offset_is_read_exactly(moment: datetime, precision: str) -> None:
    text = moment.isoformat(timespec=precision)
    expected = (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)
    assert parse_instant(text) == expected
    us, good = parse_instants([text])
    assert (us.tolist(), good.tolist()) == ([expected], [True])


def is_time(text: str) -> bool:
    try:
        parse_instant(text)
    except ValueError:
        return False
    return True


def many(texts: list[str]) -> list[int | None]:
    us, good = parse_instants(texts)
    return [at if ok else None for at, ok in zip(us.tolist(), good.tolist(), strict=True)]


@given(st.lists(st.one_of(TIMES, st.text(max_size=30), LIKE_TIMES.map("{}Z".format))))
def test_a_batch_accepts_no_text_that_is_invalid_on_its_own(texts: list[str]) -> None:
    for text, at in zip(texts, many(texts), strict=True):
        if at is not None:
            assert parse_instant(text) == at


@given(st.lists(LIKE_TIMES.map("{}.5+01:00".format), min_size=1))
def test_a_batch_accepts_every_valid_time_of_the_usual_form(texts: list[str]) -> None:
    assert [at is not None for at in many(texts)] == [is_time(text) for text in texts]


@given(st.lists(st.one_of(MOMENTS.map(datetime.isoformat), TIMES), max_size=8))
def test_a_text_is_parsed_the_same_whatever_its_neighbours_in_the_batch(texts: list[str]) -> None:
    assert many(texts) == [many([text])[0] for text in texts]


@pytest.mark.parametrize("text", ["2024-03-01", "2024-03-01T08:30Z", "1709281800", "now", "2024-13-01T00:00:00Z", ""])
def test_an_invalid_time_is_refused(text: str) -> None:
    assert not is_time(text)


def test_digits_beyond_microseconds_are_cut() -> None:
    assert parse_instant("1970-01-01T00:00:00.123456789Z") == 123_456


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001 -- bounds
def test_a_formatted_instant_is_parsed_to_the_same_instant(moment: datetime) -> None:
    us = (moment - EPOCH) // timedelta(microseconds=1)
    assert parse_instant(format_instant(us)) == us


@given(st.integers(0, LONGEST_US))
def test_a_formatted_duration_is_parsed_to_the_same_duration(us: int) -> None:
    assert parse_duration(format_duration(us)) == us


@pytest.mark.parametrize(
    "text", ["", "d", "14", "14 d", "-1d", "1e3d", "1y", "0.0000001s", "٣d", "9" * 400 + "d", "999999999999999d"]
)
def test_an_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize("digits", range(1, 10))
def test_a_batch_cuts_digits_beyond_microseconds_as_a_single_text_does(digits: int) -> None:
    text = f"2024-12-31T23:59:59.{'9' * digits}Z"
    us, parsed = parse_instants([text])
    assert not parsed[0] or us[0] == parse_instant(text)


@pytest.mark.parametrize("digits", [10, 11])
def test_a_fraction_of_more_than_nine_digits_is_no_time_in_a_batch_either(digits: int) -> None:
    assert not parse_instants([f"2024-12-31T23:59:59.{'9' * digits}Z"])[1][0]
