"""All figures of a report in one record. Shares and counts are floats and ints, money is decimal text in JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from schemas.instants import DAY_US, format_instant
from streams.interventions.strategies import DEFAULT
from streams.profile.profile import Profile
from streams.savings import health, money, stages
from streams.savings.advisers import Adviser, advisers
from streams.savings.comparison import ALL, DIGITS, Compared, by_groups, compare, compare_strategy, tired
from streams.savings.interviews import Interview, interviews
from streams.savings.money import Balance, Sheet
from streams.savings.opened_cases import Cases, OpenedCase
from streams.savings.reviews import Period, Pressed, months, signals, weeks

DAYS_A_MONTH = Decimal("30.4375")
GROUP_WEIGHTS = {"high value": 0.4, "new": 0.3, "other": 0.3}  # sheet (e-commerce): weights of churn
MANY_BUDGETS = 100.0  # a cost above so many budgets is pointed out


@dataclass(frozen=True, slots=True)
class Counted:
    """Customers who came back after a sent case: those who would have anyway, and the truly saved, with their range."""

    cases: int
    counted: int
    anyway: float | None
    saved: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Measured:
    """Money as measured, at the lift and at both of its bounds. holdout_price: what was not saved, less not spent."""

    value: Balance
    low: Balance
    high: Balance
    months: Decimal
    holdout_price: Decimal

    @property
    def pays_back(self) -> bool:
        """Whether even the lower bound pays back."""
        return self.low.roi is not None and self.low.roi > 0


@dataclass(frozen=True, slots=True)
class Strategy:
    """A strategy against the holdout. cost_a_save: None where no save is shown; next_weight: by tier."""

    compared: Compared
    spent: Decimal
    cost_a_save: Decimal | None
    tired: bool
    evidence: float
    next_weight: dict[str, float]


@dataclass(frozen=True, slots=True)
class Group:
    """Customers of a value group: cases, churn, and what the saved did afterwards; None: not known yet."""

    name: str
    cases: int
    left: float | None
    bought_again: float | None
    bought_again_of: int
    stayed: float | None
    stayed_of: int


@dataclass(frozen=True, slots=True)
class Remark:
    """What a reader must know of the messages: the key of its sentence (words.py), and what the sentence names."""

    key: str
    parts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the pages show."""

    at: str
    policy_version: str
    currency: str
    open_cases: int
    closed_cases: int
    overall: Compared
    counted: Counted
    sheet: Sheet | None
    measured: Measured | None
    groups: list[Group]
    weighted_churn: float | None
    strategies: list[Strategy]
    by_tier: list[Compared]
    by_segment: list[Compared]
    by_cause: list[Compared]
    do_not_disturb: list[str]
    stage: stages.Stage
    split: health.Split
    leaks: health.Leaks
    precision: health.Precision
    model_version: int | None
    more_holdout_cases: int | None  # until the interval would leave 0 out, if the lift stayed as it is
    break_even_lift: float | None
    reached: float | None
    responded: float | None
    withheld: dict[str, int]
    weeks: list[Period]
    months: list[Period]
    signals: list[Pressed]
    remarks: list[Remark]

    def dumps(self) -> bytes:
        """Returns report.json."""
        return orjson.dumps(self, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists beside the report."""

    advisers: list[Adviser]
    interviews: list[Interview]


def report(
    profile: Profile, cases: Cases, summary: Mapping[str, Any], weights: Mapping[str, Mapping[str, float]]
) -> Report:
    """Returns the report. summary: of the replay, {} on topics; weights: of the last model, by tier and strategy."""
    closed, compared = cases.closed, cases.compared
    overall = compare(profile, ALL, compared)
    measured = _measured(profile, cases, overall)
    by_tier = by_groups(profile, compared, lambda case: [case.tier])
    by_segment = by_groups(profile, compared, lambda case: case.segments)
    by_cause = by_groups(profile, compared, lambda case: [case.cause or "no_cause"])
    contacted = [case for case in closed if not case.held and case.contacted_us is not None]
    unreached = sum(case.state == "expired" for case in closed if not case.held)
    roi = _roi(measured)
    groups = [_group(name, closed) for name in GROUP_WEIGHTS]
    return Report(
        at=format_instant(cases.until_us),
        policy_version=profile.version,
        currency=profile.currency,
        open_cases=len(cases.opened) - len(closed),
        closed_cases=len(closed),
        overall=overall,
        counted=_counted(overall),
        sheet=money.sheet(profile),
        measured=measured,
        groups=groups,
        weighted_churn=_weighted(groups),
        strategies=_strategies(profile, compared, weights),
        by_tier=by_tier,
        by_segment=by_segment,
        by_cause=by_cause,
        do_not_disturb=[
            one.name for one in (*by_tier, *by_segment, *by_cause) if one.high is not None and one.high < 0
        ],
        stage=stages.stage(profile, closed, summary, roi),
        split=health.split(cases),
        leaks=health.leaks(compared, overall),
        precision=health.precision(closed, profile.goals.precision),
        model_version=max((case.model_version for case in cases.opened), default=None),
        more_holdout_cases=_more(overall),
        break_even_lift=_break_even(measured, overall),
        reached=_share(len(contacted), len(contacted) + unreached),
        responded=_share(sum(case.responded for case in contacted), len(contacted)),
        withheld=dict(sorted(cases.withheld.items())),
        weeks=weeks(profile, cases),
        months=months(profile, cases),
        signals=signals(profile, cases),
        remarks=_remarks(profile, cases),
    )


def lists(cases: Cases, may_be_called: Callable[[str], bool]) -> Lists:
    """Returns the lists. may_be_called: of each customer."""
    return Lists(advisers(cases.compared), interviews(cases.opened, cases.until_us, may_be_called))


def _counted(overall: Compared) -> Counted:
    if overall.lift is None or overall.low is None or overall.high is None:
        return Counted(overall.cases, overall.returned, None, None, None, None)
    saved, low, high = (round(overall.cases * bound, 2) for bound in (overall.lift, overall.low, overall.high))
    return Counted(overall.cases, overall.returned, round(overall.returned - saved, 2), saved, low, high)


def _measured(profile: Profile, cases: Cases, overall: Compared) -> Measured | None:
    """Returns what the customers brought who were saved, less what all cases cost."""
    if overall.lift is None or overall.low is None or overall.high is None:
        return None
    sent, held = ([case for case in cases.compared if case.held is holds] for holds in (False, True))
    value, held_value = (sum((money.decimal(case.value) for case in arm), Decimal(0)) for arm in (sent, held))
    spent = sum((money.decimal(case.spent) for case in cases.closed), Decimal(0))
    span = Decimal(cases.until_us - min(case.opened_us for case in cases.opened)) / DAY_US / DAYS_A_MONTH
    cost = money.fixed_costs(profile.economics, span / money.MONTHS) + spent

    def at(lift: float) -> Balance:
        saved = money.decimal(lift) * len(sent)
        return money.balance(saved, money.benefit(profile, saved, money.decimal(lift) * value), cost, span)

    price = money.decimal(overall.lift) * held_value - spent / len(sent) * len(held)
    rounded = span.quantize(money.CENT)
    return Measured(at(overall.lift), at(overall.low), at(overall.high), rounded, money.cents(price))


def _roi(measured: Measured | None) -> tuple[float, float, float] | None:
    if measured is None:
        return None
    rois = [one.roi for one in (measured.value, measured.low, measured.high)]
    value, low, high = (None if roi is None else float(roi) for roi in rois)
    return None if value is None or low is None or high is None else (value, low, high)


def _strategies(
    profile: Profile, closed: Sequence[OpenedCase], weights: Mapping[str, Mapping[str, float]]
) -> list[Strategy]:
    names, fatigue, found = sorted({case.strategy for case in closed if not case.held}), tired(closed), []
    for name in names:
        compared = compare_strategy(profile, name, closed)
        mine = [case for case in closed if not case.held and case.strategy == name]
        spent = sum((money.decimal(case.spent) for case in mine), Decimal(0))
        is_shown = compared.lift is not None and compared.low is not None and compared.low > 0
        saves = money.decimal(compared.lift or 0.0) * len(mine) if is_shown else None
        is_tired, evidence = fatigue.get(name, (False, 1.0))
        shares = {tier: share[name] for tier, share in sorted(weights.items()) if name in share}
        each = None if saves is None else money.cents(spent / saves)
        found.append(Strategy(compared, money.cents(spent), each, is_tired, evidence, shares))
    return found


def _group(name: str, closed: Sequence[OpenedCase]) -> Group:
    mine = [case for case in closed if not case.held and value_group(case) == name]
    again = [case.bought_again for case in mine if case.bought_again is not None]
    stayed = [case.stayed for case in mine if case.stayed is not None]
    left = _share(sum(not case.returned for case in mine), len(mine))
    return Group(
        name, len(mine), left, _share(sum(again), len(again)), len(again), _share(sum(stayed), len(stayed)), len(stayed)
    )


def value_group(case: OpenedCase) -> str:
    """The group of the e-commerce sheet by which churn is weighted."""
    if "high-value" in case.segments:
        return "high value"
    return "new" if "new" in case.segments or case.lifecycle == "new" else "other"


def _weighted(groups: Sequence[Group]) -> float | None:
    known = [(GROUP_WEIGHTS[one.name], one.left) for one in groups if one.left is not None]
    total = sum(weight for weight, _ in known)
    return round(sum(weight * left for weight, left in known) / total, DIGITS) if total else None


def _more(overall: Compared) -> int | None:
    if overall.lift is None or overall.low is None or overall.lift <= 0 or overall.low > 0:
        return None
    return round(overall.held * ((overall.lift - overall.low) / overall.lift) ** 2) - overall.held


def _break_even(measured: Measured | None, overall: Compared) -> float | None:
    if measured is None or not overall.lift or not measured.value.benefit:
        return None
    return round(float(measured.value.cost / (measured.value.benefit / money.decimal(overall.lift))), DIGITS)


def _remarks(profile: Profile, cases: Cases) -> list[Remark]:
    found = []
    versions = sorted({case.policy_version for case in cases.opened} - {profile.version})
    if versions:
        found.append(Remark("other_policies", {"version": profile.version, "names": ", ".join(versions)}))
    costly = [case for case in cases.opened if case.budget and (case.cost or 0.0) > MANY_BUDGETS * case.budget]
    if costly:
        example = {"case": costly[0].intervention_id, "cost": f"{costly[0].cost:,.2f}"}
        found.append(Remark("costly", {"n": f"{len(costly):,}", "times": f"{MANY_BUDGETS:.0f}", **example}))
    known = {DEFAULT, *(strategy.name for strategy in profile.strategies)}
    strange = sorted({case.strategy for case in cases.opened} - known)
    if strange:
        found.append(Remark("strange", {"names": ", ".join(strange)}))
    if cases.unknown_updates:
        found.append(Remark("unknown_updates", {"n": f"{cases.unknown_updates:,}"}))
    return found


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, DIGITS) if whole else None
