"""SQLite: one writer, many readers. The rows of a batch, the offsets behind it and the number of the change are one
transaction, so a process that is killed has lost nothing and reads nothing twice.
"""

from __future__ import annotations

import fcntl
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import IO, Any

import orjson

from schemas.errors import Failure
from streams.console.rows import CASE, KEPT, OUTCOME, ROWS, SENT, UPDATE, WITHHELD, Row, Rows, unpacked
from streams.interventions.case_states import WAITING
from streams.operations.cases.worklist import OPEN
from streams.profile.case_sections import CaseRules

Place = tuple[str, int]  # a topic's short name, a partition
# a case withheld first and sent later counts as sent; of messages with the same id the last one holds
COLUMNS = (*CASE, "change")
INSERT_CASE = f"""INSERT INTO cases ({", ".join(COLUMNS)}) VALUES ({", ".join("?" * len(COLUMNS))})
ON CONFLICT (case_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in COLUMNS[1:])}
WHERE excluded.is_sent >= cases.is_sent"""
CHANGE_CASE = f"""UPDATE cases SET change = ?, {", ".join(f"{name} = coalesce(?, {name})" for name in KEPT)},
agent_id = CASE WHEN ? THEN ? ELSE coalesce(?, agent_id) END,
answered_us = max(answered_us, ?), upgraded_us = max(upgraded_us, ?) WHERE case_id = ?"""
# an outcome that two have reported has one id: the first one counts
REPORT_CASE = """UPDATE cases SET change = ?, reported = ?, reported_by = ?, reported_id = ?, reported_us = ?
WHERE case_id = ? AND reported_id IS NOT ?"""
INSERT_MESSAGE = "INSERT INTO messages (customer_id, kind, at_us, body) VALUES (?, ?, ?, ?)"
INSERT_SCORE = f"""INSERT OR REPLACE INTO scores SELECT ?, ?, ?
WHERE EXISTS (SELECT 1 FROM messages WHERE customer_id = ? AND kind IN ({WITHHELD}, {SENT}))"""
# of the customers of a batch what came before the message about its case did, or before that came again
EARLIER = f"""SELECT kind, body FROM messages WHERE kind IN ({UPDATE}, {OUTCOME})
AND customer_id IN (SELECT value FROM json_each(?)) ORDER BY seq"""
WAIT_S = 30.0
CACHE_KIB = 128 * 1024
PAGE_BYTES, CHECKPOINT_PAGES = 16_384, 4_000  # messages have some kilobytes


def schema(rules: CaseRules) -> str:
    """Returns the statements that make the tables."""
    text = _read("schema.sql")
    listed = {name: ", ".join(f"'{one}'" for one in states) for name, states in (("open", OPEN), ("waiting", WAITING))}
    return text.format(acknowledge_us=rules.acknowledge_within_us, contact_us=rules.contact_within_us, **listed)


def _read(name: str) -> str:
    return (resources.files("streams.console") / name).read_text("utf-8")


class Store:
    """The writer. source: where the records come from; another source or another schema means a new copy."""

    def __init__(self, path: Path, rules: CaseRules, source: str) -> None:
        self.path, self._schema, self._indexes = path, schema(rules), _read("indexes.sql")
        self._version = sha256(f"{source}\n{self._schema}{self._indexes}".encode()).hexdigest()
        self._lock = _locked(path)
        self._connection = self._opened()

    @property
    def offsets(self) -> dict[Place, int]:
        """The next record of each partition that has been read from."""
        return {(topic, partition): at for topic, partition, at in self._connection.execute("SELECT * FROM offsets")}

    @property
    def change(self) -> int:
        """The number of the last change."""
        return int(self._meta("change"))

    @property
    def last_us(self) -> int:
        """The instant of the latest message; 0: there is none."""
        return int(self._meta("last_us"))

    @property
    def key(self) -> bytes:
        """A secret of this copy, for signatures."""
        return bytes(self._meta("key"))

    def write(self, rows: Rows, offsets: Mapping[Place, int]) -> int:
        """Commits rows and where to read on; returns the number of the change."""
        with self._connection as transaction:
            number = self.change + 1
            earlier = self._earlier(rows.cases)
            transaction.executemany(INSERT_MESSAGE, rows.messages)
            transaction.executemany(INSERT_CASE, ((*row, number) for row in rows.cases))
            transaction.executemany(CHANGE_CASE, ((number, *row) for row in (*earlier[UPDATE], *rows.updates)))
            transaction.executemany(REPORT_CASE, ((number, *row) for row in (*earlier[OUTCOME], *rows.outcomes)))
            transaction.executemany(INSERT_SCORE, rows.scores)
            transaction.executemany(
                "INSERT OR REPLACE INTO offsets VALUES (?, ?, ?)", [(*place, at) for place, at in offsets.items()]
            )
            last_us = max([self.last_us, *(at_us for _, _, at_us, _ in rows.messages)])
            transaction.executemany(
                "UPDATE meta SET value = ? WHERE name = ?", [(number, "change"), (last_us, "last_us")]
            )
        return number

    def index(self) -> None:
        """Makes what lists need to be fast; once for each copy."""
        self._connection.executescript(self._indexes)

    def start_over(self) -> None:
        """Drops the copy: everything is read again."""
        self._connection.close()
        _delete(self.path)
        self._connection = self._opened()

    def close(self) -> None:
        """Closes the writer's connection."""
        self._connection.close()
        self._lock.close()

    def _opened(self) -> sqlite3.Connection:
        try:
            connection = self._connected()
            if _version(connection) != self._version:
                connection.close()
                _delete(self.path)
                connection = self._connected()
                self._make(connection)
            return connection
        except sqlite3.DatabaseError as error:
            raise Failure(f"{self.path}: {error}; name another file, or delete this one: it is read again") from None

    def _connected(self) -> sqlite3.Connection:
        self.path.touch(mode=0o600)
        connection = sqlite3.connect(self.path, timeout=WAIT_S, check_same_thread=False)
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        return connection

    def _make(self, connection: sqlite3.Connection) -> None:
        connection.executescript(f"BEGIN;\n{self._schema}\nCOMMIT;")
        secret = {"key": secrets.token_bytes(32), "copy": secrets.token_hex(4)}
        first = {"version": self._version, "change": 0, "last_us": 0, **secret}
        with connection:
            connection.executemany("INSERT INTO meta VALUES (?, ?)", first.items())

    def _earlier(self, cases: Sequence[Row]) -> dict[int, list[Row]]:
        found: dict[int, list[Row]] = {UPDATE: [], OUTCOME: []}
        ids, customers = {case[0] for case in cases}, {case[1] for case in cases}
        for kind, body in self._connection.execute(EARLIER, [orjson.dumps(sorted(customers)).decode()]):
            message = orjson.loads(unpacked(body))
            if message["intervention_id"] in ids:
                found[kind].append(ROWS[kind](message))
        return found

    def _meta(self, name: str) -> Any:
        return self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()[0]


def _delete(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _locked(path: Path) -> IO[str]:
    """A file beside the store that only one process holds."""
    lock = path.with_name(path.name + ".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise Failure(f"{path}: another console writes to it; name another file with --store") from None
    return lock


def _version(connection: sqlite3.Connection) -> str | None:
    """The version of the tables; None: there are none, or the file was left half made."""
    try:
        found = connection.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
    except sqlite3.OperationalError:
        return None
    return found[0] if found else None
