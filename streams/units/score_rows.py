"""The published scores as JSON, put together by hand: there may be one for each event."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import orjson

from features.names import Names
from schemas.instants import format_instant
from streams.cases.outbox import Score
from streams.units.unit import Pair

BEGIN, AT = b'{"schema_version":1,"customer_id":', b',"scored_at":"%s","probability":'
END = b',"model_version":%d,"policy_version":%s}'
ESCAPED = re.compile(rb'["\\\x00-\x1f]')
LEAST = 1e-4  # below it orjson writes numbers in another way than `repr`


def score_rows(scores: Mapping[int, Score | None], names: Names, policy_version: str) -> list[Pair]:
    """Returns a record for each slot; names: of all slots; None: the customer was forgotten."""
    slots, found = list(scores), [score for score in scores.values() if score]
    policy, keys = orjson.dumps(policy_version), names.encoded(np.array(slots, np.int64))
    begins = {at_us: AT % format_instant(at_us).encode() for at_us in {at_us for at_us, _, _ in found}}
    ends = {version: END % (version, policy) for version in {version for _, _, version in found}}
    numbers = iter(_numbers([p for _, p, _ in found]))
    return [
        (key, score and b"".join((BEGIN, customer, begins[score[0]], next(numbers), ends[score[2]])))
        for key, customer, score in zip(keys, _texts(keys), scores.values(), strict=True)
    ]


def _numbers(numbers: Sequence[float]) -> list[bytes]:
    """Returns each as JSON."""
    if min(numbers, default=LEAST) >= LEAST:
        return orjson.dumps(numbers)[1:-1].split(b",")
    return [orjson.dumps(p) if p >= LEAST else repr(p).encode() for p in numbers]


def _texts(texts: Sequence[bytes]) -> list[bytes]:
    """Returns each text in UTF-8 as JSON."""
    if ESCAPED.search(b"".join(texts)):
        return [orjson.dumps(text.decode()) for text in texts]
    return [b'"%b"' % text for text in texts]
