"""Decoded batches, compared."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.decode import Decoded, Decoder
from tests.schemas.messages import NOW_US


def parts(decoded: Decoded) -> dict[str, object]:
    """All that a batch was decoded to."""
    events = decoded.events
    return {
        "index": decoded.index.tolist(),
        "rows": [row.tobytes() for row in events.rows],
        "customers": list(events.customers),
        "producers": list(events.producers),
        "marks": decoded.marks,
        "refused": decoded.refused,
        "unknown_fields": decoded.unknown_fields,
        "details": decoded.details,
        "erased": decoded.erased,
    }


def both_ways(
    decoder: Decoder, values: Sequence[bytes | None], keys: Sequence[bytes | None] | None = None, now_us: int = NOW_US
) -> Decoded:
    """Decodes a batch with compiled code and without; raises AssertionError unless both give the same."""
    found = decoder.decode(values, keys, now_us)
    assert parts(found) == parts(decoder.decode_carefully(values, keys, now_us))
    return found
