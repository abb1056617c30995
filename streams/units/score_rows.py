"""The published scores as JSON, put together by hand: there may be one for each event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from schemas.instants import format_instant
from streams.cases.outbox import Score
from streams.units.unit import Pair

BEGIN, AT = b'{"schema_version":1,"customer_id":', b',"scored_at":"%s","probability":'
END = b',"model_version":%d,"policy_version":%s}'
LEAST = 1e-4  # below it orjson writes numbers in another way than `repr`; above it takes a tenth of the time


def score_rows(scores: Mapping[int, Score | None], names: Sequence[str], policy_version: str) -> list[Pair]:
    """Returns a record for each slot; names: of all slots; None: the customer was forgotten."""
    policy, found = orjson.dumps(policy_version), [score for score in scores.values() if score]
    begins = {at_us: AT % format_instant(at_us).encode() for at_us in {at_us for at_us, _, _ in found}}
    ends = {version: END % (version, policy) for version in {version for _, _, version in found}}
    pairs: list[Pair] = []
    for slot, score in scores.items():
        name, value = names[slot], None
        if score:
            at_us, p, version = score
            number = orjson.dumps(p) if p >= LEAST else repr(p).encode()
            value = b"".join((BEGIN, orjson.dumps(name), begins[at_us], number, ends[version]))
        pairs.append((name.encode(), value))
    return pairs
