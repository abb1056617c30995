"""The other rows of an engine's changelog: their keys, what the release before wrote, what is lost."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from features.deduplication import PART
from online_model.snapshot import Snapshot
from schemas.alerts import Alert, AlertKind
from streams.cases.customer_cases import CustomerCases
from streams.interventions.customer_attributes import CustomerAttributes
from streams.units.unit import POSITION

CASE, ATTRIBUTES, IDS, SIGNALS = b"\0case:", b"\0persona:", b"\0ids:", b"\0signals:"
# what is large or has names from outside: rows of their own, so that a position stays small; and as they are before the
# first event
PRODUCERS, QUALITY, UNKNOWN_FIELDS, MODEL = b"\0producers", b"\0quality", b"\0unknown-fields", b"\0model"
PARTS: dict[bytes, Any] = {PRODUCERS: [], QUALITY: {}, UNKNOWN_FIELDS: {}, MODEL: ""}
IDS_KEY = re.compile(rb"\0ids:\d{6}:\d{6}")


def row_of_the_release_before(key: bytes, value: bytes) -> None:
    """Raises unless that release wrote such a row under this key, without a seal."""
    if key == POSITION:
        body = PositionRow.model_validate_json(value)
        Snapshot.loads(body.model.encode())
    elif key.startswith(CASE):
        CustomerCases.loads(value)
    elif key.startswith(ATTRIBUTES):
        int(key.removeprefix(ATTRIBUTES))
        CustomerAttributes.of_row(value)
    elif not (IDS_KEY.fullmatch(key) and len(value) % 8 == 0 < len(value) <= PART * 8):
        raise ValueError("no row of the release before")


class PositionRow(BaseModel):
    """What every position of the release before has."""

    position: dict[str, int]
    topics: dict[str, str] = {}
    now_us: int | None
    waiting_us: int | None
    asked_us: int | None
    first_observed_us: int | None
    done: bool
    counts: dict[str, int]
    model: str
    quality: Any
    judged: dict[str, tuple[int, int]]


def lost_rows(topic: str, partition: int, lost: Mapping[str, int]) -> list[Alert]:
    """Returns an alert if rows of a state are gone."""
    if not lost:
        return []
    which = ", ".join(f"{count} of {what}" for what, count in sorted(lost.items()))
    text = (
        f"{topic}/{partition}: rows of this state are lost: records that Keepline has not written had their keys, and "
        f"compaction kept those; {which}: decisions about these customers are as if they were new; for an exact state "
        "copy the history into new topics with `keepline repartition --to N PREFIX`"
    )
    return [Alert(AlertKind.ROWS_LOST, f"{topic}/{partition}", text, dict(lost))]
