"""The dispatcher as a worker owns it: one for all partitions, and its feed.

In event time every partition reports every instant, asking or not, and waits for the answer: the candidates of an
instant are complete when all have reported it. Live, candidates are decided upon as they come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from schemas.instants import format_instant, parse_instant
from streams.engine.feeds import CANDIDATES, DISPATCHES, Record
from streams.engine.merge import Hole
from streams.engine.units import POSITION, Clock, Output, Pair
from streams.interventions.dispatcher import Candidate, Dispatcher, Grant
from streams.interventions.profile import Profile

DISPATCHER_STATE = "dispatcher-state"
NEVER_US = (1 << 63) - 1


@dataclass(frozen=True)
class DispatcherBatch:
    """The candidates of an instant, or the end."""

    feed: object
    base: dict[str, int]
    position: dict[str, int]
    instant_us: int
    candidates: list[Candidate]
    ended: bool

    @property
    def size(self) -> int:
        return len(self.candidates)


class DispatcherFeed:
    """Candidates of all partitions, by instants that are complete."""

    def __init__(self, position: dict[str, int], partitions: int, clock: Clock, decided_us: int) -> None:
        self.position, self.read = dict(position), position[CANDIDATES]
        self.partitions, self.clock, self.decided_us = partitions, clock, decided_us
        self.asked: dict[int, list[Candidate]] = {}
        self.offsets: deque[tuple[int, int]] = deque()  # (instant it belongs to, offset) of what is not decided yet
        self.reported: dict[int, int] = {}  # partition -> last instant it has reported

    def offer(self, source: str, base: int, records: Sequence[Record], now_us: int) -> None:
        """Reports of partitions; those of instants that were decided already are cut. Raises Hole."""
        if base > self.read:
            raise Hole(f"{source} was read from {base}, expected {self.read}: records were lost on the way")
        for record in records:
            if record.offset >= self.read:
                self.read = record.offset + 1
                self._take(orjson.loads(record.value or b"null"), record.offset)

    def caught_up(self, source: str, now_us: int) -> None:
        """Nothing depends on it."""

    def wants(self, source: str) -> bool:
        """Always: an instant has to be complete before it can be decided."""
        return True

    def take(self) -> DispatcherBatch | None:
        """The next complete instant, or the end of all."""
        instant_us = min(self.asked, default=NEVER_US)
        if not self.reported or (self.clock == "event" and self._least() < instant_us):
            return None
        ended = instant_us == NEVER_US
        if ended and self._least() < NEVER_US:
            return None
        candidates = self.asked.pop(instant_us, [])
        if ended:
            self.reported = {}
        else:
            self.decided_us = max(self.decided_us, instant_us)
        self.offsets = deque((at, offset) for at, offset in self.offsets if not ended and at > instant_us)
        base, self.position = self.position, {CANDIDATES: self.offsets[0][1] if self.offsets else self.read}
        return DispatcherBatch(self, base, self.position, instant_us, candidates, ended)

    def _least(self) -> int:
        return min(self.reported.get(partition, -1) for partition in range(self.partitions))

    def _take(self, body: dict[str, Any], offset: int) -> None:
        partition = body["partition"]
        instant_us = NEVER_US if body["kind"] == "end" else parse_instant(body["instant"])
        if self.clock == "event" and instant_us <= self.decided_us:
            return
        self.reported[partition] = max(instant_us, self.reported.get(partition, -1))
        self.offsets.append((instant_us, offset))
        if instant_us < NEVER_US:
            candidates = self.asked.setdefault(instant_us, [])
            candidates += [Candidate(partition, **candidate) for candidate in body["candidates"]]


class DispatcherUnit:
    """The dispatcher: all of its state in one row of its changelog."""

    sources = (CANDIDATES,)

    def __init__(self, profile: Profile, partitions: int, clock: Clock) -> None:
        self.partitions, self.partition, self.clock = partitions, 0, clock
        self.name, self.changelog = "dispatcher", (DISPATCHER_STATE, 0)
        self.dispatcher = Dispatcher(profile.limits)
        self.position: dict[str, int] = {}
        self.decided_us = 0
        self.steps, self.done, self.waiting = 0, False, False
        self.answers: list[tuple[int, bytes]] = []  # partition, message
        self.granted = {"granted": 0, "refused": 0}

    @property
    def frontier(self) -> str | None:
        """The last instant that was decided, as text."""
        return format_instant(self.decided_us) if self.decided_us else None

    @property
    def counts(self) -> dict[str, int]:
        """Candidates by answer, since the first one."""
        return self.granted

    @property
    def alerts(self) -> list[str]:
        """Nothing yet."""
        return []

    def open_feed(self) -> DispatcherFeed:
        """A feed that goes on from where the state stands."""
        return DispatcherFeed(self.position, self.partitions, self.clock, self.decided_us)

    def apply(self, batch: DispatcherBatch) -> bool:
        """Decides an instant; everybody waits for it."""
        if batch.base != self.position:
            raise Hole(f"dispatcher: a batch from {batch.base} came, the state stands at {self.position}")
        if not batch.ended:
            self._answer(batch.instant_us, self.dispatcher.decide(batch.instant_us, batch.candidates))
            self.decided_us = max(self.decided_us, batch.instant_us)
        self.position, self.steps, self.done = batch.position, self.steps + 1, batch.ended
        return True

    def load(self, records: Iterable[Record]) -> None:
        """Rows of the changelog: the last one is the state."""
        for record in records:
            if record.key == POSITION and record.value is not None:
                body = orjson.loads(record.value)
                self.position, self.done, self.decided_us = body["position"], body["done"], body["decided_us"]
                self.granted = body["granted"]
                self.dispatcher.load(body["dispatcher"])

    def loaded(self) -> None:
        """Nothing is left to do."""

    def take(self) -> list[Output]:
        """The state and the answers since the last call."""
        body = {
            "position": self.position,
            "done": self.done,
            "decided_us": self.decided_us,
            "granted": self.granted,
            "dispatcher": self.dispatcher.state(),
        }
        state: list[Pair] = [(POSITION, orjson.dumps(body))]
        return [Output(DISPATCHER_STATE, 0, state), *self.outputs()]

    def outputs(self) -> list[Output]:
        """The answers alone, each to the partition that asked."""
        answers, self.answers = self.answers, []
        of = {p: [(b"dispatch", body) for to, body in answers if to == p] for p in range(self.partitions)}
        return [Output(DISPATCHES, p, list(pairs)) for p, pairs in of.items()]

    def _answer(self, instant_us: int, grants: list[Grant]) -> None:
        for grant in grants:
            self.granted["refused" if grant.rule else "granted"] += 1
        for partition in range(self.partitions):
            mine = [_told(grant) for grant in grants if grant.candidate.partition == partition]
            if mine or self.clock == "event":
                body = {"kind": "dispatch", "instant": format_instant(instant_us), "grants": mine}
                self.answers.append((partition, orjson.dumps(body)))


def _told(grant: Grant) -> dict[str, str | None]:
    candidate, retry_us = grant.candidate, grant.retry_us
    return {
        "intervention_id": candidate.intervention_id,
        "customer_id": candidate.customer_id,
        "rule": grant.rule,
        "retry_at": None if retry_us is None else format_instant(retry_us),
    }
