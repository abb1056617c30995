"""A shop with every rule of a case at once, made small by a seed: its profile, its logs, and owners of its units.

The models are set by hand, one for each Monday, so that silence of a few days makes a customer cross.
"""

from __future__ import annotations

import json
import random
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from features.catalogue import NAMES
from online_model.snapshot import Snapshot
from schemas.events import TOPIC_OF_KIND
from schemas.instants import DAY_US, HOUR_US, format_instant, parse_instant
from streams.engine.backlog import Rank, last_ranks
from streams.inputs.schedule import next_grid
from streams.interventions.stop_loss import Judged, added
from streams.profile import consistency
from streams.profile.layers import SHIPPED_IN
from streams.profile.profile import Profile
from streams.units.dispatcher_unit import DispatcherUnit
from streams.units.engine_unit import EngineUnit
from streams.units.sources import INPUTS, LABELLED, MODELS
from tests.online_model.worlds import lines
from tests.units.topics import Owner, Topics, mark

START_US = parse_instant("2024-03-28T00:00:00Z")  # Europe changes its clocks on the 31st
DAYS, QUIET_DAYS, CUSTOMERS = 24, 30, 12
CHANNELS = ("app", "sms", "wechat", "mail", "phone")
ZONES = ("Asia/Shanghai", "Europe/London", "America/New_York", "Asia/Kathmandu", "Pacific/Auckland")
SCOPES, AGENTS = ("city-1", "city-2"), ("agent-1", "agent-2")
ACTIVITIES = ("browse", "coupon_claimed", "complaint_opened", "campaign_joined", "review_posted", "complaint_resolved")
CAUSES = ("price", "price", "service", "distance", "vehicle_sold")
STATUSES = ("acknowledged", "contacted", "responded", "declined", "saved", "lost")
WINDOWS = (("2d", 0.62), ("4d", 0.55), ("6d", 0.38), ("8d", 0.22))
Event = dict[str, Any]


@dataclass(frozen=True)
class Policy:
    """What may differ between two shops."""

    tick: str = "1d"
    sweep: str = "1d"
    every: str = "1d"
    limited: bool = True
    seed: int = 0
    least_saved: float = 0.4


def profile(policy: Policy) -> Profile:
    """A shop in which everything happens within days; its limits and caps by the seed."""
    draw, content = random.Random(f"policy {policy.seed}"), shipped()
    content["case"]["backlog_a_day"] = draw.choice([1, 2])
    content["label"] |= {"horizon": "7d", "lapsed_after": "15d", "forgotten_after": "22d"}
    content["time"] |= {"tick": policy.tick, "sweep_every": policy.sweep}
    content["case"] |= {"cool_down": "3d", "least_tenure": "1d", "acknowledge_within": "12h", "contact_within": "1d"}
    content["case"] |= {"save_horizon": "3d", "bought_again_within": "3d", "stayed_within": "7d"}
    content["case"]["windows"] = [{"within": within, "saved": saved} for within, saved in WINDOWS]
    for step, after in zip(content["steps"], ("1d", "30h"), strict=True):
        step["after"] = after
    content["gate"]["consent_when_unknown"] = draw.random() < 0.7
    content["gate"]["holdout_share"] = draw.choice([0.0, 0.3])
    most, within = draw.choice([1, 2]), draw.choice(["2d", "5d"])
    content["gate"]["caps"] = [
        {"name": channel, "channel": channel, "most": most, "within": within} for channel in ("app", "mail", "phone")
    ]
    content["limits"] = {"every": policy.every} | (limits(draw) if policy.limited else {})
    content["touches"]["cool_down"] = draw.choice(["1us", "3d"])
    for point in content["touch_points"]:
        point["after"] = draw.choice(["2d", "5d"])
    content["complaints"] |= {"due_within": "12h", "expires_after": "12d"}
    content["stop_loss"] = {"least_saved": policy.least_saved, "least_judged": 2}
    made = Profile.model_validate(content)
    assert not [sentence for rule in consistency.RULES for sentence in rule(made)]
    return made


def limits(draw: random.Random) -> dict[str, Any]:
    amounts, period = draw.choice([(700, 1500), (1100, 900), (4000, 9000)]), draw.choice(["day", "week", "month"])
    budgets = [{"name": "one", "scope": "city-1", "amount": amounts[0], "period": period}]
    budgets += [{"name": "all", "amount": amounts[1], "period": draw.choice(["day", "week", "month"])}]
    teams = [{"name": "service", "who": "customer service", "agents": draw.choice([1, 2]), "cases_a_day": 1}]
    teams += [{"name": "advisers", "who": "own adviser", "scope": "city-1", "agents": 2, "cases_a_day": 1}]
    return {"budgets": budgets, "teams": teams}


