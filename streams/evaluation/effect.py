"""The effect of cases: the share of customers that returned after a sent case, minus that of the holdout, by tier.

Both groups are observed for the same time from the crossing (updates with status `measured`), and the holdout is
drawn at random, so the difference of the shares is the effect. The first case of each customer counts: who comes back
after a contact gets further cases, which the holdout never has. Interval: Newcombe 1998 (Statistics in Medicine 17,
p. 873), from Wilson's intervals of both shares; it is valid where a share is 0 or 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import orjson

from schemas.errors import Failure
from streams.files.replay_folder import UPDATES

Z_95 = 1.959963984540054  # standard errors: two-sided 95 %
ALL = "all"


@dataclass(frozen=True, slots=True)
class Effect:
    """Returns of one tier, sent and held out."""

    tier: str
    sent: int
    sent_returned: int
    held_out: int
    held_out_returned: int
    difference: float | None  # of the shares that returned; None: one group has no case
    low: float | None
    high: float | None


def read(folder: Path) -> list[Effect]:
    """Returns the effect over the customers of a replay, then by tier; [] where no case was measured.

    Raises Failure where a line is no update.
    """
    path = folder / UPDATES
    if not path.exists():
        return []
    try:
        first: dict[str, dict[str, Any]] = {}  # customer -> of the first case; all wait equally long
        for update in map(orjson.loads, path.read_bytes().splitlines()):
            if update["status"] == "measured":
                first.setdefault(update["customer_id"], update)
        return effects(first.values())
    except (ValueError, KeyError) as error:
        raise Failure(f"{path}: not the updates of a replay ({error}); run the replay again") from error


def effects(measured: Iterable[dict[str, Any]]) -> list[Effect]:
    """Returns the effect over all tiers, then by tier. measured: updates with `tier`, `holdout`, `returned`."""
    counts: dict[str, list[int]] = {}
    for update in measured:
        for tier in (ALL, update["tier"]):
            of_tier = counts.setdefault(tier, [0, 0, 0, 0])
            of_tier[2 * update["holdout"]] += 1
            of_tier[2 * update["holdout"] + 1] += update["returned"]
    return [_effect(tier, *counts[tier]) for tier in sorted(counts, key=lambda name: (name != ALL, name))]


def _effect(tier: str, sent: int, returned: int, held_out: int, came: int) -> Effect:
    if not (sent and held_out):
        return Effect(tier, sent, returned, held_out, came, None, None, None)
    a, b = returned / sent, came / held_out
    (a_low, a_high), (b_low, b_high) = _wilson(returned, sent), _wilson(came, held_out)
    low = a - b - sqrt((a - a_low) ** 2 + (b_high - b) ** 2)
    high = a - b + sqrt((a_high - a) ** 2 + (b - b_low) ** 2)
    return Effect(tier, sent, returned, held_out, came, a - b, low, high)


def _wilson(hits: int, n: int) -> tuple[float, float]:
    p, z2 = hits / n, Z_95 * Z_95
    middle, spread = p + z2 / (2 * n), Z_95 * sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return (middle - spread) / (1 + z2 / n), (middle + spread) / (1 + z2 / n)
