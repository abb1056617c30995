"""The lost customers to interview: two to six weeks after the loss, a quota by tier and cause, part of it random."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import xxhash

from schemas.instants import WEEK_US
from streams.savings.opened_cases import OpenedCase

FIRST_WEEK, LAST_WEEK, MOST = 2, 6, 100
RANDOM_SHARE = 0.2  # of the list, whatever tier and cause
SALT = "interviews-1"


@dataclass(frozen=True, slots=True)
class Interview:
    """A candidate. why: `quota` or `random`; substitute: the next one, if this customer refuses."""

    rank: int
    case: OpenedCase
    why: str
    substitute: str | None


def interviews(
    opened: Sequence[OpenedCase], at_us: int, may_be_called: Callable[[str], bool], most: int = MOST
) -> list[Interview]:
    """Returns the list as of an instant: the same for the same cases. may_be_called: of each customer."""
    lost = [case for case in opened if _is_due(case, at_us) and may_be_called(case.customer)]
    latest = {case.customer: case for case in sorted(lost, key=lambda case: case.crossed_us)}
    drawn = sorted(latest.values(), key=lambda case: (_draw(case), case.intervention_id))
    by_chance = drawn[: round(RANDOM_SHARE * min(most, len(drawn)))]
    rest = drawn[len(by_chance) :]
    groups: dict[tuple[str, str, bool], list[OpenedCase]] = {}
    for case in rest:
        groups.setdefault((case.tier, case.cause or "", case.held), []).append(case)
    rounds = zip_longest(*(groups[key] for key in sorted(groups)))
    in_turn = [case for each in rounds for case in each if case is not None]
    chosen = [(case, "random") for case in by_chance] + [(case, "quota") for case in in_turn]
    listed, waiting = chosen[:most], [case.customer for case, _ in chosen[most:]]
    return [
        Interview(rank, case, why, waiting[rank - 1] if rank <= len(waiting) else None)
        for rank, (case, why) in enumerate(listed, 1)
    ]


def _is_due(case: OpenedCase, at_us: int) -> bool:
    if case.closed_us is None or case.returned:
        return False
    return FIRST_WEEK * WEEK_US <= at_us - case.closed_us <= LAST_WEEK * WEEK_US


def _draw(case: OpenedCase) -> int:
    return xxhash.xxh3_64_intdigest(f"{SALT}|{case.customer}".encode())
