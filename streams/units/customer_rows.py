"""The rows of customers in the changelog of an engine. Each has a format version and a checksum of its own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from features.names import grow
from features.row_format import RowFormat
from features.table import Slots
from schemas.errors import Failure
from schemas.texts import Strings, Texts
from streams.cases.columns import ADDED
from streams.engine.engine import Engine
from streams.units.records import Records
from streams.units.seal import sealed_rows
from streams.units.strays import ChangelogRows
from streams.units.unit import RESERVED, Pair, Record


class CustomerRows:
    """Writes and reads them; the other rows of the changelog go to `rows`."""

    def __init__(self, engine: Engine, rows: ChangelogRows) -> None:
        self.engine, self.rows = engine, rows
        self._format = RowFormat(engine.columns, engine.table.empty, ADDED)
        self._stored: NDArray[np.bool_] = np.zeros(0, np.bool_)  # by slot: the changelog has its row

    def __len__(self) -> int:
        return int(np.count_nonzero(self._stored))

    def load(self, records: Sequence[Record]) -> None:
        """Loads committed rows, in order; a later row of a key replaces an earlier one. Raises NewerRecord, and Failure
        for another feature catalogue.
        """
        by_columns = Records.of(records)
        usual = self._are_usual(by_columns)
        for begin, end in pairwise([0, *(np.flatnonzero(np.diff(usual)) + 1).tolist(), len(usual)]):
            if begin < end and usual[begin]:
                self._load_usual(by_columns[begin:end])
            else:
                self._load_carefully(by_columns[begin:end])

    def _are_usual(self, records: Records) -> NDArray[np.bool_]:
        """(records,): rows of customers as this release writes them."""
        keys, usual = Texts.of(records.keys), self._format.are_usual(Texts.of(records.values))
        usual &= (keys.begins >= 0) & (keys.ends > keys.begins)
        first = np.frombuffer(keys.buffer, np.uint8)[keys.begins[usual]]
        usual[usual] = first != RESERVED[0]
        if not _are_names(b"\n".join(key for key, is_one in zip(keys, usual.tolist(), strict=True) if key and is_one)):
            usual &= [_are_names(key or b"") for key in keys]
        return usual

    def _load_usual(self, records: Records) -> None:
        slots = self.engine.table.slots(Strings(Texts.of(records.keys)))
        self._format.load(Texts.of(records.values), slots, self.engine.table.rows)
        self._store(slots, slots[:0])
        self.rows.has_customers = True

    def _load_carefully(self, records: Records) -> None:
        customers: dict[bytes, bytes | None] = {}
        for record in records:
            key = record.key or RESERVED
            if key.startswith(RESERVED):
                self.rows.add(record)
            elif record.value is not None and _are_names(key) and self._is_row(record, record.value):
                customers[key] = record.value
                self.rows.has_customers = True
            elif record.value is not None:
                if not self.rows.is_announcement(record):
                    self.rows.strays.add(self.rows.topic, self.rows.partition, record.offset)
            elif self.rows.is_deletion(record, self._has(customers, key)):
                customers[key] = None
        self._load(customers)

    def take_changes(self) -> list[Pair]:
        """Returns the rows of the customers that have changed since the last call."""
        table = self.engine.table
        slots = np.flatnonzero(table.dirty[: len(table)])
        table.dirty[slots] = False
        gone = self.engine.lifespans.is_forgotten(slots)
        there = slots[~gone]
        values = self._format.pack(table.rows[there])
        pairs: list[Pair] = list(zip(table.names.encoded(there), values, strict=True))
        self._store(there, slots[gone])
        return pairs + sealed_rows(self.rows.topic, [(key, None) for key in table.names.encoded(slots[gone])])

    def _is_row(self, record: Record, value: bytes) -> bool:
        try:
            return self._format.is_row(value)
        except Failure as error:
            raise type(error)(f"{self.rows.topic}/{self.rows.partition}, offset {record.offset}: {error}") from None

    def _has(self, loading: dict[bytes, bytes | None], key: bytes) -> bool:
        """Whether a customer has a row. loading: rows that are not in the table yet."""
        if key in loading:
            return loading[key] is not None
        slot = self.engine.table.slot(key.decode("utf-8", "replace"))
        return slot is not None and slot < len(self._stored) and bool(self._stored[slot])

    def _load(self, rows: dict[bytes, bytes | None]) -> None:
        table = self.engine.table
        names = [key.decode() for key, value in rows.items() if value is None and key.decode() in table.names]
        gone = table.slots(names)
        table.forget(gone)
        there = {key.decode(): value for key, value in rows.items() if value is not None}
        slots = table.slots(list(there))
        table.rows[slots] = self._format.unpack(list(there.values()))
        table.dirty[gone] = False
        self._store(slots, gone)

    def _store(self, there: Slots, gone: Slots) -> None:
        grow(self._stored, len(self.engine.table))
        self._stored[there], self._stored[gone] = True, False


def _are_names(keys: bytes) -> bool:
    """Whether keys are UTF-8, as those of customers are."""
    try:
        keys.decode()
    except UnicodeDecodeError:
        return False
    return True
