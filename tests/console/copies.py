"""Messages in a store, and a console over it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from streams.console.rows import Record, rows_of
from streams.console.store import Store
from streams.profile.loading import load_profile

PROFILE = load_profile("after-sales")
# the first field that a message has says where it comes from
TOPICS = {
    "withheld_reason": "interventions-withheld",
    "scored_at": "churn-scores",
    "touch_id": "touches",
    "task_id": "tasks",
    "event_id": "intervention-outcomes",
    "status": "intervention-updates",
    "emitted_at": "interventions",
}


def store_in(folder: Path, source: str = "test") -> Store:
    folder.mkdir(exist_ok=True)
    return Store(folder / "console.sqlite", PROFILE.case, source)


def record(body: dict[str, Any]) -> Record:
    return next(topic for name, topic in TOPICS.items() if name in body), orjson.dumps(body)


def write(store: Store, *bodies: dict[str, Any]) -> int:
    return store.write(rows_of(map(record, bodies)), {})


def content(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """All rows but what tells one copy from another."""
    ask = store._connection.execute
    columns = [name for _, name, *_ in ask("PRAGMA table_info (cases)").fetchall() if name != "change"]
    messages = ask("SELECT customer_id, kind, at_us, body FROM messages ORDER BY customer_id, kind, seq").fetchall()
    cases = ask(f"SELECT {', '.join(columns)} FROM cases ORDER BY case_id").fetchall()
    return {"messages": messages, "cases": cases, "offsets": sorted(store.offsets.items())}


def lines(folder: Path, bodies: Iterable[dict[str, Any]]) -> Path:
    """A folder as a replay leaves it, with these messages."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, list[bytes]] = {"interventions": [], "interventions-withheld": [], "intervention-updates": []}
    for topic, value in map(record, bodies):
        files[topic].append(value + b"\n")
    for topic, values in files.items():
        (folder / f"{topic}.jsonl").write_bytes(b"".join(values))
    return folder