def shipped() -> dict[str, Any]:
    return tomllib.loads((SHIPPED_IN / "e-commerce.toml").read_text())


def models() -> list[Snapshot]:
    """A model for each Monday: on the days since the last purchase, with a different weight each week."""
    made, at_us, end_us = [], next_grid(START_US), START_US + (DAYS + QUIET_DAYS) * DAY_US
    names, nothing = np.array(NAMES), np.zeros(len(NAMES))
    while at_us <= end_us:
        patience = random.Random(at_us).choice([2.0, 3.5, 5.0])
        weights = np.where(names == "retained_recency", 3.0, np.where(names == "silence", 0.6, 0.0))
        intercept = -3.6 * float(np.log1p(patience))
        made.append(replace(lines(weights, intercept, nothing), instant_us=at_us))
        at_us = next_grid(at_us)
    return [replace(model, version=i + 1) for i, model in enumerate(made)]


@dataclass(frozen=True)
class Sent:
    """An event and the day on which its record comes."""

    day: int
    customer: int
    event: Event

    @property
    def known_us(self) -> int:
        """When it comes: what is late comes after the heartbeat of its day."""
        return max(parse_instant(self.event["event_time"]), START_US + self.day * DAY_US + 1)


def events(seed: int) -> list[Sent]:
    """Purchases, activity, surveys and profiles; some late, some twice. Some kinds of activity come late or never."""
    draw = random.Random(f"events {seed}")
    begins = {kind: draw.choice([0, 9, DAYS]) for kind in ACTIVITIES[3:]}
    sent = [
        one
        for day in range(DAYS)
        for customer in range(CUSTOMERS)
        for one in _of_day(draw, day, customer)
        if day >= begins.get(one.event.get("activity_type", ""), 0)
    ]
    return sent + [replace(one, day=min(one.day + draw.randrange(3), DAYS)) for one in draw.sample(sent, 6)]


def _of_day(draw: random.Random, day: int, customer: int) -> Iterator[Sent]:
    kinds = {"service_visit": 0.22, "app_activity": 0.25, "survey": 0.05, "customer_profile": 0.07}
    for kind, share in kinds.items():
        if draw.random() < (1.0 if day == 0 and kind == "service_visit" else share):
            late = draw.randrange(1, 4) if day > 4 and draw.random() < 0.08 else 0
            at_us = START_US + (day - late) * DAY_US + draw.randrange(1, DAY_US)
            yield Sent(day, customer, _event(kind, customer, f"{kind}-{day}", at_us) | _fields(draw, kind))


def _fields(draw: random.Random, kind: str) -> Event:
    if kind == "customer_profile":
        consent = {channel: draw.random() < 0.7 for channel in CHANNELS if draw.random() < 0.8}
        if draw.random() < 0.1:
            return draw.choice([{}, {"erased": "asked for it"}])
        return {
            "scope": draw.choice(SCOPES), "time_zone": draw.choice(ZONES), "consent": consent,
            "preferred_channel": draw.choice(CHANNELS), "value": draw.choice([500.0, 3000.0, 9000.0]),
            "agent_id": draw.choice([*AGENTS, None]),
        }  # fmt: skip
    fields: dict[str, Event] = {
        "service_visit": {"amount": 120.5, "items": 2},
        "app_activity": {"activity_type": draw.choice(ACTIVITIES)},
        "survey": {"survey_type": "nps", "score": 3, "causes": [draw.choice(CAUSES)]},
    }
    return fields[kind]


def _event(kind: str, customer: int, name: str, at_us: int) -> Event:
    common = {"event_id": f"{name}-{customer}", "schema_version": 1, "producer": "test", "kind": kind}
    return common | {"customer_id": f"c{customer}", "event_time": format_instant(at_us)}


