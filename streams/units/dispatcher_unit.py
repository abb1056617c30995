"""The dispatcher as a unit, one for all partitions, and its feed.

In event time every partition reports every dispatch instant, with candidates or without, and waits for the answer: the
candidates of an instant are complete when all have reported it. Live, candidates are granted or refused as they come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from schemas.instants import format_instant
from streams.interventions.dispatcher import Dispatcher, Grant, PartitionCandidate
from streams.profile.profile import Profile
from streams.units.global_unit import GlobalUnit, InstantBatch, InstantFeed
from streams.units.seal import sealed
from streams.units.sources import CANDIDATES, DISPATCHES
from streams.units.strays import Strays
from streams.units.unit import POSITION, Clock, Output


@dataclass(frozen=True)
class DispatcherBatch(InstantBatch):
    """A dispatch instant, live a report of candidates."""

    candidates: list[PartitionCandidate]

    @property
    def size(self) -> int:
        return len(self.candidates)


class DispatcherFeed(InstantFeed[DispatcherBatch]):
    """Candidates of all partitions."""

    def __init__(
        self, position: dict[str, int], partitions: int, clock: Clock, until_us: int, strays: Strays | None = None
    ) -> None:
        super().__init__(position, partitions, until_us, strays or Strays(), waits=clock == "event")
        self.candidates: dict[int, list[PartitionCandidate]] = {}

    def _batch(self, base: dict[str, int], instant_us: int) -> DispatcherBatch:
        return DispatcherBatch(self, base, self.position, instant_us, self.candidates.pop(instant_us, []))

    def _report(self, body: dict[str, Any], instant_us: int) -> None:
        candidates = self.candidates.setdefault(instant_us, [])
        candidates += [PartitionCandidate(partition=body["partition"], **candidate) for candidate in body["candidates"]]


class DispatcherUnit(GlobalUnit[DispatcherBatch]):
    """The dispatcher: one for all partitions."""

    sources = (CANDIDATES,)

    def __init__(self, profile: Profile, partitions: int, clock: Clock) -> None:
        super().__init__("dispatcher", partitions)
        self.clock, self.dispatcher = clock, Dispatcher(profile.limits)
        self.answers: list[tuple[int, bytes]] = []  # partition, message
        self.granted = {"granted": 0, "refused": 0}

    @property
    def counts(self) -> dict[str, int]:
        """Numbers of granted and refused candidates, since the first one."""
        return self.granted

    @property
    def alerts(self) -> list[str]:
        """What it has skipped, a sentence for each topic."""
        return self.strays.alerts

    def open_feed(self) -> DispatcherFeed:
        """Returns a feed that starts at the position of the state."""
        return DispatcherFeed(self.position, self.partitions, self.clock, self.until_us, self.strays)

    def outputs(self) -> list[Output]:
        """Returns the grants since the last call, each for the partition of its candidate."""
        answers, self.answers = self.answers, []
        of = {p: [(b"dispatch", body) for to, body in answers if to == p] for p in range(self.partitions)}
        return [sealed(Output(DISPATCHES, p, list(pairs))) for p, pairs in of.items()]

    def _apply(self, batch: DispatcherBatch) -> None:
        self._answer(batch.instant_us, self.dispatcher.decide(batch.instant_us, batch.candidates))

    def _state(self) -> tuple[dict[str, Any], dict[bytes, bytes]]:
        return {"granted": self.granted, "dispatcher": self.dispatcher.state()}, {}

    def _load(self, body: dict[str, Any], rows: dict[bytes, bytes]) -> None:
        self.granted = body["granted"]
        self.dispatcher.load(body["dispatcher"])

    def _row_of_the_release_before(self, key: bytes, value: bytes) -> None:
        body = orjson.loads(value)
        if key != POSITION or not {"position", "done", "until_us", "granted", "dispatcher"} <= body.keys():
            raise ValueError("no row of the release before")

    def _answer(self, instant_us: int, grants: list[Grant]) -> None:
        for grant in grants:
            self.granted["refused" if grant.rule else "granted"] += 1
        for partition in range(self.partitions):
            mine = [_grant_body(grant) for grant in grants if grant.candidate.partition == partition]
            if mine or self.clock == "event":
                body = {"kind": "dispatch", "instant": format_instant(instant_us), "grants": mine}
                self.answers.append((partition, orjson.dumps(body)))


def _grant_body(grant: Grant) -> dict[str, str | None]:
    candidate, retry_us = grant.candidate, grant.retry_us
    return {
        "intervention_id": candidate.intervention_id,
        "customer_id": candidate.customer_id,
        "rule": grant.rule,
        "retry_at": None if retry_us is None else format_instant(retry_us),
    }
