"""Records that are read where they lie in a fetch are those that aiokafka reads."""

from __future__ import annotations

from random import Random

import pytest
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.texts import Texts
from streams.kafka import records_in_place
from streams.units.records import Records
from tests.kafka.fetches import APPEND_TIME, CONTROL, LENGTH, RECORDS, Sent, both_ways, checked, damaged, fetch

pytestmark = pytest.mark.skipif(records_in_place._library() is None, reason="no compiled code is here")

texts = st.none() | st.binary(max_size=200)
batches = st.builds(
    Sent,
    st.lists(st.tuples(texts, texts), min_size=1, max_size=20),
    st.integers(0, 4),
    st.lists(st.tuples(st.text("ab-", max_size=3), texts), max_size=3),
    st.sampled_from([0, APPEND_TIME]),
    st.frozensets(st.integers(0, 19), max_size=4),
)


@given(st.lists(batches, min_size=1, max_size=5), st.integers(0, 30))
def test_any_whole_batches_are_read_in_place_and_are_those_of_aiokafka(sent: list[Sent], start: int) -> None:
    data, start = fetch(sent), start % len(sent[0].pairs)  # a broker begins with the batch that has the offset
    both_ways(data, start)
    assert records_in_place.read(data, start) is not None


@settings(max_examples=300)
@given(batches, st.randoms(use_true_random=False))
def test_what_is_no_record_any_more_is_read_as_aiokafka_reads_it(one: Sent, chance: Random) -> None:
    data = damaged(one.at(0), chance)
    both_ways(data + Sent([(b"k", b"after")]).at(len(one.pairs)))
    both_ways(data)


SIZE, VALUE_SIZE = 0, 6  # places of zigzag numbers in a record with a key of one byte


@pytest.mark.parametrize(
    ("changes", "behind"),
    [({}, b"\0"), ({SIZE: 2}, b"\0"), ({SIZE: -2}, b""), ({VALUE_SIZE: 100}, b""), ({SIZE: 100}, b"")],
    ids=["a byte behind the last", "a size too large", "a size too small", "a value beyond the end", "a record beyond"],
)
def test_a_record_that_does_not_end_where_it_says_is_left_to_aiokafka(changes: dict[int, int], behind: bytes) -> None:
    whole = bytearray(Sent([(b"k", b"value")]).at(0)) + behind
    for place, more in changes.items():
        whole[RECORDS + place] += more
    assert not both_ways(checked(whole))[1]


@given(batches, st.integers(0, 400))
def test_a_batch_that_the_broker_cut_off_is_not_read(one: Sent, left: int) -> None:
    first = Sent([(b"k", b"first")]).at(0)
    found, _ = both_ways(first + one.at(1)[:left])
    assert found[0] == (0, 1_000, b"k", b"first")


@pytest.mark.parametrize("codec", range(5))
def test_every_codec_is_read_in_place(codec: int) -> None:
    found, in_place = both_ways(fetch([Sent([(b"k", b"v" * 300)] * 10, codec)] * 3), start=4)
    assert in_place
    assert [offset for offset, *_ in found] == list(range(4, 30))


def test_times_of_arrival_are_those_of_the_batch() -> None:
    found, in_place = both_ways(fetch([Sent([(b"k", b"v")] * 3), Sent([(b"k", b"v")] * 3, attributes=APPEND_TIME)]))
    assert in_place
    assert [at for _, at, _, _ in found] == [1_000, 1_001, 1_004, 1_004, 1_004, 1_004]


def test_marks_of_transactions_are_passed() -> None:
    sent = [Sent([(b"k", b"v")]), Sent([(b"\0\0\0\1", b"\0" * 6)], attributes=CONTROL)]
    found, in_place = both_ways(fetch(sent))
    assert in_place
    assert len(found) == 1
    assert both_ways(fetch(sent[1:])) == ([], False)


@pytest.mark.parametrize("name", ["ü", "\x80"])
def test_names_of_headers_beyond_ascii_are_left_to_aiokafka(name: str) -> None:
    found, in_place = both_ways(fetch([Sent([(b"k", b"v")], headers=[(name, b"")])]))
    assert len(found) == 1
    assert not in_place


def test_aborted_transactions_are_left_to_aiokafka() -> None:
    assert both_ways(fetch([Sent([(b"k", b"v")])]), aborted=[(7, 0)])[1] is False


@pytest.mark.parametrize("magic", [0, 1])
def test_older_formats_are_left_to_aiokafka(magic: int) -> None:
    old = LegacyRecordBatchBuilder(magic, 0, 1 << 20)
    old.append(0, 1_000, b"k", b"v")
    found, in_place = both_ways(bytes(old.build()))
    assert [(key, value) for _, _, key, value in found] == [(b"k", b"v")]
    assert not in_place


def test_a_wrong_checksum_raises_as_before() -> None:
    whole = bytearray(fetch([Sent([(b"k", b"v")] * 3)]))
    whole[-1] ^= 1
    both_ways(bytes(whole))
    assert records_in_place.read(bytes(whole), 0) is None


def test_a_batch_of_impossible_size_or_count_is_left_to_aiokafka() -> None:
    for size in (-1, 0, 13, 48):
        whole = bytearray(fetch([Sent([(b"k", b"v")])] * 2))
        whole[LENGTH : LENGTH + 4] = size.to_bytes(4, "big", signed=True)
        assert records_in_place.read(bytes(whole), 0) is None


def test_bombs_in_one_fetch_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    data = fetch([Sent([(b"k", bytes(4_000))], codec=4)] * 3)
    monkeypatch.setattr(records_in_place, "MOST_BYTES", 9_000)
    assert records_in_place.read(data, 0) is None
    monkeypatch.setattr(records_in_place, "MOST_BYTES", 13_000)
    assert records_in_place.read(data, 0) is not None


def test_without_compiled_code_aiokafka_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records_in_place, "_library", lambda: None)
    found, in_place = both_ways(fetch([Sent([(b"k", b"v")])]))
    assert len(found) == 1
    assert not in_place


@given(st.lists(texts, max_size=20), st.integers(0, 20), st.integers(0, 20))
def test_texts_in_one_buffer_are_a_sequence_of_the_same(values: list[bytes | None], first: int, last: int) -> None:
    found = Texts.of(values)
    assert list(found) == values == [found[i] for i in range(len(values))]
    assert list(found[first:last]) == values[first:last]
    assert list(Texts.of(list(found[first:]))) == values[first:]


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=20), st.integers(0, 25))
def test_records_by_columns_are_a_sequence_of_the_same(
    pairs: list[tuple[bytes | None, bytes | None]], since: int
) -> None:
    found, _ = both_ways(fetch([Sent(pairs)]))
    columns = records_in_place.read(fetch([Sent(pairs)]), 0)
    assert columns is not None
    for records in (columns[0], Records.of(list(columns[0]))):
        assert list(records) == [tuple(one) for one in records] == found
        assert list(records.since(since)) == found[since:]
        assert records[-1] == found[-1]
