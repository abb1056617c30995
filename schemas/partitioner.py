"""Where a customer lives: murmur2 of the key, as the Java client has it and kcat's and librdkafka's `murmur2_random`.

It is part of the contract: all topics have the same number of partitions, and one partition has all of a customer.
"""

from __future__ import annotations

SEED, FACTOR, SHIFT = 0x9747B28C, 0x5BD1E995, 24
WORD = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The 32 bits of Austin Appleby's MurmurHash2 with the seed that Kafka's clients use."""
    size = len(data)
    h = SEED ^ size
    whole = size & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * FACTOR & WORD
        h = (h * FACTOR & WORD) ^ ((k ^ k >> SHIFT) * FACTOR & WORD)
    if size > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * FACTOR & WORD
    h = (h ^ h >> 13) * FACTOR & WORD
    return h ^ h >> 15


def partition_of(customer: str, partitions: int) -> int:
    """The partition of a customer's events, in each topic."""
    return (murmur2(customer.encode()) & 0x7FFFFFFF) % partitions
