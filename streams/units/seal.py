"""The seal of our own records between units and in changelogs: format version and checksum, at the record's end.

    {"kind":"mark", ... ,"seal":"1-9f86d081884c7d65"}       JSON: the last field
    ... \\0seal:1-9f86d081884c7d65                           anything else: the last bytes

The checksum (xxh3) is over topic, version, in a changelog the key, and all that stands before the seal. So what others
write, what was cut off, and a record of ours under another topic or key have no valid seal. A valid seal of a higher
version is a newer release's: the seal itself never changes. Records of the release before have none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from xxhash import xxh3_64_hexdigest, xxh3_64_intdigest

from schemas.errors import NewerRecord
from streams.units.sources import CANDIDATES, DISPATCHES, LABELLED, MODELS, OBSERVATIONS, STATE
from streams.units.unit import Output, Pair, Record

VERSIONS = {STATE: 2}  # of a topic's records, 1 if not here; higher when a release before could not read them
SEALED = frozenset((MODELS, OBSERVATIONS, LABELLED, CANDIDATES, DISPATCHES))
GONE = b'{"gone":true}'  # in a changelog, in front of each deletion: one without it is not ours

_SEAL = re.compile(rb'(?:,"seal":"(\d{1,6})-([0-9a-f]{16})"(})|\0seal:(\d{1,6})-([0-9a-f]{16}))\Z')
_LONGEST = 48


def version_of(topic: str) -> int:
    """Returns the format of a topic's sealed records that this release writes, the highest that it reads."""
    return VERSIONS.get(topic, 1)


def seal(topic: str, body: bytes, key: bytes = b"", version: int | None = None) -> bytes:
    """Returns the record for a topic (short name). key: of a changelog's row."""
    version = version or version_of(topic)
    if body.endswith(b"}"):
        body = body[:-1]
        return b'%s,"seal":"%d-%s"}' % (body, version, _checksum(topic, key, version, body))
    return b"%s\0seal:%d-%s" % (body, version, _checksum(topic, key, version, body))


def opened(topic: str, partition: int, record: Record, key: bytes = b"") -> bytes | None:
    """Returns what was sealed; None: the record has no valid seal. Raises NewerRecord."""
    value = record.value
    found = None if value is None else _SEAL.search(value, max(len(value) - _LONGEST, 0))
    if value is None or found is None:
        return None
    number, checksum = (found[1], found[2]) if found[3] else (found[4], found[5])
    version, body = int(number), memoryview(value)[: found.start()]
    if checksum != _checksum(topic, key, version, body):
        return None
    if version > version_of(topic):
        raise newer(topic, partition, record.offset, version, version_of(topic))
    return b"%s}" % body if found[3] else bytes(body)


def is_sealed(value: bytes) -> bool:
    """Whether a value ends with a seal, valid or not."""
    end = value[-_LONGEST:]
    return b',"seal":' in end or b"\0seal:" in end


def without_seal(value: bytes) -> bytes:
    """Returns what was sealed, whatever the seal says; a value without one as it is."""
    found = _SEAL.search(value, max(len(value) - _LONGEST, 0))
    return value if found is None else value[: found.start()] + (found[3] or b"")


def newer(topic: str, partition: int, offset: int, found: int, known: int) -> NewerRecord:
    """Returns the exception for a record of a format that this release does not know."""
    return NewerRecord(
        f"{topic}/{partition}, offset {offset}: a record of format {found}, this release knows formats up to {known}: "
        "a newer release wrote it; run that release"
    )


def sealed(output: Output) -> Output:
    """Returns an output with its records sealed, if its topic is one between units."""
    if output.topic not in SEALED:
        return output
    pairs = [(key, value and seal(output.topic, value)) for key, value in output.pairs]
    return Output(output.topic, output.partition, pairs)


def sealed_rows(topic: str, rows: Iterable[Pair]) -> list[Pair]:
    """Returns rows of a changelog, sealed; a deletion follows a row that announces it."""
    pairs: list[Pair] = []
    for key, value in rows:
        pairs.append((key, seal(topic, GONE if value is None else value, key or b"")))
        if value is None:
            pairs.append((key, None))
    return pairs


def _checksum(topic: str, key: bytes, version: int, body: bytes | memoryview) -> bytes:
    about = xxh3_64_intdigest(b"%s\0%d\0%s" % (topic.encode(), version, key))
    return xxh3_64_hexdigest(body, about).encode()
