"""What pages read from the store: a read-only connection for each thread, every value a parameter."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import orjson

from streams.console.access import Viewer
from streams.console.rows import KINDS, SENT, UPDATE, WITHHELD, unpacked
from streams.operations.cases.fold import Message, Messages
from streams.operations.cases.parsing import MODELS, parse

PAGE_ROWS = 50
MOST_COUNTED = 50_000
MOST_FOUND = 20
CACHE_KIB = 16 * 1024
NEXT_SCOPE = """WITH RECURSIVE found (scope) AS (
SELECT min(scope) FROM cases WHERE is_open UNION ALL
SELECT (SELECT min(scope) FROM cases WHERE is_open AND scope > found.scope) FROM found WHERE scope IS NOT NULL)
SELECT scope FROM found WHERE scope IS NOT NULL"""


@dataclass(frozen=True, slots=True)
class Listed:
    """A case as lists show it; columns of the table."""

    case_id: str
    customer_id: str
    state: str
    tier: str
    scope: str | None
    who: str
    agent_id: str | None
    channel: str
    cause: str | None
    strategy: str | None
    worth: float
    probability: float
    reason: str | None
    reason_zh: str | None
    withheld_reason: str | None
    crossed_us: int
    emitted_us: int
    window_us: int
    due_us: int | None
    reported: str | None
    reported_by: str | None
    reported_us: int
    answered_us: int
    upgraded_us: int
    change: int

    @property
    def waits_for(self) -> str | None:
        """The outcome that was reported and that no update has answered yet."""
        return self.reported if self.reported_us > self.answered_us else None


@dataclass(frozen=True, slots=True)
class WorkFilter:
    """Which open cases are asked for; None: any. agent "": those that are nobody's; before_us: due until then; after:
    worth and id of the last case of the page before.
    """

    scope: str | None = None
    tier: str | None = None
    agent: str | None = None
    cause: str | None = None
    strategy: str | None = None
    before_us: int | None = None
    after: tuple[float, str] | None = None


CHECKED = {kind: topic for topic, kind in KINDS.items() if topic in MODELS}
COLUMNS = ", ".join(one.name for one in fields(Listed))
Asked = tuple[str, Sequence[Any]]  # a condition and its values


class Reader:
    """Reads the store of a path; any thread may ask."""

    def __init__(self, path: Path) -> None:
        self._uri, self._own = f"{path.resolve().as_uri()}?mode=ro", threading.local()

    def open_cases(self, viewer: Viewer, asked: WorkFilter, most: int = PAGE_ROWS) -> list[Listed]:
        """Returns open cases that the viewer may see, highest worth first."""
        conditions = [*_conditions(viewer, asked)]
        if asked.after:
            conditions.append(("(-worth, case_id) > (-?, ?)", asked.after))
        where, values = _where(conditions)
        rows = self._all(
            f"SELECT {COLUMNS} FROM cases WHERE {where} ORDER BY worth DESC, case_id LIMIT ?", values, most
        )
        return [Listed(*row) for row in rows]

    def counts(self, viewer: Viewer, asked: WorkFilter, before_us: Sequence[int]) -> tuple[list[int], bool]:
        """Returns the number of cases, and for each instant that of those due until then; whether there are more:
        MOST_COUNTED are counted.
        """
        where, values = _where(_conditions(viewer, asked))
        sums = "".join(", coalesce(sum(due_us < ?), 0)" for _ in before_us)
        sql = f"SELECT count(*){sums} FROM (SELECT due_us FROM cases WHERE {where} LIMIT ?)"
        (found,) = self._all(sql, (*before_us, *values), MOST_COUNTED)
        return list(found), found[0] >= MOST_COUNTED

    def scopes(self, viewer: Viewer) -> list[str]:
        """Returns the scopes of open cases that the viewer may see."""
        if viewer.scopes is not None:
            return list(viewer.scopes)
        return [scope for (scope,) in self._all(NEXT_SCOPE)]

    def newest_sent(self, viewer: Viewer, most: int) -> list[Listed]:
        """Returns the cases that were sent last and that the viewer may see, the newest first."""
        where, values = _where([("is_sent", ()), *_scopes(viewer)])
        rows = self._all(f"SELECT {COLUMNS} FROM cases WHERE {where} ORDER BY emitted_us DESC LIMIT ?", values, most)
        return [Listed(*row) for row in rows]

    def count_sent(self, since_us: int) -> int:
        """Returns how many cases were sent since then."""
        return int(self._all("SELECT count(*) FROM cases WHERE is_sent AND emitted_us >= ?", [since_us])[0][0])

    def case(self, case_id: str) -> Listed | None:
        """Returns a case by its id."""
        rows = self._all(f"SELECT {COLUMNS} FROM cases WHERE case_id = ?", [case_id])
        return Listed(*rows[0]) if rows else None

    def messages(self, customer_id: str) -> Messages:
        """Returns all messages about a customer's cases, in their order."""
        found = self.bodies(customer_id, SENT, WITHHELD, UPDATE)
        return Messages(found[SENT], found[WITHHELD], found[UPDATE])

    def bodies(self, customer_id: str, *kinds: int) -> dict[int, list[Message]]:
        """Returns the messages about a customer of these kinds, each in its order; what is no such message is left
        out, though it may have been good enough for a row.
        """
        found: dict[int, list[Message]] = {kind: [] for kind in kinds}
        sql = f"SELECT kind, body FROM messages WHERE customer_id = ? AND kind IN ({', '.join('?' * len(kinds))})"
        for kind, body in self._all(f"{sql} ORDER BY seq", [customer_id, *kinds]):
            with suppress(ValueError):
                value = unpacked(body)
                found[kind].append(parse(CHECKED[kind], value) if kind in CHECKED else orjson.loads(value))
        return found

    def scores(self, customer_id: str) -> list[tuple[int, float]]:
        """Returns (us, probability) that were published while the customer had a case, in order of time."""
        rows = self._all("SELECT at_us, probability FROM scores WHERE customer_id = ? ORDER BY at_us", [customer_id])
        return [(at_us, probability) for at_us, probability in rows]

    def customers(self, viewer: Viewer, prefix: str) -> list[str]:
        """Returns customers with a case or a withheld one whose id begins so, and whom the viewer may see."""
        until = _behind(prefix)
        conditions: list[Asked] = [("customer_id >= ?", (prefix,)), *_scopes(viewer)]
        if until is not None:
            conditions.append(("customer_id < ?", (until,)))
        where, values = _where(conditions)
        sql = f"SELECT DISTINCT customer_id FROM cases WHERE {where} ORDER BY 1 LIMIT ?"
        return [customer for (customer,) in self._all(sql, values, MOST_FOUND)]

    def changed_since(self, number: int, most: int) -> list[tuple[int, str, str | None]]:
        """Returns number, id and scope of cases that changed later, in the order of their changes."""
        sql = "SELECT change, case_id, scope FROM cases WHERE change > ? ORDER BY change LIMIT ?"
        return [(change, case_id, scope) for change, case_id, scope in self._all(sql, [number], most)]

    def meta(self, name: str) -> Any:
        """Returns a value about the copy."""
        return self._all("SELECT value FROM meta WHERE name = ?", [name])[0][0]

    def _all(self, sql: str, values: Iterable[Any] = (), *more: Any) -> list[tuple[Any, ...]]:
        return self._connection().execute(sql, (*values, *more)).fetchall()

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if found is None:
            found = self._own.connection = sqlite3.connect(self._uri, uri=True, isolation_level=None)
            found.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        return found


