"""Cases end to end in memory: engines of several partitions and the dispatcher, with any policy, log and accident."""

from __future__ import annotations

import json
from functools import cache
from unittest.mock import patch

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from features.portable_math import Array
from schemas.instants import format_instant
from streams.cases import crossings
from streams.cases.columns import SENT
from streams.cases.decision import Scored
from streams.units.engine_unit import tick_us
from tests.cases import shops
from tests.cases.promises import FACTS, Outputs, by_customer
from tests.cases.shops import Policy, Sent
from tests.units import topics

PHASES = [Phase.explicit, Phase.reuse, Phase.generate]  # a run takes half a second: no shrinking
PERIODS = [
    ("1d", "1d", "1d"), ("6h", "6h", "6h"), ("6h", "1d", "2d"), ("1h", "6h", "12h"),
]  # fmt: skip
policies = st.builds(
    lambda periods, limited, seed, least: Policy(*periods, limited, seed, least),
    st.sampled_from(PERIODS), st.booleans(), st.integers(0, 9), st.sampled_from([0.0, 0.7]),
)  # fmt: skip
Crossed = set[tuple[str, str]]  # customer, crossed at


class Watched:
    """Every crossing that was decided, whatever the decision."""

    def __init__(self) -> None:
        self.crossed: Crossed = set()
        self.decide = crossings.Crossings.decide

    def __call__(self, self_: crossings.Crossings, scored: Scored, rows: Array, *rest: object) -> object:
        threshold = self_.profile.case.threshold
        crosses = (scored.probability > threshold) & ~(rows[SENT] > threshold)
        for i in np.flatnonzero(crosses).tolist():
            self.crossed.add((scored.names(int(scored.slots[i])), format_instant(int(scored.at_us[i]))))
        return self.decide(self_, scored, rows, *rest)  # type: ignore[arg-type]


@cache
def inputs(policy: Policy, seed: int) -> tuple[Sent, ...]:
    """Events, and a CRM's outcomes of the interventions that a run without a CRM sends."""
    events = shops.events(seed)
    first = run(policy, tuple(events), 1)
    interventions = [json.loads(value or b"") for value in first.topics.values("interventions")]
    return (*events, *shops.outcomes(seed, interventions))


def run(policy: Policy, sent: tuple[Sent, ...], partitions: int) -> Outputs:
    outputs = new(policy, sent, partitions)
    topics.finish(shops.owners(outputs.topics, outputs.profile), 3000)
    return outputs


def new(policy: Policy, sent: tuple[Sent, ...], partitions: int) -> Outputs:
    profile = shops.profile(policy)
    every_us = tick_us(profile, "event")
    return Outputs(profile, shops.filled(partitions, list(sent), every_us), list(sent), every_us)


def same(outputs: Outputs, wanted: Outputs) -> None:
    for topic in FACTS:
        assert by_customer(outputs.topics, topic) == by_customer(wanted.topics, topic), topic
    assert +outputs.counts() == +wanted.counts()


@settings(max_examples=8, phases=PHASES)
@given(policies, st.integers(0, 99))
def test_whatever_comes_in_the_promises_hold(policy: Policy, seed: int) -> None:
    run(policy, inputs(policy, seed), 1).check()


@settings(max_examples=4, phases=PHASES)
@given(policies, st.integers(0, 99))
def test_every_crossing_is_sent_or_withheld(policy: Policy, seed: int) -> None:
    sent = inputs(policy, seed)
    watched = Watched()
    with patch.object(crossings.Crossings, "decide", lambda *them: watched(*them)):
        outputs = run(policy, sent, 1)
    withheld_or_sent = [*outputs.parsed("interventions"), *outputs.parsed("interventions-withheld")]
    crossed = {one for one in watched.crossed if not outputs.erased[one[0]]}  # what waited for a grant may be erased
    answered = {(body["customer_id"], body["crossed_at"]) for body in withheld_or_sent}
    assert crossed <= answered, sorted(crossed - answered)


accidents = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["work", "work", "commit", "die"]), st.integers(1, 400)),
    min_size=10,
    max_size=80,
)


@settings(max_examples=6, phases=PHASES)
@given(policies, st.integers(0, 9), st.integers(1, 4), accidents, st.integers(40, 900))
def test_partitions_batches_and_restarts_change_nothing(
    policy: Policy, seed: int, partitions: int, plan: list[tuple[int, str, int]], most: int
) -> None:
    sent = inputs(policy, seed)
    outputs = new(policy, sent, partitions)
    owners = shops.owners(outputs.topics, outputs.profile)
    for number, action, records in plan:
        owner = owners[number % len(owners)]
        if action == "work":
            owner.work(records)
        elif action == "commit":
            owner.commit()
        else:
            owner.die()
    topics.finish(owners, most)
    same(outputs, run(policy, sent, 1))


@settings(max_examples=2, phases=PHASES)
@given(policies, st.integers(0, 9), st.integers(1, 3), st.integers(20, 200))
def test_a_new_owner_after_every_step_changes_nothing(policy: Policy, seed: int, partitions: int, most: int) -> None:
    sent = inputs(policy, seed)
    outputs = new(policy, sent, partitions)
    topics.finish_by_new_owners(shops.owners(outputs.topics, outputs.profile), most)
    same(outputs, run(policy, sent, 1))
