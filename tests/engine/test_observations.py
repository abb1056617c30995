"""Observations of a grid instant: by the model of that instant in event time, by the model in force live."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from features.catalogue import NAMES
from features.histograms import WATCHED, count
from online_model.scorer import Scorer
from online_model.snapshot import Snapshot
from schemas.columns import empty_rows
from schemas.instants import DAY_US, format_instant, parse_instant
from streams.cases.columns import SENT, WIDTH
from streams.engine.engine import Engine
from streams.engine.observations import examples_of
from streams.inputs.schedule import Schedule, is_grid, next_grid
from streams.profile.loading import load_profile
from streams.profile.profile import Profile
from streams.units.sources import LABELLED, MODELS, OBSERVATIONS
from tests.engine.test_engine import BUSY_DAYS, CUSTOMERS, START_US, engine, visits
from tests.online_model.worlds import learner
from tests.units import topics as logs
from tests.units.topics import KINDS, PROFILE, Topics, mark

PARTITIONS = 2


# a horizon that ends on Mondays and one that does not
PROFILES = [PROFILE, load_profile("after-sales", ["label.horizon=14d", "label.lapsed_after=20d"])]


@cache
def calm(profile: Profile = PROFILE) -> Topics:
    topics = logs.filled(PARTITIONS)
    logs.finish(logs.owners(topics, profile))
    return topics


def versions(topics: Topics) -> dict[int, Snapshot]:
    """Returns the snapshots by instant."""
    found = (Snapshot.loads(record.value or b"") for record in topics.records[MODELS, 0])
    return {one.instant_us: one for one in found}


def bodies_of(topics: Topics, topic: str, partition: int = 0) -> list[dict[str, Any]]:
    return [json.loads(record.value or b"") for record in topics.records[topic, partition]]


def observed(topics: Topics) -> list[dict[str, Any]]:
    """Blocks of all partitions."""
    bodies = [body for partition in range(topics.partitions) for body in bodies_of(topics, OBSERVATIONS, partition)]
    return [body for body in bodies if "customers" in body]


@pytest.mark.parametrize("profile", PROFILES, ids=["10d", "14d"])
def test_an_observation_carries_the_version_that_was_learned_from_the_labels_matured_at_its_instant(
    profile: Profile,
) -> None:
    made, learned = versions(calm(profile)), 0
    for block in observed(calm(profile)):
        at_us = parse_instant(block["observed_at"])
        model = made[at_us]
        assert block["model_version"] == model.version
        last_us = next_grid(at_us - profile.label.horizon_us) - 7 * DAY_US  # whose horizon is over
        if last_us >= min(made):
            assert model.lineage.observed is not None
            assert model.lineage.observed[1] == last_us
            learned += 1
    assert learned > 10


def test_an_observation_is_what_that_version_says_with_the_population_of_the_instant() -> None:
    for block in observed(calm()):
        e, model = examples_of(block), versions(calm())[parse_instant(block["observed_at"])]
        scorer, raw = Scorer(model), e.features.copy()
        scorer.complete(raw)
        assert raw.tolist() == e.features.tolist()
        assert scorer.score(raw).tolist() == e.probability.tolist()
        assert scorer.knows_population


def test_labels_and_report_of_an_instant_are_out_before_its_observations() -> None:
    topics = logs.filled(PARTITIONS)
    owner = logs.owners(topics)[0]
    while not owner.unit.waiting:
        owner.work(5)
    owner.commit()
    assert [body["kind"] for body in bodies_of(topics, LABELLED)] == ["mark"]
    assert bodies_of(topics, OBSERVATIONS) == []


@pytest.mark.parametrize("dies", [False, True])
def test_an_input_that_ends_on_a_monday_has_its_observations(dies: bool) -> None:
    topics = Topics(1)
    event = KINDS["service-visits"] | {"event_id": "e", "customer_id": "c1", "event_time": "2024-01-03T08:00:00Z"}
    topics.append("service-visits", 0, [(b"c1", json.dumps(event | {"schema_version": 1, "producer": "p"}).encode())])
    topics.everywhere(mark("end", parse_instant("2024-01-08T00:00:00Z")))
    owners = logs.owners(topics)
    if dies:
        logs.finish_by_new_owners(owners, 1)
    else:
        logs.finish(owners)
    block, end = bodies_of(topics, OBSERVATIONS)
    assert (block["observed_at"], block["customers"], block["model_version"]) == ("2024-01-08T00:00:00Z", ["c1"], 1)
    assert (end["kind"], end["instant"]) == ("mark", "2024-01-08T00:00:00Z")
    assert [body["kind"] for body in bodies_of(topics, LABELLED)] == ["mark", "end"]


def on_sunday(*, live: bool) -> tuple[Engine, int]:
    """An engine on the day before a Monday; its model predicts other scores than the published ones."""
    made, monday_us = engine(live=live), next_grid(START_US + BUSY_DAYS * DAY_US)
    visits(made, (monday_us - START_US) // DAY_US - 2, range(CUSTOMERS))  # whose silence is believed
    made.take_facts()
    made.serve_model(learner(4).snapshot(0))
    return made, monday_us


def test_live_nobody_waits_for_a_model_observations_are_those_of_the_one_in_hand() -> None:
    made, monday_us = on_sunday(live=True)
    made.step(empty_rows(0), monday_us, {})
    block, end = map(json.loads, made.take_facts().observations)
    assert made.model_due_us is None
    assert (block["observed_at"], block["model_version"]) == (format_instant(monday_us), made.scorer.snapshot.version)
    assert (len(block["customers"]), end["kind"]) == (CUSTOMERS, "mark")


@pytest.mark.parametrize("live", [True, False])
def test_scores_are_counted_as_they_were_published_last(live: bool) -> None:
    made, monday_us = on_sunday(live=live)
    published = made.table.rows[:CUSTOMERS, SENT - WIDTH].copy()
    made.step(empty_rows(0), monday_us, {})
    x = np.zeros((len(NAMES), CUSTOMERS))
    assert made.report.histograms[-1].tolist() == count(x, published)[-1].tolist()
    if live:
        sent = made.table.rows[:CUSTOMERS, SENT - WIDTH]
        assert made.report.histograms[-1].tolist() != count(x, sent)[-1].tolist()


def test_a_customer_without_a_score_is_counted_without_it() -> None:
    made, monday_us = on_sunday(live=False)
    made.table.rows[0, SENT - WIDTH] = np.nan
    made.step(empty_rows(0), monday_us, {})
    assert made.report.histograms.sum(axis=1).tolist() == [CUSTOMERS] * len(WATCHED) + [CUSTOMERS - 1]


def test_where_customers_are_observed_they_are_swept_by_the_same_scores() -> None:
    made, monday_us = on_sunday(live=False)
    made.keeps_sweeps = True
    made.step(empty_rows(0), monday_us, {})
    assert made.take_facts().observations == made.sweeps == []
    made.apply_model(replace(made.scorer.snapshot, instant_us=monday_us))
    ((at_us, slots, probability),) = made.sweeps
    e = examples_of(json.loads(made.take_facts().observations[0]))
    assert (at_us, [made.table.names[slot] for slot in slots.tolist()]) == (e.observed_us, e.customers)
    assert probability.tolist() == e.probability.tolist()


def test_a_monday_is_a_sweep_however_seldom_there_is_one() -> None:
    schedule = Schedule(sweep_every_us=3 * DAY_US, horizon_us=10 * DAY_US)
    days = [day for day in range(20_000, 20_042) if schedule.is_sweep(day * DAY_US)]
    assert days == [day for day in range(20_000, 20_042) if day % 3 == 0 or is_grid(day * DAY_US)]
    assert len(days) > 14
