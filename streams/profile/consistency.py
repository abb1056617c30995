"""Rules between the keys of a profile; each yields a sentence for each violation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from urllib.parse import urlsplit

from features.catalogue import NAMES
from features.deduplication import KEPT_DAYS
from online_model.snapshot import MODEL
from schemas.instants import DAY_US, WEEK_US, format_duration
from streams.profile.learning_sections import POOLED
from streams.profile.profile import Profile
from streams.profile.values import AUTOMATED, AUTOMATED_CHANNELS

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def _tiers_fall(profile: Profile) -> Iterator[str]:
    for higher, lower in pairwise(profile.tiers):
        if lower.above >= higher.above:
            yield (
                f"tiers.{lower.name}.above = {lower.above} is not below "
                f"tiers.{higher.name}.above = {higher.above}: write the tiers from the highest down"
            )
    last = profile.tiers[-1]
    if last.above != 0:
        yield f"tiers.{last.name}.above = {last.above}: expected 0, so that every customer has a tier"


def _names_differ(profile: Profile) -> Iterator[str]:
    lists = {
        "tiers": [tier.name for tier in profile.tiers],
        "steps": [step.name for step in profile.steps],
        "gate.caps": [cap.name for cap in profile.gate.caps],
        "limits.budgets": [budget.name for budget in profile.limits.budgets],
        "limits.teams": [team.name for team in profile.limits.teams],
        "challengers": [challenger.name for challenger in profile.challengers],
        "strategies": [strategy.name for strategy in profile.strategies],
    }
    for key, names in lists.items():
        for name in dict.fromkeys(name for name in names if names.count(name) > 1):
            yield f"{key}.{name} occurs {names.count(name)} times: give each its own name"


def _windows_follow(profile: Profile) -> Iterator[str]:
    for before, after in pairwise(profile.case.windows):
        key, other = f"case.windows.{after.name}", f"case.windows.{before.name}"
        if after.within_us <= before.within_us:
            yield f"{key}.within = {after.name} is not above {other}.within = {before.name}: shortest first"
        if after.saved > before.saved:
            yield f"{key}.saved = {after.saved} is above {other}.saved = {before.saved}: later contacts save no more"


def _margin_fits(profile: Profile) -> Iterator[str]:
    case = profile.case
    if case.margin >= case.threshold:
        yield (
            f"case.margin = {case.margin} is not below case.threshold = {case.threshold}: no customer could ever get a "
            "second case"
        )


def _forgotten_last(profile: Profile) -> Iterator[str]:
    """A customer who is forgotten must have lapsed, and the last observation must have its label."""
    label = profile.label
    least_us = label.lapsed_after_us + label.horizon_us
    if label.forgotten_after_us < least_us:
        yield (
            f"label.forgotten_after = {format_duration(label.forgotten_after_us)} is below label.lapsed_after and "
            f"label.horizon together: give it at least {format_duration(least_us)}"
        )


def _ticks_fit(profile: Profile) -> Iterator[str]:
    """Sweeps, observations and labels must fall on the ends of ticks."""
    tick_us = profile.time.tick_us
    if tick_us is None:
        return
    for key, us in (
        ("time.sweep_every", profile.time.sweep_every_us),
        ("label.horizon", profile.label.horizon_us),
    ):
        if us % tick_us:
            yield f"{key} = {format_duration(us)} is not a multiple of time.tick = {format_duration(tick_us)}"
    if WEEK_US % tick_us:
        yield f"time.tick = {format_duration(tick_us)} does not divide the 7d of time.observe = weekly"


def _latest_is_within_deduplication(profile: Profile) -> Iterator[str]:
    """An event that is applied late must still be recognised when it is sent again."""
    latest_us = profile.time.latest_us
    if latest_us > KEPT_DAYS * DAY_US:
        yield (
            f"time.latest = {format_duration(latest_us)} is above the {KEPT_DAYS}d for which event ids are kept: an "
            f"event that is sent again could be applied twice; give it at most {KEPT_DAYS}d"
        )


def _limits_fit(profile: Profile) -> Iterator[str]:
    """The dispatcher decides at sweeps, when all customers have been scored."""
    every_us, sweep_us = profile.limits.every_us, profile.time.sweep_every_us
    if profile.limits.shared and every_us % sweep_us:
        yield (
            f"limits.every = {format_duration(every_us)} is not a multiple of time.sweep_every = "
            f"{format_duration(sweep_us)}"
        )


def _names_are_there(profile: Profile) -> Iterator[str]:
    """Names must refer to entries of the profile, or to features of the catalogue."""
    tiers, stages = [tier.name for tier in profile.tiers], [stage.name for stage in profile.roll_out.stages]
    for step in profile.steps:
        for name in step.tiers:
            if name not in tiers:
                yield f"steps.{step.name}.tiers: there is no tier {name}; there are {', '.join(tiers)}"
    for point in profile.touch_points:
        for name in point.features:
            if name not in NAMES:
                yield f"touch_points.{point.name}.features: there is no feature {name}"
    if profile.roll_out.stage not in stages:
        yield f"roll_out.stage = {profile.roll_out.stage!r}: expected one of {', '.join(stages)}"


def _economics_names_are_there(profile: Profile) -> Iterator[str]:
    tiers = [tier.name for tier in profile.tiers]
    for key, names in {
        "economics.printed": [one.name for one in profile.economics.printed],
        "economics.uncounted": profile.economics.uncounted,
    }.items():
        for name in names:
            if name not in tiers:
                yield f"{key}: there is no tier {name}; there are {', '.join(tiers)}"


def _strategies_fit(profile: Profile) -> Iterator[str]:
    """Strategies are of tiers in which a case can open, and each tier has room for the floor of all of them."""
    tiers = [tier.name for tier in profile.tiers]
    for strategy in profile.strategies:
        if strategy.name in ("default", "holdout"):
            yield f"strategies.{strategy.name}: messages use this name for something else: give it another name"
        for name in strategy.tiers:
            if name not in tiers:
                yield f"strategies.{strategy.name}.tiers: there is no tier {name}; there are {', '.join(tiers)}"
    for tier in tiers:
        count = sum(tier in strategy.tiers for strategy in profile.strategies)
        if count * profile.exploration.floor > 1.0:
            yield (
                f"exploration.floor = {profile.exploration.floor} for {count} strategies of tiers.{tier} is above 1 "
                "together: lower it"
            )


def _strategies_cost_no_more(profile: Profile) -> Iterator[str]:
    """Turns of the backlog are ranked by the tier's budget (streams/engine/backlog.py): no case may cost more."""
    budgets = {tier.name: tier.budget for tier in profile.tiers}
    for strategy in profile.strategies:
        for name in strategy.tiers:
            if strategy.budget is not None and strategy.budget > budgets.get(name, strategy.budget):
                yield (
                    f"strategies.{strategy.name}.budget = {strategy.budget} is above tiers.{name}.budget = "
                    f"{budgets[name]}: turns are ranked by the tier's: lower it, or raise the tier's"
                )


