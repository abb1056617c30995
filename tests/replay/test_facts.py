"""Every reason that a replay gives is true of the raw log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from schemas.instants import parse_instant
from streams.simulation import write_city
from tests.replay.recount import RawLog
from tests.replay.runs import replay
from tests.replay.test_labels import data
from tests.replay.test_real_logs import FEW, LOGS, thinned

LEAST = 0.05
START_US = parse_instant("2023-01-02T00:00:00Z")
KINDS = {"service_visits": "service_visit", "app_activity": "app_activity", "surveys": "survey"}
MESSAGES = ("interventions.jsonl", "interventions-withheld.jsonl", "intervention-updates.jsonl")


def messages(folder: Path) -> Iterator[dict[str, Any]]:
    """Those that give reasons: all but what was withheld while the model was not ready."""
    for name in MESSAGES:
        for line in (folder / name).read_bytes().splitlines():
            body = json.loads(line)
            if "reasons" in body and body.get("withheld_reason") != "model_not_ready":
                yield body


@pytest.fixture(scope="module", params=["city", *LOGS])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[RawLog, list[Any]]:
    """A log, and the messages that give reasons in a replay of it."""
    here = tmp_path_factory.mktemp("facts")
    if request.param == "city":
        write_city(here / "city", 400, 500, START_US, seed=5)
        paths = [path for path in sorted((here / "city").glob("*.jsonl")) if path.stem != "truth"]
        folder = replay(here / "out", paths, [*FEW, "model.least_auc=0.5"], "after-sales", scores=False).folder
        frames = [pd.DataFrame(map(json.loads, path.read_bytes().splitlines())) for path in paths]
    else:
        log, files, one_of, settings = LOGS[request.param]
        paths = [thinned(path, here, one_of) for path in data(log, files)]
        folder = replay(here / "out", paths, [*settings, *FEW], "e-commerce", scores=False).folder
        frames = [pd.read_csv(path, dtype={"customer_id": str}).assign(kind=KINDS[path.stem]) for path in paths]
    return RawLog(frames), list(messages(folder))


def test_every_fact_of_every_reason_is_what_counting_in_the_raw_log_gives(told: tuple[RawLog, list[Any]]) -> None:
    log, bodies = told
    reasons = [(body["customer_id"], one) for body in bodies for one in body["reasons"] + body["reasons_against"]]
    assert len(reasons) > 100
    differences = [said for customer, reason in reasons for said in log.differences(customer, reason)]
    assert not differences, f"{len(differences)} of {len(reasons)}: {differences[:5]}"


def test_reasons_raise_the_risk_and_what_lowers_it_stands_apart(told: tuple[RawLog, list[Any]]) -> None:
    for body in told[1]:
        assert all(reason["contribution"] >= LEAST for reason in body["reasons"])
        assert all(reason["contribution"] <= -LEAST for reason in body["reasons_against"])


@pytest.mark.parametrize("told", ["city"], indirect=True)
def test_most_messages_of_a_city_give_at_least_two_reasons(told: tuple[RawLog, list[Any]]) -> None:
    """Not asked of real logs: one kind of events is one topic for sentences, and where the base rate is above the
    threshold every case is below the average risk: nothing raises it.
    """
    bodies = [body for body in told[1] if body["average_log_odds"] < -1.0]
    assert len(bodies) > 20
    assert len([body for body in bodies if len(body["reasons"]) >= 2]) >= 0.9 * len(bodies)