def outcomes(seed: int, interventions: list[dict[str, Any]]) -> list[Sent]:
    """Outcomes of an unreliable CRM: late, out of order, repeated, of unknown cases."""
    draw, sent = random.Random(f"outcomes {seed}"), []
    for number, case in enumerate(interventions):
        customer, at_us = int(case["customer_id"][1:]), parse_instant(case["decided_at"])
        for status in draw.sample(STATUSES, draw.randrange(4)):
            at_us += draw.randrange(-6 * HOUR_US, 3 * DAY_US)
            day = (at_us - START_US) // DAY_US + draw.choice([0, 0, 2])
            name = case["intervention_id"] if draw.random() < 0.95 else "nobody's"
            more = {"intervention_id": name, "status": status, "agent_id": draw.choice([*AGENTS, None])}
            more |= {
                "causes": draw.choice([None, None, ["price"], ["vehicle_sold"]]),
                "cost": draw.choice([None, 12.5]),
            }
            sent.append(
                Sent(day, customer, _event("intervention_outcome", customer, f"{number}-{status}", at_us) | more)
            )
    return sent


def filled(partitions: int, sent: list[Sent], tick_us: int) -> Topics:
    """The logs: heartbeats of every tick to every partition, so that what is late is late anywhere."""
    topics, by_day = Topics(partitions), sorted(sent, key=lambda one: one.day)
    for day in range(DAYS + QUIET_DAYS):
        today = sorted((one for one in by_day if one.day == day), key=lambda one: one.known_us)
        for start_us in range(START_US + day * DAY_US, START_US + (day + 1) * DAY_US, tick_us):
            _everywhere(topics, mark("heartbeat", start_us))
            while today and today[0].known_us <= start_us + tick_us:
                one = today.pop(0)
                place = TOPIC_OF_KIND[one.event["kind"]], one.customer % partitions
                topics.append(*place, [(one.event["customer_id"].encode(), json.dumps(one.event).encode())])
    _everywhere(topics, mark("end", START_US + (DAYS + QUIET_DAYS) * DAY_US))
    return topics


def _everywhere(topics: Topics, value: bytes) -> None:
    for topic in INPUTS:
        for partition in range(topics.partitions):
            topics.append(topic, partition, [(None, value)])


class Teacher:
    """Takes the learner's place: the model of a Monday comes when every partition has reported it."""

    def __init__(self, topics: Topics, profile: Profile) -> None:
        self.topics, self.profile, self.models, self.read = topics, profile, models(), 0
        self.unit = SimpleNamespace(done=True, steps=0)
        self.reports: Counter[str] = Counter()
        self.judged: dict[str, Judged] = defaultdict(dict)  # by instant
        self.all_judged: Judged = {}
        self.published: dict[str, int] = {}
        self.ranks: dict[str, list[Rank]] = defaultdict(list)  # in the backlog, by instant

    def work(self, most: int) -> int:
        """Reads all records, whatever `most` is."""
        new = self.topics.records[LABELLED, 0][self.read :]
        self.read += len(new)
        for record in new:
            body = json.loads(record.value or b"")
            if body["kind"] == "mark":
                for kind in body["seen"]:
                    self.published.setdefault(kind, parse_instant(body["instant"]))
                self.ranks[body["instant"]] += [(value, digest) for value, digest in body["backlog"]]
                self._report(body["instant"], body["judged"])
        return len(new)

    def commit(self) -> None:
        """Does nothing: outputs are written when they are made."""

    def die(self) -> None:
        """Does nothing: a restart of the learner is not tested here."""

    def _report(self, instant: str, judged: Judged) -> None:
        self.reports[instant] += 1
        self.judged[instant] = added(self.judged[instant], judged)
        for model in self.models if self.reports[instant] == self.topics.partitions else ():
            if model.instant_us == parse_instant(instant):
                self.all_judged = added(self.all_judged, self.judged[instant])
                published = {k: us for k, us in self.published.items() if us <= model.instant_us}
                backlog = last_ranks(self.ranks[instant], self.profile.case.backlog_a_day)
                value = replace(model, judged=self.all_judged, published=published, backlog=backlog).dumps()
                for partition in range(self.topics.partitions):
                    self.topics.append(MODELS, partition, [(b"model", value)])


def owners(topics: Topics, profile: Profile) -> list[Any]:
    """The engines, the teacher, and the dispatcher where there is something to share."""
    engines = [Owner(_engine(profile, partition), topics) for partition in range(topics.partitions)]
    dispatcher = Owner(lambda: DispatcherUnit(profile, topics.partitions, "event"), topics)  # type: ignore[arg-type, return-value]
    return [*engines, Teacher(topics, profile), *([dispatcher] if profile.limits.shared else [])]


def _engine(profile: Profile, partition: int) -> Callable[[], EngineUnit]:
    return lambda: EngineUnit(profile, partition, "event")
