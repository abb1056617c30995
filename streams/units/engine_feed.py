"""The engine's feed: from records of topics to batches, each as far as everything that the engine waits for has come.

The engine waits for the frontier of its events, for its own observations a horizon later, and in event time for the
model of each grid instant and the grants of each dispatch instant. A batch carries the positions before and after it,
so a lost batch is detected.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import orjson
from numpy.typing import NDArray

from online_model.snapshot import Snapshot
from schemas.columns import KINDS, MARKET_SIGNAL, Events, Rows, empty_rows
from schemas.decode import Decoded, Decoder
from schemas.instants import parse_instant
from schemas.refusals import Refused, dead_letter
from schemas.validation import Erased, Mark
from streams.engine.engine import Engine
from streams.inputs.details import WaitingDetails
from streams.inputs.merge import FOREVER_US, Merge, OffsetGap, Offsets
from streams.inputs.names import short_name
from streams.inputs.schedule import is_grid, next_grid
from streams.units.engine_batch import Batch, Grants, Letter, LetterOf
from streams.units.records import Records
from streams.units.residence import refuse_strangers
from streams.units.sources import (
    DISPATCHES,
    INPUTS,
    MODELS,
    OBSERVATIONS,
    OWN,
    REFUSED,
    SIGNALS,
    is_event_source,
)
from streams.units.strays import Strays
from streams.units.unit import Record
from streams.units.waiting_refusals import WaitingRefusals

T = TypeVar("T")
LAST_ID = (1 << 64) - 1
MOST_BUFFERED = 20_000  # events of a source in memory; a source that holds the frontier is read beyond it
MOST_INSTANTS = 2  # complete instants of observations in memory
BY_THE_CLOCK = {"future"}  # rules by which a second reading may decide otherwise


class EngineFeed:
    """The inputs of one partition's engine."""

    def __init__(
        self,
        engine: Engine,
        position: dict[str, int],
        tick_us: int,
        max_skew_us: int,
        partitions: int | None = None,
        strays: Strays | None = None,
    ) -> None:
        """strays: counts the records of own topics that are not ours."""
        self.strays = strays or Strays()
        self.engine, self.tick_us, self.partitions = engine, tick_us, partitions
        self.read, self.position = dict(position), dict(position)
        events = {source: offset for source, offset in position.items() if is_event_source(source)}
        self.merge = Merge(events, tick_us, engine.now_us)
        kinds, currency = {source: INPUTS[source] for source in events if source in INPUTS}, engine.profile.currency
        self.decoders = {source: Decoder(kind, max_skew_us, currency) for source, kind in kinds.items()}
        self.until_us, self.model_due_us, self.grants_due_us = engine.now_us, engine.model_due_us, engine.grants_due_us
        if self.model_due_us is not None and engine.is_dispatch_instant(
            self.model_due_us
        ):  # it will ask once it has the model
            self.grants_due_us = self.model_due_us
        # next offset, behind records that are not ours, and what the record says
        self.models: deque[tuple[int, Snapshot]] = deque()
        self.dispatches: deque[tuple[int, Grants]] = deque()
        self.behind_strays: dict[str, int] = {}  # next offset of a source where no record of ours waits before them
        self.blocks: list[dict[str, Any]] = []
        self.complete: dict[int, tuple[list[dict[str, Any]], int]] = {}  # grid instant -> (blocks, next offset)
        self.unknown_fields: Counter[str] = Counter()
        self.details = WaitingDetails()
        self.may_be_refused = WaitingRefusals(engine.profile.time.latest_us, tick_us)
        self.letters: list[Letter] = []
        self.ignored = 0
        self.held: dict[str, deque[tuple[int, Letter]]] = {source: deque() for source in events}  # (offset, letter)
        self.live, self.clock_us = not engine.waits_for_models, 0
        self.heartbeats: list[tuple[int, str, Mark]] = []  # live: (when it is due, kind of the source, mark)
        self.refused = {source: position.get(REFUSED + source, 0) for source in events}

    def offer(self, source: str, base: int, records: Sequence[Record], now_us: int, latest_us: int = 0) -> None:
        """Adds records of a source, read from `base` on, without those that were added before. Raises OffsetGap.
        latest_us: what is further than max_skew ahead of it is refused.
        """
        if base > self.read[source]:
            raise OffsetGap(
                f"{source} was read from {base}, expected {self.read[source]}: records between them are missing"
            )
        self.clock_us = max(self.clock_us, now_us)
        new = Records.of(records).since(self.read[source])
        if not new:
            return
        self.read[source] = int(new.offsets[-1]) + 1
        if source == MODELS:
            self._queue(MODELS, self.models, new, Snapshot.loads)
        elif source == OBSERVATIONS:
            self._observations(new)
        elif source == DISPATCHES:
            self._queue(DISPATCHES, self.dispatches, new, _grants)
        else:
            self._events(source, new, max(now_us, latest_us))

    def take_decoded(self, source: str, decoded: Decoded, offsets: Offsets, letter: LetterOf) -> None:
        """Adds decoded records in order of their offsets: events, marks, deletions, refused records. offsets:
        (records,); letter: returns the dead letter of one of them.
        """
        rows = decoded.events.rows
        if self.live:  # an event ahead of the clock must not delay the others
            np.minimum(rows["time_us"], self.clock_us, out=rows["time_us"])
        rows["slot"] = self._slots(decoded.events)
        rows["producer"] = self._codes(decoded.events.producers)
        self.details.keep(rows, decoded.details)
        self.unknown_fields.update(decoded.unknown_fields)
        taken = 0
        others: dict[int, Mark | Erased | Letter] = {mark.index: mark for mark in decoded.marks}
        others |= {erased.index: erased for erased in decoded.erased}
        others |= {refused.index: letter(refused) for refused in decoded.refused}
        for index, other in sorted(others.items()):
            n = int(np.searchsorted(decoded.index, index))
            self.merge.add(source, rows[taken:n], offsets[decoded.index[taken:n]])
            taken = n
            self._take_other(source, other, int(offsets[index]))
        self.merge.add(source, rows[taken:], offsets[decoded.index[taken:]])
        self.may_be_refused.keep(rows, decoded.index, letter)
        self.merge.read_up_to(source, int(offsets[-1]) + 1)

    def _slots(self, events: Events) -> NDArray[np.intp]:
        """Returns (events,) the customers' rows in the table; a market signal has none."""
        is_signal = events.rows["kind"] == MARKET_SIGNAL
        if not is_signal.any():
            return self.engine.table.slots(events.customers)
        slots, own = np.full(len(events), -1, np.intp), np.flatnonzero(~is_signal)
        slots[own] = self.engine.table.slots([events.customers[i] for i in own.tolist()])
        return slots

    def _codes(self, producers: Sequence[str]) -> NDArray[np.uint16]:
        """Returns (events,) the codes of producers; those that no waiting row has are freed if need be."""
        quality = self.engine.quality
        if not quality.has_room(len(producers)):
            waiting = [rows for source in self.merge.sources.values() for rows, _ in source.chunks]
            new = quality.keep(np.unique(np.concatenate([rows["producer"] for rows in waiting] or [np.zeros(0, "u2")])))
            for rows in waiting:
                rows["producer"] = new[rows["producer"]]
        return quality.codes(producers)

    def _take_other(self, source: str, other: Mark | Erased | Letter, offset: int) -> None:
        if isinstance(other, Erased):
            self._erase(source, other.customer, offset)
        elif not isinstance(other, Mark):
            self._refuse(source, other, offset)
        elif other.kind == "end":
            self.merge.end(source, other.time_us, offset)
        elif self.live:
            self.merge.heartbeat(source, min(other.time_us, self.clock_us), offset)
            due_us = max(other.time_us, self.merge.last_due_us(source))
            self.heartbeats.append((due_us, INPUTS[source], other))
        else:
            self.merge.heartbeat(source, other.time_us, offset)

    def _erase(self, source: str, customer: str, offset: int) -> None:
        """Adds a deletion: a customer profile without fields, or a market signal that has its key alone. Before the
        first record there is nothing to delete.
        """
        at_us = self.merge.tombstone_time_us(source)
        if at_us is None:
            self.ignored += 1
            return
        row = empty_rows(1)
        row["time_us"], row["details"], row["kind"] = at_us, 1, KINDS.index(INPUTS[source])
        is_signal = bool(row["kind"][0] == MARKET_SIGNAL)
        row["slot"] = -1 if is_signal else self.engine.table.slots([customer])
        row["id"] = LAST_ID - offset  # unique, and sorted behind the profiles of its instant
        self.details.keep(row, [{"key": customer} if is_signal else {}])
        self.merge.add(source, row, np.array([offset], np.int64))

    def caught_up(self, source: str, now_us: int) -> None:
        """Live: the source has been read to its end, so nothing older than now follows."""
        self.clock_us = max(self.clock_us, now_us)
        if source in self.merge.sources:
            self.merge.advance(source, now_us)

    def wants(self, source: str) -> bool:
        """Whether to read more of a source. A source that holds the frontier is read on even when its buffer is full:
        the buffer empties only when the frontier rises, so waiting for room would be a deadlock.
        """
        if source == OBSERVATIONS:
            return len(self.complete) < MOST_INSTANTS
        if source in OWN or self.merge.sources[source].buffered + len(self.held[source]) < MOST_BUFFERED:
            return True
        return self.merge.holds_frontier(source)

    def take(self) -> Batch | None:
        """Returns the next batch, as far as all inputs have come; None when there is nothing to apply."""
        base, frontier_us = self.position, self.merge.frontier_us
        self.letters += self._passed()
        if self.letters:
            letters, self.letters = self.letters, []
            refused = {REFUSED + source: offset for source, offset in self.refused.items()}
            self.position = self.position | self.merge.positions() | refused | self._take_behind_strays()
            ignored, self.ignored = self.ignored, 0
            return Batch(self, base, self.position, self.until_us, empty_rows(0), letters=letters, ignored=ignored)
        if frontier_us is None:
            return None
        model = self._model()
        grants = self._grants_due()
        if self.until_us is None:
            self.until_us = self.merge.start_us
        until_us = max(self._limit(frontier_us), self.until_us)
        ended = self.merge.ended and until_us == frontier_us and self._may_pass_end(until_us)
        if until_us == self.until_us and model is None and not grants and not ended:
            return None
        rows = self.merge.take(until_us)
        matured = self._matured(until_us)
        if self.engine.waits_for_models and until_us > self.until_us:
            self.model_due_us = until_us if is_grid(until_us) else None
            self.grants_due_us = until_us if self.engine.is_dispatch_instant(until_us) else None
        self.until_us = until_us
        if ended:
            self.merge.forget_end()
        self.position = self.position | self.merge.positions() | self._take_behind_strays()
        return self._batch(base, until_us, rows, model, grants, matured, ended)

    def _batch(
        self,
        base: dict[str, int],
        until_us: int,
        rows: Rows,
        model: Snapshot | None,
        grants: list[Grants],
        matured: dict[int, list[dict[str, Any]]],
        ended: bool,
    ) -> Batch:
        unknown, self.unknown_fields = self.unknown_fields, Counter()
        details, too_late = self.details.take(rows), self.may_be_refused.take(rows)
        heartbeats = self._heartbeats(until_us)
        clock_us = self.clock_us if self.live else 0
        ignored, self.ignored = self.ignored, 0
        return Batch(
            self, base, self.position, until_us, rows, details, self._passed(), too_late, unknown,
            self.engine.quality.names, model, grants, matured, heartbeats, clock_us, ended, ignored,
        )  # fmt: skip

    def _heartbeats(self, until_us: int) -> dict[tuple[str, str], list[Mark]]:
        """Removes and returns those up to an instant, by kind and producer: the events before them are applied too."""
        due: dict[tuple[str, str], list[Mark]] = {}
        later = []
        for due_us, kind, mark in self.heartbeats:
            if due_us <= until_us:
                due.setdefault((kind, short_name(mark.producer)), []).append(mark)
            else:
                later.append((due_us, kind, mark))
        self.heartbeats = later
        return due

    def _refuse(self, source: str, letter: Letter, offset: int) -> None:
        """Keeps a dead letter, unless an owner before has sent it: the position may lie before it, at an event. Where a
        second reading could accept the record, the letter leaves with the position behind it: never both. Files are
        read once.
        """
        if letter["rule"] in BY_THE_CLOCK and source in self.decoders:
            self.held[source].append((offset, letter))
        elif offset >= self.refused[source]:
            self.letters.append(letter)
            self.refused[source] = offset + 1

    def _passed(self) -> list[Letter]:
        """Removes and returns the held letters that the position passes."""
        letters = []
        for source, held in self.held.items():
            while held and held[0][0] < self.merge.sources[source].position():
                letters.append(held.popleft()[1])
        return letters

    def _events(self, source: str, records: Records, now_us: int) -> None:
        values, offsets = records.values, records.offsets
        decoded = self.decoders[source].decode(values, records.keys, now_us)
        if self.partitions is not None and source != SIGNALS:  # each partition has all signals
            decoded = refuse_strangers(decoded, self.engine.table, self.engine.partition, self.partitions)
        place = {"topic": source, "partition": self.engine.partition}

        def letter(refused: Refused) -> Letter:
            return dead_letter(refused, values[refused.index], place | {"offset": int(offsets[refused.index])})

        self.take_decoded(source, decoded, offsets, letter)

    def _queue(self, source: str, queue: deque[tuple[int, T]], records: Records, read: Callable[[bytes], T]) -> None:
        """Adds our records. One that is not ours is passed together with the record of ours before it."""
        for record in records:
            body = self.strays.body(source, self.engine.partition, record)
            if body is not None:
                queue.append((record.offset + 1, read(body)))
                self.behind_strays.pop(source, None)
            elif queue:
                queue[-1] = record.offset + 1, queue[-1][1]
            else:
                self.behind_strays[source] = record.offset + 1

    def _take_behind_strays(self) -> dict[str, int]:
        behind, self.behind_strays = self.behind_strays, {}
        return behind

    def _observations(self, records: Records) -> None:
        for record in records:
            data = self.strays.body(OBSERVATIONS, self.engine.partition, record)
            if data is None:
                continue
            body = orjson.loads(data)
            if body["kind"] == "mark":
                self.complete[parse_instant(body["instant"])] = (self.blocks, record.offset + 1)
                self.blocks = []
            else:
                self.blocks.append(body)

    def _model(self) -> Snapshot | None:
        """Removes and returns the model to apply now: in event time that of the awaited instant, live the newest."""
        chosen = None
        while self.models and (not self.engine.waits_for_models or self.model_due_us is not None):
            offset, snapshot = self.models[0]
            if self.model_due_us is not None and snapshot.instant_us > self.model_due_us:
                raise OffsetGap(
                    f"model of {snapshot.instant_us} came, {self.model_due_us} was expected: another owner went on"
                )
            self.models.popleft()
            self.position = self.position | {MODELS: offset}
            if self.model_due_us is None or snapshot.instant_us == self.model_due_us:
                chosen, self.model_due_us = snapshot, None
        return chosen

    def _grants_due(self) -> list[Grants]:
        """Removes and returns the grants to apply now: in event time those of the awaited instant, live all."""
        granted: list[Grants] = []
        while self.dispatches and (not self.engine.waits_for_models or self._awaits_grants()):
            offset, (instant_us, grants) = self.dispatches[0]
            if self.engine.waits_for_models and instant_us > (self.grants_due_us or 0):
                raise OffsetGap(
                    f"grants of {instant_us} came, {self.grants_due_us} was expected: another owner went on"
                )
            self.dispatches.popleft()
            self.position = self.position | {DISPATCHES: offset}
            if not self.engine.waits_for_models or instant_us == self.grants_due_us:
                granted.append((instant_us, grants))
                self.grants_due_us = None
        return granted

    def _awaits_grants(self) -> bool:
        """Whether grants are next: the model of an instant comes first, since the candidates depend on it."""
        return self.grants_due_us is not None and self.model_due_us is None

    def _limit(self, frontier_us: int) -> int:
        """Returns how far the engine may go: the frontier, or the first instant whose model, grants or observations
        have not come.
        """
        assert self.until_us is not None
        limit_us = frontier_us if self.merge.ended else frontier_us // self.tick_us * self.tick_us
        if self.engine.waits_for_models:
            limit_us = min(limit_us, next_grid(self.until_us) if self.model_due_us is None else self.model_due_us)
            limit_us = min(limit_us, self._next_dispatch_us() if self.grants_due_us is None else self.grants_due_us)
        horizon_us = self.engine.schedule.horizon_us
        observed_us = next_grid(self.until_us - horizon_us)
        while observed_us + horizon_us <= limit_us:
            if not self._is_complete(observed_us):
                return min(limit_us, (observed_us + horizon_us - 1) // self.tick_us * self.tick_us)
            observed_us = next_grid(observed_us)
        return limit_us

    def _is_complete(self, observed_us: int) -> bool:
        first_us = self.engine.first_observed_us
        if first_us is None:
            first_us = next_grid(self.merge.start_us if self.engine.now_us is None else self.engine.now_us)
        return observed_us < first_us or observed_us in self.complete

    def _next_dispatch_us(self) -> int:
        """The next dispatch instant; FOREVER_US without shared limits."""
        limits = self.engine.profile.limits
        assert self.until_us is not None
        return self.until_us // limits.every_us * limits.every_us + limits.every_us if limits.shared else FOREVER_US

    def _may_pass_end(self, until_us: int) -> bool:
        """Whether neither a model nor grants are awaited at the end of the input."""
        waits_anew = is_grid(until_us) or self.engine.is_dispatch_instant(until_us)
        at_new_instant = self.engine.waits_for_models and waits_anew and until_us != self.until_us
        return self.model_due_us is None and self.grants_due_us is None and not at_new_instant

    def _matured(self, until_us: int) -> dict[int, list[dict[str, Any]]]:
        found = {}
        for observed_us in sorted(self.complete):
            if observed_us + self.engine.schedule.horizon_us <= until_us:
                found[observed_us], offset = self.complete.pop(observed_us)
                self.position = self.position | {OBSERVATIONS: offset}
        return found


def _grants(data: bytes) -> Grants:
    body = orjson.loads(data)
    return parse_instant(body["instant"]), body["grants"]
