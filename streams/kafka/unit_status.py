"""What on-call sees of a unit: alerts, logged once when they begin and once when they are resolved, and a row of the
unit's changelog with alerts and counts for `keepline status`.

The metadata of the group's offsets have room for 4,096 characters, so they hold the offset of that row alone. A row is
written when an alert begins or ends, and at most every STATUS_EVERY_S when counts have moved.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from schemas.alerts import Alert, Identity
from schemas.instants import SECOND_US, format_instant
from streams.units.unit import Unit

STATUS_EVERY_S = 2.0

log = logging.getLogger("keepline.worker")


@dataclass(frozen=True)
class StatusRow:
    """A row with what it shows. since: when each alert began, for this owner of the unit."""

    alerts: dict[Identity, Alert]
    since: dict[Identity, str]
    done: bool
    counts: dict[str, Any]

    def dumps(self) -> bytes:
        """Returns the row as JSON."""
        alerts = [alert.as_json() | {"since": self.since[what]} for what, alert in self.alerts.items()]
        return orjson.dumps(self.counts | {"alerts": alerts})


class UnitStatus:
    """The status of one owned unit. `offset`: of its newest row in the changelog."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self.offset: int | None = None
        self._last: StatusRow | None = None  # as committed and logged
        self._at = -math.inf  # when that was, monotonic

    def row(self, alerts: Sequence[Alert], now_us: int) -> StatusRow:
        """Returns the row of now."""
        now, since = format_instant(now_us // SECOND_US * SECOND_US), self._last.since if self._last else {}
        unit, by_identity = self._unit, {alert.identity: alert for alert in alerts}
        counts = {"counts": dict(unit.counts), "unknown_fields": dict(unit.unknown_fields)}
        return StatusRow(by_identity, {what: since.get(what, now) for what in by_identity}, unit.done, counts)

    def is_due(self, row: StatusRow, *, leaving: bool) -> bool:
        """Whether a checkpoint is worth it for the row alone. leaving: this worker gives the unit up."""
        last = self._last
        if last is None:  # the first checkpoint of an owner is made anyway, and writes one
            return False
        if row.alerts.keys() != last.alerts.keys() or row.done != last.done:
            return True
        moved = row.counts != last.counts or row.alerts != last.alerts  # figures and sentences too
        return moved and (leaving or self.may_be_written)

    @property
    def may_be_written(self) -> bool:
        """Whether the last row is old enough for a checkpoint that is made anyway to write another."""
        return time.monotonic() - self._at >= STATUS_EVERY_S

    def written(self, row: StatusRow, offset: int) -> None:
        """The row is committed, at this offset of the changelog: what it shows for the first time is logged."""
        logged = self._last.alerts if self._last else {}
        self.offset, self._at, self._last = offset, time.monotonic(), row
        for what, alert in row.alerts.items():
            if what not in logged:
                log.warning("%s: %s", self._unit.name, alert.text)
        for what, alert in logged.items():
            if what not in row.alerts:
                log.warning("%s: resolved: %s", self._unit.name, alert.text)
