"""Folders of replays with invented cases: what each case would have done is drawn, so the true lift is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson

from schemas.instants import DAY_US, format_instant, parse_instant
from tests.operations.cases.messages import Message, intervention, update, withheld

START_US = parse_instant("2024-01-01T00:00:00Z")
CLOSES_AFTER_US = 90 * DAY_US
NAMES = ("interventions.jsonl", "interventions-withheld.jsonl", "intervention-updates.jsonl")


def city(
    folder: Path, *, cases: int = 2000, held: float = 0.1, lift: float = 0.2, contacts: bool = True, seed: int = 1
) -> Path:
    """Writes a folder, returns it. held: the holdout's share; lift: of a sent case; contacts: whether a CRM works."""
    rng = np.random.default_rng(seed)
    sent: list[Message] = []
    kept: list[Message] = []
    updates: list[Message] = []
    for i in range(cases):
        us = START_US + i * DAY_US // 10
        at, closed = format_instant(us), format_instant(us + CLOSES_AFTER_US)
        name, p, is_held = f"case-{i:05}", float(rng.uniform(0.5, 0.9)), bool(rng.random() < held)
        returned = bool(rng.random() < 1.0 - p + (0.0 if is_held else lift))
        about = {"customer_id": f"c-{i:05}", "crossed_at": at, "decided_at": at, "emitted_at": at, "probability": p}
        about |= {"propensity": 1.0 - held, "tier": "extreme" if p > 0.7 else "high", "agent_id": f"agent-{i % 3}"}
        (kept if is_held else sent).append((withheld if is_held else intervention)(name, **about))
        if contacts and not is_held:
            updates.append(update("contacted", name, updated_at=at, contacted_at=at, state="contacted", cost=100.0))
        updates.append(update("measured", name, updated_at=closed, returned=returned, holdout=is_held))
    folder.mkdir(parents=True, exist_ok=True)
    for file, bodies in zip(NAMES, (sent, kept, updates), strict=True):
        write(folder / file, bodies)
    (folder / "summary.json").write_text("{}")
    return folder


def write(path: Path, bodies: list[Message]) -> None:
    """Writes messages as lines."""
    path.write_bytes(b"".join(orjson.dumps(body) + b"\n" for body in bodies))
