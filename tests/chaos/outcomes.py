"""Outcomes of an unreliable CRM for the cases of a replay: on time, late, twice, out of order, for unknown cases.

And customer profiles: scopes, time zones, withdrawn consents. And market signals: of scopes and of all, known before
and after they begin, overlapping, corrected, sent twice, some after newer ones. Everything depends on a seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from schemas.instants import DAY_US, HOUR_US, format_instant, parse_instant

SCOPES, AGENTS = ("city-1", "city-2", "city-3"), ("agent-1", "agent-2", "agent-3", "agent-4")
ZONES = ("Asia/Shanghai", "Asia/Urumqi", "Europe/Berlin", "America/New_York", "Asia/Kathmandu")
CHANNELS = ("app", "sms", "wechat", "mail", "phone", "visit")


def write_outcomes(interventions: Path, out: Path, seed: int, until_us: int) -> Path:
    """Writes outcomes of the cases in interventions.jsonl, none later than the log."""
    rows = [row for line in interventions.read_bytes().splitlines() for row in _outcomes(orjson.loads(line), seed)]
    return _write(out, _until(until_us, rows))


def write_profiles(events: Path, out: Path, seed: int, until_us: int) -> Path:
    """Writes profiles of half of the customers in a file of events, at their first event and later."""
    first: dict[str, int] = {}
    for line in events.read_bytes().splitlines():
        row = orjson.loads(line)
        first.setdefault(row["customer_id"], parse_instant(row["event_time"]))
    rows = [row for customer, at_us in first.items() for row in _profiles(customer, at_us, seed)]
    return _write(out, _until(until_us, rows))


def write_signals(out: Path, seed: int, until_us: int) -> Path:
    """Writes signals of the year before the end of the log."""
    draw, rows = random.Random(seed), list[dict[str, Any]]()
    for day in range(365, 0, -3):
        known_us = until_us - day * DAY_US + draw.randrange(DAY_US)
        begins_us = known_us + int(draw.uniform(-20, 20) * DAY_US)
        row = {
            "kind": "market_signal",
            "event_id": f"s-{day}",
            "event_time": format_instant(known_us - draw.choice((0, 0, 0, 40)) * DAY_US),
            "producer": "planning",
            "name": draw.choice(("strike", "tariff")),
            "scope": draw.choice((*SCOPES, "all", "nowhere")),
            "level": draw.choice((0.0, 0.5, 3.0)),
            "from": format_instant(begins_us),
            "until": draw.choice((None, format_instant(begins_us + draw.randint(1, 60) * DAY_US))),
        }
        rows += [row] * draw.choice((1, 1, 2))
    return _write(out, _until(until_us, rows))


def last_us(files: list[Path]) -> int:
    """Returns the last event time of files in event-time order."""
    lasts = [path.read_bytes().rstrip().rsplit(b"\n", 1)[-1] for path in files]
    return max(parse_instant(orjson.loads(line)["event_time"]) for line in lasts)


def _outcomes(case: dict[str, Any], seed: int) -> Iterator[dict[str, Any]]:
    draw = random.Random(f"{seed}|{case['intervention_id']}")
    at_us = parse_instant(case["decided_at"])
    for status in ("acknowledged", "contacted", "responded", "declined", "saved", "lost"):
        if draw.random() < 0.4:
            continue
        at_us += int(draw.uniform(-0.2, 9.0) * DAY_US)
        row = _outcome(case, status, at_us, draw)
        yield row
        if draw.random() < 0.2:
            yield row if draw.random() < 0.5 else row | {"event_id": row["event_id"] + "-again"}
    if draw.random() < 0.1:
        yield _outcome(case | {"intervention_id": "nobody's"}, "contacted", at_us, draw)


def _outcome(case: dict[str, Any], status: str, at_us: int, draw: random.Random) -> dict[str, Any]:
    causes = {"causes": ["vehicle_sold"]} if draw.random() < 0.03 else {}
    return {
        "kind": "intervention_outcome",
        "event_id": f"{case['intervention_id']}-{status}-{at_us}",
        "customer_id": case["customer_id"],
        "event_time": format_instant(at_us),
        "producer": "crm",
        "intervention_id": case["intervention_id"],
        "status": status,
        "agent_id": draw.choice(AGENTS),
        "channel": draw.choice(CHANNELS),
        "cost": round(draw.uniform(0, 100), 2),
        **causes,
    }


def _profiles(customer: str, at_us: int, seed: int) -> Iterator[dict[str, Any]]:
    draw = random.Random(f"{seed}|{customer}")
    while draw.random() < 0.5:
        yield {
            "kind": "customer_profile",
            "event_id": f"{customer}-{at_us}",
            "customer_id": customer,
            "event_time": format_instant(at_us),
            "producer": "crm",
            "scope": draw.choice(SCOPES),
            "time_zone": draw.choice(ZONES),
            "consent": {channel: draw.random() < 0.7 for channel in CHANNELS},
            "preferred_channel": draw.choice(CHANNELS),
            "value": round(draw.uniform(100, 9000), 2),
            "agent_id": draw.choice(AGENTS),
        }
        at_us += int(draw.uniform(1, 400) * DAY_US) + draw.randrange(HOUR_US)


def _until(until_us: int, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if parse_instant(row["event_time"]) <= until_us]


def _write(path: Path, rows: list[dict[str, Any]]) -> Path:
    rows.sort(key=lambda row: (row["event_time"], row["event_id"]))
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path