def _conditions(viewer: Viewer, asked: WorkFilter) -> list[Asked]:
    conditions: list[Asked] = [("is_open", ()), *_scopes(viewer)]
    equal = {name: getattr(asked, name) for name in ("scope", "tier", "cause", "strategy")}
    conditions += [(f"{name} = ?", (value,)) for name, value in equal.items() if value is not None]
    if asked.agent is not None:
        conditions.append(("agent_id = ?", (asked.agent,)) if asked.agent else ("agent_id IS NULL", ()))
    if asked.before_us is not None:
        conditions.append(("due_us < ?", (asked.before_us,)))
    return conditions


def _scopes(viewer: Viewer) -> list[Asked]:
    if viewer.scopes is None:
        return []
    return [(f"scope IN ({', '.join('?' * len(viewer.scopes))})", viewer.scopes)]


def _behind(prefix: str) -> str | None:
    """The first text behind all that begin so, in the order of code points, which is that of UTF-8; None: none is."""
    last = chr(0x10FFFF)
    kept = prefix.rstrip(last)
    return kept[:-1] + chr(ord(kept[-1]) + (2049 if ord(kept[-1]) == 0xD7FF else 1)) if kept else None


def _where(conditions: Sequence[Asked]) -> tuple[str, list[Any]]:
    return " AND ".join(sql for sql, _ in conditions), [value for _, values in conditions for value in values]
