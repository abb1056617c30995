"""Gives up a unit that makes no progress although there is work; ends a worker that reads nothing or whose event loop
hangs, so that its supervisor starts a new one.

Faust consumers are known to stop consuming; heartbeats continue from a thread of their own, so the group does not
notice. Three checks run in the event loop, and a thread checks the loop itself.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from streams.kafka.fatal import halt
from streams.kafka.lease import Lease, MadeAgain
from streams.kafka.leases import Leases

APPLY_LIMIT_S = 30.0  # merged, but not applied: Faust lost the batch
SAVE_LIMIT_S = 60.0  # applied, but not saved
FETCH_LIMIT_S = 90.0  # on the broker and wanted, but not read
ENDS_EVERY_S = 15.0
OPEN_LIMIT_S = 20.0  # records stay behind the last stable offset so long: a transaction hangs
LOOP_CHECK_S = 10.0
# checks without progress until the event loop counts as hung; counted, since a process that was stopped also slept
LOOP_CHECKS = 12

log = logging.getLogger("keepline.worker")
Ends = Callable[..., Awaitable[Mapping[Any, int]]]


@dataclass
class Unchanged:
    """A value that has not changed since an instant."""

    what: object
    at: float


class Watchdog:
    """`check` is called about once a second; times are monotonic seconds."""

    def __init__(self, leases: Leases, ends: Ends) -> None:
        """ends: asks the brokers for the last stable offset of partitions."""
        self._leases, self._ends = leases, ends
        self._since: dict[tuple[str, str], Unchanged] = {}
        self._ends_checked_at, self._checks = time.monotonic(), 0
        self._asked: dict[tuple[str, str], float] = {}  # unit and source -> when its open transactions were asked for
        threading.Thread(target=self._watch_loop, daemon=True, name="watchdog").start()

    async def check(self, now: float) -> None:
        """Gives up units whose work has waited for too long; ends the process when nothing is read."""
        self._checks += 1
        for lease in self._leases.ready:
            self._check_batches(lease, now)
        if now - self._ends_checked_at > ENDS_EVERY_S and not self._leases.rebalancing:
            self._ends_checked_at = now
            await self.check_topics()
            await self._check_ends(now)
        await self._check_transactions(now)

    def _check_batches(self, lease: Lease, now: float) -> None:
        applied = lease.unit.steps if lease.feed and lease.on_the_way else None
        closed = None if lease.feed or self._leases.rebalancing else "no feed"
        if self._unchanged_s(lease.name, "feed", closed, now) > FETCH_LIMIT_S:
            self._leases.give_up(lease, TimeoutError(f"its sources were not read for {FETCH_LIMIT_S:.0f} s"))
        elif self._unchanged_s(lease.name, "apply", applied, now) > APPLY_LIMIT_S:
            lost = f"Faust lost a batch: {len(lease.on_the_way)} have been on their way for {APPLY_LIMIT_S:.0f} s"
            self._leases.give_up(lease, RuntimeError(lost))
        elif self._unchanged_s(lease.name, "save", None if lease.is_saved else lease.saved, now) > SAVE_LIMIT_S:
            not_saved = f"it has not been saved for {SAVE_LIMIT_S:.0f} s although there is something to save"
            self._leases.give_up(lease, TimeoutError(not_saved))

    async def _check_ends(self, now: float) -> None:
        places = {
            place: read
            for lease in self._leases.ready
            for place, read in lease.wanted()
            if f"{place.topic}/{place.partition}" not in {alert.subject for alert in lease.leaderless}
        }
        try:
            ends = await asyncio.wait_for(self._ends(*places), ENDS_EVERY_S / 3)
        except Exception as error:  # brokers that do not answer are no reason to restart
            log.warning("cannot read the end offsets: %r", error)
            return
        for place, read in places.items():
            waits = read if ends[place] > read else None
            if self._unchanged_s(str(place), "fetch", waits, now) > FETCH_LIMIT_S:
                halt(f"{place} ends at {ends[place]}, but nothing after {read} was read for {FETCH_LIMIT_S:.0f} s")

    async def check_topics(self) -> None:
        """Gives up units of which a topic was made again: acquired anew, they read it from its beginning."""
        for lease in self._leases.ready:
            try:
                await lease.refuse_made_again()
            except MadeAgain as error:
                self._leases.give_up(lease, error)

    async def _check_transactions(self, now: float) -> None:
        """Looks for the transaction that hides records of a source: it holds the frontier until it is ended."""
        for lease in self._leases.ready:
            for source, (_, read) in list(lease.read.items()):
                hidden = lease.ends.get(source, 0) - read
                stands_s = self._unchanged_s(f"{lease.name} {source}", "transaction", read if hidden > 0 else None, now)
                if stands_s <= OPEN_LIMIT_S:
                    lease.transactions.pop(source, None)
                elif now - self._asked.get((lease.name, source), 0.0) > ENDS_EVERY_S:
                    self._asked[lease.name, source] = now
                    if found := await lease.open_transactions(source):
                        lease.transactions[source] = found[0].alert(hidden)

    def _unchanged_s(self, name: str, kind: str, what: object, now: float) -> float:
        since = self._since.get((name, kind))
        if what is None or since is None or since.what != what:
            self._since[name, kind] = Unchanged(what, now)
            return 0.0
        return now - since.at

    def _watch_loop(self) -> None:
        seen, unmoved = -1, 0
        while unmoved < LOOP_CHECKS:
            time.sleep(LOOP_CHECK_S)
            seen, unmoved = self._checks, unmoved + 1 if self._checks == seen else 0
        halt(f"the event loop has not turned for {LOOP_CHECKS * LOOP_CHECK_S:.0f} s: a batch takes too long, or hangs")
