"""What lies in a unit's own topics and is not ours: skipped, counted, and told with topic, partition and offsets.

A record is ours when its seal is right. Records of the release before have no seal: they are ours when they are what
that release wrote, by their fields. A changelog is sealed as a whole from the first checkpoint of this release on: then
a row without a seal is none of ours, whatever it looks like.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import orjson

from online_model.registry import KIND
from online_model.snapshot import Snapshot
from schemas.alerts import Alert, AlertKind
from schemas.errors import Failure
from schemas.instants import parse_instant
from schemas.internal_messages import Candidates, Dispatch, LabelledExamples, Mark, Observations, ReportEnd, ReportMark
from streams.engine.observations import examples_of
from streams.engine.reports import Report
from streams.units.seal import GONE, is_sealed, opened
from streams.units.sources import CANDIDATES, DISPATCHES, LABELLED, MODELS, OBSERVATIONS
from streams.units.unit import CLOCK_KEY, GROUP_KEY, LEASE_KEY, POSITION, STATUS, Record

NO_ROWS = (LEASE_KEY, GROUP_KEY, CLOCK_KEY, STATUS)  # keys of a changelog that are no part of the state
Shape = Callable[[bytes], object]  # raises unless it is what the release before wrote
RowShape = Callable[[bytes, bytes], object]  # the same, of a row by its key


@dataclass(slots=True)
class Found:
    """Records of a partition that are not ours."""

    count: int
    first: int
    last: int


def _alert(place: str, found: Found) -> Alert:
    text = (
        f"{place} holds records that Keepline has not written, they are skipped; {found.count} so far, from offset "
        f"{found.first} to {found.last}: find who writes there, and take its right to write (ACL)"
    )
    return Alert(AlertKind.STRAY_RECORDS, place, text, asdict(found))


class Strays:
    """The records that a unit has skipped since this process owns it, by topic (short name) and partition."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, int], Found] = {}

    @property
    def alerts(self) -> list[Alert]:
        """One for each partition that holds some."""
        return [_alert(f"{topic}/{partition}", one) for (topic, partition), one in sorted(self.found.items())]

    def add(self, topic: str, partition: int, offset: int) -> None:
        """Counts a record."""
        one = self.found.setdefault((topic, partition), Found(0, offset, offset))
        one.count, one.first, one.last = one.count + 1, min(one.first, offset), max(one.last, offset)

    def body(self, topic: str, partition: int, record: Record) -> bytes | None:
        """Returns what one of our records between units says; None: it is none, and is counted, once however often it
        is read. Raises NewerRecord.
        """
        body, known = ours(topic, partition, record), self.found.get((topic, partition))
        if body is None and (known is None or record.offset > known.last):
            self.add(topic, partition, record.offset)
        return body


