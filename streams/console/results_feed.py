"""What the page Results shows: the figures of `keepline report`, computed from the console's own copy.

That may take minutes, so it is done by a process of its own, for whoever looks, and not again before it has paid for
itself: the pages stay as quick as they are, and its memory is given back.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from schemas.errors import Failure
from streams.console.feed import Feed
from streams.console.queries import CHECKED
from streams.console.rows import SENT, UPDATE, WITHHELD, unpacked
from streams.evaluation.metrics import Bin, reliability
from streams.operations.cases.fold import Message
from streams.operations.cases.parsing import parse
from streams.profile.profile import Profile
from streams.savings import opened_cases, results
from streams.savings.advisers import Adviser, advisers
from streams.savings.results import Report

PAGE = "results"
LOOK_S = 0.5
LEAST_PAUSE_S, PAUSE_FACTOR = 30.0, 10.0  # between two computations, and so many times as long as the last one took
NICENESS = 10  # pages come first
Computed = tuple[Report | None, list[Adviser], list[Bin], str]
Learned = tuple[Mapping[str, Any], Mapping[str, Mapping[str, float]]]  # summary of a replay, weights of strategies


@dataclass(frozen=True)
class Found:
    """What was computed. at_us: when; seconds: how long it took; error: why there is nothing, empty: there is; warned:
    how reliable the probabilities were of those whom nobody contacted.
    """

    at_us: int
    seconds: float
    report: Report | None
    advisers: list[Adviser] = field(default_factory=list)
    error: str = ""
    warned: list[Bin] = field(default_factory=list)


class ResultsFeed(Feed[Found]):
    """Computes while somebody looks. learned: reads what the console's copy lacks; clock: now, in us."""

    def __init__(self, profile: Profile, learned: Callable[[], Learned], clock: Callable[[], int]) -> None:
        super().__init__(PAGE)
        self._profile, self._learned, self._clock = profile, learned, clock

    async def run(
        self, store: Path, change: Callable[[], int], tell: Callable[[str], None], is_shown: Callable[[str], bool]
    ) -> None:
        """Goes on until it is cancelled. tell: says that a page has news; is_shown: whether a browser shows a page."""
        computed, due = -1, 0.0
        while True:
            await asyncio.sleep(LOOK_S)
            if monotonic() < due or not self.is_asked_for(is_shown):
                continue
            number = await asyncio.to_thread(change)
            if number == computed:
                continue
            begun = monotonic()
            report, mine, warned, error = await self._computed(store)
            took, computed = monotonic() - begun, number
            self.last = Found(self._clock(), took, report, mine, error, warned)
            due = monotonic() + max(LEAST_PAUSE_S, PAUSE_FACTOR * took)
            tell(PAGE)

    async def _computed(self, store: Path) -> Computed:
        try:
            learned = await asyncio.to_thread(self._learned)
        except Failure as error:
            return None, [], [], str(error)
        context = get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(theirs, store, self._profile, learned), daemon=True)
        process.start()
        theirs.close()
        try:
            found: Computed = await asyncio.to_thread(_received, ours)
            return found
        finally:
            process.kill()
            ours.close()


def compute(store: Path, profile: Profile, learned: Learned) -> tuple[Report, list[Adviser], list[Bin]]:
    """Returns the figures of all messages in a copy, the credit of each adviser and the reliability of warnings; raises
    Failure without a case.
    """
    connection = sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
    connection.execute("BEGIN")  # all kinds of messages as of one moment
    try:
        cases = opened_cases.read(_Stored(connection), profile.currency, None)
    finally:
        connection.close()
    held = [case for case in cases.compared if case.held]
    probability = np.array([case.probability for case in held], np.float64)
    left = np.array([not case.returned for case in held], np.int8)
    return results.report(profile, cases, *learned), advisers(cases.compared), reliability(probability, left)


class _Stored:
    """The messages of a copy, one after the other: they are not held. Without the reasons, which no figure needs."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @property
    def interventions(self) -> Iterator[Message]:
        return self._each(SENT)

    @property
    def withheld(self) -> Iterator[Message]:
        return self._each(WITHHELD)

    @property
    def updates(self) -> Iterator[Message]:
        return self._each(UPDATE)

    @property
    def last_us(self) -> int | None:
        kinds = (SENT, WITHHELD, UPDATE)
        sql = "SELECT max(at_us) FROM messages WHERE kind IN (?, ?, ?)"
        last: int | None = self._connection.execute(sql, kinds).fetchone()[0]
        return last

    def _each(self, kind: int) -> Iterator[Message]:
        rows = self._connection.execute("SELECT body FROM messages WHERE kind = ? ORDER BY seq", (kind,))
        for (body,) in rows:
            with suppress(ValueError):  # what is no such message, though good enough for a row
                message = parse(CHECKED[kind], unpacked(body))
                if kind != UPDATE:
                    message["reasons"] = ()
                yield message


def _work(pipe: Connection, store: Path, profile: Profile, learned: Learned) -> None:
    os.nice(NICENESS)
    try:
        pipe.send((*compute(store, profile, learned), ""))
    except Failure as error:
        pipe.send((None, [], [], str(error)))


def _received(pipe: Connection) -> Computed:
    try:
        found: Computed = pipe.recv()
        return found
    except EOFError:
        return None, [], [], "the process that computes has ended before its time; the console's log says why"
