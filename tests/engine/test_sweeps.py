"""A sweep decides only about the few whom something may concern: with the result of deciding about all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from features.catalogue import NAMES
from features.portable_math import Array
from schemas.instants import DAY_US
from streams.cases.columns import ARMED, NEVER, OPENED, PENDING, POINTS, RETRY, SENT, SPEAKERS, TOUCHED, UPGRADE, WIDTH
from streams.cases.crossings import Crossings
from streams.cases.decision import Candidacy
from streams.cases.unheard import Unheard
from streams.engine.engine import Engine
from streams.interventions.opening import Withheld
from streams.profile.loading import load_profile
from tests.engine.test_engine import START_US, visits
from tests.online_model.worlds import lines

N, AT_US = 1000, START_US + 40 * DAY_US
RULES = ["gate.consent_when_unknown=true", "case.least_tenure=1d"]
HOLDS = (Withheld.NOTHING, Withheld.HISTORY, Withheld.CATCHING_UP)


def chosen(chance: np.random.Generator, *values: float, usual: float = 0.9) -> Array:
    """The first value mostly, else one of the others."""
    return np.where(chance.random(N) < usual, values[0], chance.choice(values, N))


def swept(profile: str, hold: Withheld, *, all_wait: bool, unheard: bool) -> Engine:
    """Customers with cases in every state, swept on two days."""
    chance = np.random.default_rng(hold)
    made = Engine(load_profile(profile, RULES), 0, DAY_US, waits_for_models=False)
    made.serve_model(lines(np.zeros(len(NAMES)), 0.0, np.zeros(len(NAMES))))  # one that is ready
    made.start(START_US)
    visits(made, 0, range(N))
    made.take_facts()
    borders = np.array(made.scoring.crossings._borders)
    p = np.clip(chance.choice(borders, N) + chance.normal(0, 0.1, N), 0.0, 1.0)
    cases = made.table.rows[:N, -WIDTH:]
    cases[:, SENT] = np.clip(p + chance.normal(0, 0.02, N), 0.0, 1.0)
    cases[chance.random(N) < 0.05, SENT] = np.nan
    cases[:, ARMED] = chosen(chance, 1.0, 0.0)
    cases[:, OPENED] = chosen(chance, NEVER, AT_US - DAY_US, AT_US - 39 * DAY_US)
    cases[:, PENDING] = chosen(chance, NEVER, AT_US - DAY_US, AT_US - 20 * DAY_US)
    cases[:, RETRY] = chosen(chance, NEVER, np.inf, AT_US - DAY_US, AT_US + DAY_US, AT_US)
    cases[:, UPGRADE] = chosen(chance, np.inf, *borders)
    cases[:, TOUCHED] = chosen(chance, NEVER, np.inf, AT_US - 3 * DAY_US)
    cases[:, POINTS] = chosen(chance, 0.0, 1.0, 3.0)
    cases[:, SPEAKERS] = chosen(chance, 1.0, 2.0)
    made.scoring.scorer.score = lambda raw: p[: raw.shape[1]]  # type: ignore[method-assign]
    made.scoring.crossings.all_wait = all_wait
    if unheard:
        made.scoring.crossings.unheard = Unheard(bits=2)
    made.table.dirty[:] = False
    for day in range(2):
        made.scoring.sweep(np.arange(N), AT_US + day * DAY_US, hold, Candidacy.NOT_NEEDED)
        made._flush()
        p[:] = chance.permutation(p)
    return made


@pytest.fixture
def deciding_on_all() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Crossings, "sorted_out", lambda _, scored, *more: (np.arange(len(scored.slots)), np.arange(0)))
        yield patch


@pytest.mark.parametrize("profile", ["after-sales", "e-commerce"])
@pytest.mark.parametrize("hold", HOLDS)
@pytest.mark.parametrize("all_wait", [False, True])
@pytest.mark.parametrize("unheard", [False, True])
def test_leaving_out_whom_nothing_concerns_changes_nothing(
    profile: str, hold: Withheld, all_wait: bool, unheard: bool, deciding_on_all: pytest.MonkeyPatch
) -> None:
    whole = swept(profile, hold, all_wait=all_wait, unheard=unheard)
    deciding_on_all.undo()
    made = swept(profile, hold, all_wait=all_wait, unheard=unheard)
    assert made.table.rows.tobytes() == whole.table.rows.tobytes()
    assert made.table.dirty.tolist() == whole.table.dirty.tolist()
    assert made.scoring.crossings.undecided == whole.scoring.crossings.undecided
    facts, expected = made.take_facts(), whole.take_facts()
    assert dict(sorted(facts.scores.items())) == dict(sorted(expected.scores.items()))
    facts.scores, expected.scores = {}, {}
    assert facts == expected
    assert made.counts == whole.counts