class ChangelogRows:
    """The rows of a changelog that is being read, without those of customers: the last one of ours of each key."""

    def __init__(self, strays: Strays, topic: str, partition: int, shape: RowShape) -> None:
        self.strays, self.topic, self.partition, self.shape = strays, topic, partition, shape
        self.has_customers = False  # the changelog has rows of customers too
        self._sealed: dict[bytes, bytes] = {}
        self._older: dict[bytes, tuple[int, bytes]] = {}  # of the release before, with their offsets
        self._leaving: set[bytes] = set()  # keys whose deletion is announced

    def add(self, record: Record) -> None:
        """Adds a row, or a deletion. Raises NewerRecord."""
        key, value = record.key or b"", record.value
        if key in NO_ROWS:
            return
        if value is None:
            if self.is_deletion(record, key in self._sealed or key in self._older):
                self._sealed.pop(key, None)
                self._older.pop(key, None)
        elif (body := self._announced(record)) is not None:
            self._sealed[key] = body
            self._older.pop(key, None)
        elif key not in self._leaving:
            self._add_unsealed(key, value, record.offset)

    def is_deletion(self, record: Record, is_known: bool) -> bool:
        """Whether a record without a value deletes the row of its key; the release before did not announce that.
        is_known: there is a row; without one there is nothing to say.
        """
        key = record.key or b""
        if key in self._leaving or not self._sealed:
            self._leaving.discard(key)
            return is_known
        if is_known:
            self.strays.add(self.topic, self.partition, record.offset)
        return False

    def is_announcement(self, record: Record) -> bool:
        """Whether a record says that its key is deleted next. Raises NewerRecord."""
        self._announced(record)
        return (record.key or b"") in self._leaving

    def take(self) -> tuple[dict[bytes, bytes], bool]:
        """Removes and returns the rows by key, and whether the release before wrote them. Raises Failure when the row
        of the position is gone while there are others.
        """
        sealed, older, self._sealed, self._older = self._sealed, self._older, {}, {}
        if POSITION in sealed:
            for offset, _ in sorted(older.values()):  # whatever they look like
                self.strays.add(self.topic, self.partition, offset)
            return sealed, False
        rows = {key: value for key, (_, value) in older.items()} | sealed
        if POSITION not in rows and (rows or self.has_customers):
            raise Failure(_lost_position(self.topic, self.partition))
        return rows, True

    def _announced(self, record: Record) -> bytes | None:
        """Returns what a sealed row says, None: it announces a deletion, or has no valid seal."""
        key = record.key or b""
        body = opened(self.topic, self.partition, record, key)
        if body == GONE:
            self._leaving.add(key)
            return None
        if body is not None:
            self._leaving.discard(key)
        return body

    def _add_unsealed(self, key: bytes, value: bytes, offset: int) -> None:
        if is_older(lambda body: self.shape(key, body), value):
            self._older[key] = offset, value
        else:
            self.strays.add(self.topic, self.partition, offset)


def ours(topic: str, partition: int, record: Record) -> bytes | None:
    """Returns what one of our records between units says; None: it is none. Raises NewerRecord."""
    body = opened(topic, partition, record)
    return record.value if body is None and is_older(SHAPES[topic], record.value) else body


def is_older(shape: Shape, value: bytes | None) -> bool:
    """Whether a record without a seal is what the release before wrote. When in doubt it is not."""
    if value is None or is_sealed(value):
        return False
    try:
        shape(value)
    except Exception:  # whatever a record that is not ours makes of our code
        return False
    return True


def _lost_position(topic: str, partition: int) -> str:
    return (
        f"{topic}/{partition}: the row of the position is lost, others are there: a record that Keepline has not "
        "written had its key, and compaction kept that one; what the state belongs to is not known any more; stop the "
        f"workers, delete {topic}, run `keepline topics create` and start them: everything is read from the beginning"
    )


def _observation(data: bytes) -> None:
    body = orjson.loads(data)
    if body["kind"] == "mark":
        parse_instant(Mark.model_validate(body).instant)
    else:
        Observations.model_validate(body)
        examples_of(body)


def _labelled(data: bytes) -> None:
    body = orjson.loads(data)
    if body["kind"] == "labelled_examples":
        LabelledExamples.model_validate(body)
        examples_of(body)
    elif body["kind"] == "mark":
        parse_instant(ReportMark.model_validate_json(data).instant)
        Report.unpacked(body)
    elif body["kind"] != KIND:  # the learner judges commands, and says what is wrong with them
        ReportEnd.model_validate(body)


def _candidates(data: bytes) -> None:
    body = orjson.loads(data)
    if body["kind"] == "end":
        ReportEnd.model_validate(body)
    else:
        parse_instant(Candidates.model_validate(body).instant)


SHAPES: Mapping[str, Shape] = {
    MODELS: Snapshot.loads,
    OBSERVATIONS: _observation,
    LABELLED: _labelled,
    CANDIDATES: _candidates,
    DISPATCHES: lambda data: parse_instant(Dispatch.model_validate(orjson.loads(data)).instant),
}
