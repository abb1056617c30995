"""`python -m tests.fuzz.compiled [--sanitize] --records N`: mutated records through compiled code and without it.

With --sanitize the code is compiled anew with checks of memory and of undefined behaviour, and the tests of its other
loops run too; the test `tests/schemas/test_plain_records.py` preloads what the checks need.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import orjson
import pytest

from schemas.columns import CUSTOMER_ACTION_KINDS
from schemas.decode import Decoder
from schemas.native import compilers, loading
from schemas.texts import Places, Texts
from streams.kafka import records_in_place
from tests.fuzz.mutations import changed, damaged, record
from tests.schemas.decoded import both_ways
from tests.schemas.messages import NOW_US, good

Style = Callable[[Any], bytes]
SANITIZERS = "-fsanitize=address,undefined"
OTHER_TESTS = [
    "tests/schemas/test_arrays.py",
    "tests/features/test_names.py",
    "tests/units/test_customer_rows.py",
    "tests/features/test_program.py",
    "tests/kafka/test_records_in_place.py",
]
BATCH = 50
KEYS: list[bytes | None] = [b"c1"] * 30 + [None, b"", b"c2"]
SPACES = [b"", b" ", b"\n", b" \t\r\n "]


@dataclass
class Tally:
    """How many records were read, and how many compiled code took."""

    records: int = 0
    plain: int = 0


def run(chance: Random, records: int) -> Tally:
    """Reads mutated records; raises AssertionError where the two ways differ."""
    tally = Tally()
    decoders = {(kind, own): Decoder(kind, currency=own) for kind in CUSTOMER_ACTION_KINDS for own in (None, "EUR")}
    while tally.records < records:
        (kind, _), decoder = chance.choice(list(decoders.items()))
        values = [_mutated(kind, chance) for _ in range(BATCH)]
        keys = [chance.choice(KEYS) for _ in values] if chance.random() < 0.5 else None
        both_ways(decoder, values, keys)
        both_ways(decoder, [_cut(values[0] or b"", chance)])  # at the end of the memory
        assert decoder.plain is not None
        tally.plain += len(decoder.plain.read(values, keys, NOW_US + decoder.max_skew_us).index)
        tally.records += BATCH
    return tally


def _cut(value: bytes, chance: Random) -> bytes:
    """Returns the beginning of a record, often up to within a character of several bytes."""
    within = [i for i, byte in enumerate(value) if byte > 0x7F or byte == ord("\\")]
    return value[: chance.choice(within) + 1 if within and chance.random() < 0.5 else chance.randint(0, len(value))]


def _mutated(kind: str, chance: Random) -> bytes | None:
    if chance.random() < 0.3:
        return record(kind, chance)
    message = good(kind, event_id="e" * chance.randint(1, 128), producer=chance.choice(["a", "é", "门店"]))
    value = json.dumps(message).encode() if chance.random() < 0.3 else orjson.dumps(message)
    if chance.random() < 0.5:
        space = chance.choice(SPACES)
        value = space + value.replace(b",", space + b"," + space).replace(b":", space + b":", 3)
    if chance.random() < 0.3:
        value = damaged(value, chance)
    elif chance.random() < 0.3:
        try:
            value = changed(value, chance)
        except orjson.JSONDecodeError:
            return value
    return value


def _see_reads_behind_the_end() -> None:
    """Without the zero byte that ends `bytes`, a read behind the last record is one behind the memory."""
    places, batches = Texts.places, records_in_place._batches

    def exact_places(one: Texts) -> Places:
        found = places(one)
        found.bytes = ctypes.cast(_exactly(one.buffer), ctypes.c_char_p)
        return found

    def exact_batches(data: bytes, start: int) -> Any:
        found = batches(data, start)
        return found and (_exactly(found[0]), *found[1:])

    Texts.places, records_in_place._batches = exact_places, exact_batches  # type: ignore[method-assign]


def _exactly(data: bytes) -> ctypes.Array[ctypes.c_char]:
    return (ctypes.c_char * len(data)).from_buffer_copy(data)


def main() -> int:
    """Prints what was read; raises AssertionError at the first difference."""
    parser = argparse.ArgumentParser("python -m tests.fuzz.compiled")
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sanitize", action="store_true")
    args = parser.parse_args()
    if args.sanitize:
        compiler = compilers.find()
        assert compiler is not None
        flags = (*compiler.flags, SANITIZERS, "-fno-sanitize-recover=all", "-g")
        _see_reads_behind_the_end()
        loading.find = lambda: replace(compiler, flags=flags)  # type: ignore[attr-defined]
    assert loading.loaded().compiled is not None, loading.loaded().told
    tally = run(Random(args.seed), args.records)
    by_compiled = f"{tally.plain / tally.records:.0%} by compiled code"
    print(f"{tally.records:,} records alike, {by_compiled}", SANITIZERS * args.sanitize)
    if args.sanitize:
        return int(pytest.main(["--quiet", "-p", "no:cacheprovider", *OTHER_TESTS]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
