"""Of a large company a sample is observed: the same for any partitions, and all customers count as cohorts."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from online_model.instant_sample import halvings
from tests.units import topics as logs
from tests.units.topics import Topics

MOST = 10  # of the 24 customers


def run(partitions: int) -> Topics:
    topics = logs.filled(partitions)
    logs.finish(logs.owners(topics))
    return topics


def observed(topics: Topics) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for body in bodies(topics, "observations"):
        if "customers" in body:
            found.setdefault(body["observed_at"], set()).update(body["customers"])
    return found


def bodies(topics: Topics, topic: str) -> list[dict[str, Any]]:
    return [json.loads(value or b"") for value in topics.values(topic)]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.engine.engine.halvings", partial(halvings, most=MOST))


@pytest.mark.usefixtures("few")
def test_partitions_observe_the_same_sample_and_learn_the_same_from_it() -> None:
    one, two = run(1), run(2)
    assert observed(one) == observed(two)
    models = [[json.loads(record.value or b"") for record in topics.records["models", 0]] for topics in (one, two)]
    assert [model["parameters"] for model in models[0]] == [model["parameters"] for model in models[1]]


def test_a_sample_is_observed_of_those_whom_a_small_company_observes(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(1)
    monkeypatch.setattr("streams.engine.engine.halvings", partial(halvings, most=MOST))
    sampled = run(1)
    _, second, third, *_ = sorted(observed(whole))
    assert observed(sampled)[second] < observed(whole)[second]
    cohorts = [
        {body["instant"]: body["returns"] for body in bodies(topics, "labelled-examples") if body["kind"] == "mark"}
        for topics in (sampled, whole)
    ]
    assert customers(cohorts[0][third]) == customers(cohorts[1][third])


def customers(returns: list[list[int]]) -> dict[int, int]:
    """Customers of each cohort."""
    return {observed_us: counted for observed_us, counted, *_ in returns}
