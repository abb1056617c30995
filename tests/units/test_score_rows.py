"""Published scores are the JSON that a library would write, with the shortest digits that give the same number."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.names import ListedNames
from streams.units.score_rows import score_rows

AT_US = 1_700_000_000_000_000
CHANCE = np.random.default_rng(1)


def names(*them: str) -> ListedNames:
    made = ListedNames()
    made.add(them)
    return made


def row(p: float, name: str = "c1", version: int = 3) -> bytes:
    ((key, value),) = score_rows({1: (AT_US, p, version)}, names("", name), 'shop "a"-1')
    assert key == name.encode()
    assert value is not None
    return value


@given(st.floats(0.0, 1.0, exclude_min=True), st.text(min_size=1))
def test_a_score_is_the_json_of_its_fields(p: float, name: str) -> None:
    found = json.loads(row(p, name))
    assert found == {
        "schema_version": 1,
        "customer_id": name,
        "scored_at": "2023-11-14T22:13:20Z",
        "probability": p,
        "model_version": 3,
        "policy_version": 'shop "a"-1',
    }


def test_numbers_are_written_as_python_writes_them() -> None:
    edges = [1e-4, np.nextafter(1e-4, 0), 1e-5, 2.06e-9, 0.1, 0.5, np.nextafter(1.0, 0)]
    spread = 1.0 / (1.0 + np.exp(CHANCE.uniform(-20, 20, 20_000)))
    for p in [*map(float, edges), *spread.tolist()]:
        assert b'"probability":%r,' % p in row(p)


def test_who_was_forgotten_has_no_score() -> None:
    assert score_rows({0: None}, names("c0"), "") == [(b"c0", None)]


@given(st.dictionaries(st.text(min_size=1), st.floats(0.0, 1.0, exclude_min=True), min_size=1))
def test_scores_of_a_batch_are_those_of_each_alone(scores: dict[str, float]) -> None:
    of_all = {slot: (AT_US, p, 3) for slot, p in enumerate(scores.values())}
    found = score_rows(of_all, names(*scores), 'shop "a"-1')
    assert found == [(name.encode(), row(p, name)) for name, p in scores.items()]