def _touches_need_nobody(profile: Profile) -> Iterator[str]:
    """A tier in which nobody acts must have channels that need no person."""
    for tier in profile.tiers:
        wrong = [channel for channel in tier.channels if channel not in AUTOMATED_CHANNELS]
        if tier.who == AUTOMATED and wrong:
            yield (
                f"tiers.{tier.name}.channels has {', '.join(wrong)}, tiers.{tier.name}.who is {AUTOMATED}: expected "
                f"{', '.join(AUTOMATED_CHANNELS)}"
            )


def _deadlines_follow(profile: Profile) -> Iterator[str]:
    case = profile.case
    if case.acknowledge_within_us > case.contact_within_us:
        yield (
            f"case.acknowledge_within = {format_duration(case.acknowledge_within_us)} is above case.contact_within = "
            f"{format_duration(case.contact_within_us)}: a case is acknowledged before it is contacted"
        )
    if case.contact_within_us > case.window_us:
        yield (
            f"case.contact_within = {format_duration(case.contact_within_us)} is above the first window, "
            f"{case.windows[0].name}: an escalation would come too late"
        )


def _complaints_follow(profile: Profile) -> Iterator[str]:
    rules = profile.complaints
    if rules.due_within_us >= rules.expires_after_us:
        yield (
            f"complaints.due_within = {format_duration(rules.due_within_us)} is not below complaints.expires_after = "
            f"{format_duration(rules.expires_after_us)}: no task would be overdue"
        )


def _challengers_differ(profile: Profile) -> Iterator[str]:
    model = profile.model
    same = (model.prior_precision, model.forget_a_week, set(POOLED))
    for challenger in profile.challengers:
        if challenger.name == MODEL:
            yield f"challengers.{challenger.name}: this is the name of [model] itself: give it another name"
        if challenger.river is not None:
            if {"prior_precision", "forget_a_week", "experts"} & challenger.model_fields_set:
                yield f"challengers.{challenger.name}: river has no prior_precision, forget_a_week or experts"
            continue
        theirs = (challenger.prior_precision or same[0], challenger.forget_a_week or same[1], set(challenger.experts))
        if theirs == same:
            ways = "prior_precision, forget_a_week, experts or river"
            yield f"challengers.{challenger.name} learns as [model] does: set {ways}"


def _promotion_is_possible(profile: Profile) -> Iterator[str]:
    rule = profile.promotion
    if rule.least_gain >= rule.most_a_week:
        yield (
            f"promotion.least_gain = {rule.least_gain} is not below promotion.most_a_week = {rule.most_a_week}: "
            f"no challenger can gain so much"
        )


def _console_can_be_entered(profile: Profile) -> Iterator[str]:
    auth = profile.console.auth
    if auth.kind == "link":
        return
    needed = ("url", "issuer", "client_id") if auth.kind == "oidc" else ("url", "proxies")
    for key in needed:
        if not getattr(auth, key):
            yield f"console.auth.{key}: missing; console.auth.kind = {auth.kind} needs it"
    for key in ("url", "issuer"):
        address = urlsplit(getattr(auth, key))
        if getattr(auth, key) and address.scheme != "https" and address.hostname not in LOOPBACK:
            yield f"console.auth.{key} = {getattr(auth, key)}: expected https://..., since sessions go over it"


RULES: tuple[Callable[[Profile], Iterator[str]], ...] = (
    _tiers_fall, _names_differ, _windows_follow, _margin_fits, _forgotten_last, _ticks_fit, _names_are_there,
    _touches_need_nobody, _deadlines_follow, _latest_is_within_deduplication, _limits_fit, _challengers_differ,
    _promotion_is_possible, _complaints_follow, _strategies_fit,
    _strategies_cost_no_more, _economics_names_are_there, _console_can_be_entered,
)  # fmt: skip
