"""Outcomes of the cases, from interventions and updates, by tier and by delay, next to the published rates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from schemas.instants import DAY_US, parse_instant
from streams.demo.closed_loop import Call
from streams.profile.profile import Profile

Message = dict[str, Any]


@dataclass
class Case:
    """A case as its messages describe it."""

    intervention_id: str
    customer_id: str
    tier: str
    crossed_us: int
    holdout: bool
    state: str = "open"
    contacted_us: int | None = None
    returned: bool | None = None  # measured over the same time for contacted and holdout; None: not measured yet
    updates: list[Message] = field(default_factory=list)

    @property
    def delay_days(self) -> float | None:
        """Days from the crossing to the first contact."""
        return None if self.contacted_us is None else (self.contacted_us - self.crossed_us) / DAY_US


def fold(interventions: Iterable[Message], updates: Iterable[Message]) -> dict[str, Case]:
    """Returns cases by id; holdout cases have no intervention, so they start with their first update."""
    cases = {body["intervention_id"]: _case(body, holdout=False) for body in interventions}
    for update in updates:
        known = "state" in update
        if known and update["holdout"] and update["intervention_id"] not in cases:
            cases[update["intervention_id"]] = _case(update, holdout=True)
        case = cases.get(update["intervention_id"])
        if case and known:
            _apply_update(case, update)
    return cases


@dataclass(frozen=True)
class Share:
    """`hits` of `n`."""

    hits: int
    n: int

    def __str__(self) -> str:
        """Returns per cent with two standard errors; a dash where n is 0."""
        if not self.n:
            return "-"
        share = self.hits / self.n
        return f"{share * 100:.0f}±{200 * (share * (1 - share) / self.n) ** 0.5:.0f}"


@dataclass(frozen=True)
class TierRow:
    """Outcomes of the cases of a tier; shares are of measured cases."""

    tier: str
    sent: int
    contacted_in_time: int
    contacted: int
    saved: int
    lost: int
    expired: int
    withdrawn: int
    live: int
    returned: Share
    holdout: Share
    published: float


@dataclass(frozen=True)
class DelayRow:
    """Contacts by days since the crossing. `came_back`: observed, of all; `saved`: the truth, of leavers."""

    days: str
    contacts: int
    came_back: Share
    saved: Share
    published: float


def by_tier(profile: Profile, cases: Iterable[Case]) -> list[TierRow]:
    """Returns a row for each tier that has cases."""
    known = list(cases)
    rows = [_tier_row(profile, tier.name, tier.expected_saved, known) for tier in profile.tiers]
    return [row for row in rows if row.sent]


def by_delay(profile: Profile, cases: dict[str, Case], calls: Iterable[Call]) -> list[DelayRow]:
    """Returns a row for each window. calls: with the truth."""
    contacted = [case for case in cases.values() if case.delay_days is not None]
    truth = [(call, (call.called_us - call.crossed_us) / DAY_US) for call in calls if call.leaving]
    edges = [0.0, *(window.within_us / DAY_US for window in profile.case.windows)]
    rows = []
    for (above, upto), window in zip(pairwise(edges), profile.case.windows, strict=True):
        within = [case for case in contacted if above < (case.delay_days or 0.0) <= upto]
        leavers = [call for call, days in truth if above < days <= upto]
        saved = Share(sum(call.saved for call in leavers), len(leavers))
        rows.append(DelayRow(f"{above:g} to {upto:g}", len(within), _ended_well(within), saved, window.saved))
    return rows


def example_case(cases: Iterable[Case]) -> Case | None:
    """Returns a saved case with many kinds of update, an escalated one if there is one."""

    def worth(case: Case) -> tuple[bool, int, str]:
        statuses = {update["status"] for update in case.updates}
        return "escalated" in statuses, len(statuses), case.intervention_id

    saved = [case for case in cases if case.state == "saved" and not case.holdout]
    return max(saved, key=worth, default=None)


def _case(body: Message, *, holdout: bool) -> Case:
    crossed_us = parse_instant(body["crossed_at"])
    return Case(body["intervention_id"], body["customer_id"], body["tier"], crossed_us, holdout)


def _apply_update(case: Case, update: Message) -> None:
    case.updates.append(update)
    case.state = update["state"]
    if "contacted_at" in update:
        case.contacted_us = parse_instant(update["contacted_at"])
    if update["status"] == "measured":
        case.returned = update["returned"]


def _tier_row(profile: Profile, tier: str, published: float, cases: Sequence[Case]) -> TierRow:
    ours = [case for case in cases if case.tier == tier and not case.holdout]
    held_out = [case for case in cases if case.tier == tier and case.holdout]
    delays = [case.delay_days for case in ours if case.delay_days is not None]
    ended = {name: sum(case.state == name for case in ours) for name in ("saved", "lost", "expired", "withdrawn")}
    return TierRow(
        tier=tier,
        sent=len(ours),
        contacted_in_time=sum(days <= profile.case.window_us / DAY_US for days in delays),
        contacted=len(delays),
        **ended,
        live=len(ours) - sum(ended.values()),
        returned=_returned(ours),
        holdout=_returned(held_out),
        published=published,
    )


def _returned(cases: Iterable[Case]) -> Share:
    measured = [case.returned for case in cases if case.returned is not None]
    return Share(sum(measured), len(measured))


def _ended_well(cases: Iterable[Case]) -> Share:
    ended = [case.state == "saved" for case in cases if case.state in ("saved", "lost")]
    return Share(sum(ended), len(ended))
