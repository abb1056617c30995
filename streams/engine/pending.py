"""Pending crossings: customers whose crossing was held or refused and is retried later."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.portable_math import Array
from features.table import Slots, Table
from streams.cases.casebook import Casebook
from streams.cases.columns import NEVER, PENDING, RETRY, WIDTH, waits_for_turn


class PendingCrossings:
    """Reads the pending crossings in the table, and retries of touches in the casebook. How many there are is asked by
    the thread of the pages too.
    """

    def __init__(self, table: Table, casebook: Casebook) -> None:
        self._table, self._casebook = table, casebook

    def __len__(self) -> int:
        with self._table.stays:
            return int(np.isfinite(self._column(PENDING)).sum())

    @property
    def waiting_for_turn(self) -> int:
        """How many wait for no instant and no grant."""
        with self._table.stays:
            return int(waits_for_turn(self._column(PENDING), self._column(RETRY)).sum())

    def of_others(self, slots: Slots) -> Slots:
        """Customers with a pending crossing, or an instant in the backlog, who are not among `slots`."""
        pending = np.isfinite(self._column(PENDING)) | (self._column(RETRY) > NEVER)
        pending[slots] = False
        return np.flatnonzero(pending)

    def due(self, slots: Slots, at_us: int) -> NDArray[np.bool_]:
        """(slots,): whether a crossing or a touch is to be retried now, or the turn of the customer in the backlog has
        come; removes the retry of the touch.
        """
        pending_us, retry_us = self._table.rows[slots, PENDING - WIDTH], self._table.rows[slots, RETRY - WIDTH]
        crossings = (np.isfinite(pending_us) | np.isfinite(retry_us)) & (retry_us <= at_us)
        touches = np.array([self._casebook.pop_touch_retry(slot, at_us) for slot in slots.tolist()], np.bool_)
        due: NDArray[np.bool_] = crossings | touches
        return due

    def schedule_retries(self, now_us: int) -> None:
        """Puts the retries of restored crossings on the agenda; those that are due are taken by the next sweep."""
        retry_us = self._column(RETRY)
        waits = np.isfinite(retry_us) & (retry_us > now_us)
        for slot in np.flatnonzero(waits).tolist():
            self._casebook.schedule(slot, int(retry_us[slot]))

    def decide_again(self) -> None:
        """Lets crossings that wait for an answer of the dispatcher be decided at the next sweep: it is lost."""
        waits = np.flatnonzero(np.isfinite(self._column(PENDING)) & np.isposinf(self._column(RETRY)))
        self._column(RETRY)[waits] = -np.inf
        self._table.dirty[waits] = True

    def _column(self, column: int) -> Array:
        return self._table.rows[: len(self._table), column - WIDTH]
