"""Where a customer lives, as other clients of Kafka have it."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import murmur2 as theirs
from hypothesis import given
from hypothesis import strategies as st

from schemas.partitioner import murmur2, partition_of

JAVA = {  # of org.apache.kafka.common.utils.Utils.murmur2, as its own tests have them
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "hashed"), JAVA.items())
def test_it_is_the_hash_of_the_java_client(key: bytes, hashed: int) -> None:
    assert murmur2(key) == hashed & 0xFFFFFFFF


@given(st.binary(max_size=200))
def test_it_is_the_hash_of_aiokafka_for_any_key(key: bytes) -> None:
    assert murmur2(key) == theirs(key) & 0xFFFFFFFF


def test_all_partitions_have_customers_and_only_those_there_are() -> None:
    assert {partition_of(f"c{number}", 7) for number in range(100)} == set(range(7))
