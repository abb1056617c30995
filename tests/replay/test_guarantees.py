"""What a replay guarantees, each tried on a small city."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from tests.replay.runs import SHORT, Event, Run, replay, replay_unsorted, same_facts, visit, write_jsonl

ROOT = Path(__file__).parents[2]
VISIT = visit("c1", "2024-03-06T10:00:00Z", amount=12.5)
GRID = "2024-03-04T00:00:00Z"  # a Monday


def time_of(event: Event) -> datetime:
    return datetime.fromisoformat(event["event_time"])


def test_the_city_has_all_that_the_other_tests_are_about(base: Run) -> None:
    counts = base.summary
    assert counts["interventions"] > 20
    assert counts["interventions_withheld"] > 20
    assert counts["labelled"] < counts["observations"]
    assert len(base.scores) > 1000
    assert {reason["withheld_reason"] for reason in base.lines("interventions-withheld.jsonl")} >= {
        "model_not_ready",
        "tenure",
    }


def test_the_same_input_gives_the_same_bytes(log: Path, base: Run, tmp_path: Path) -> None:
    again = replay(tmp_path / "again", [log])
    assert again.tables == base.tables
    assert again.measures == base.measures


def in_a_process(out: Path, log: Path, environment: dict[str, str]) -> Run:
    options = [word for setting in SHORT for word in ("--set", setting)]
    command = [sys.executable, "-m", "streams.cli", "replay", str(log), "--scores", "--out", str(out), *options]
    subprocess.run(command, env=os.environ | environment, check=True, capture_output=True, cwd=ROOT)
    return Run(out)


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "1"},
        {"NPY_DISABLE_CPU_FEATURES": " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name])},
        {"OPENBLAS_CORETYPE": "Nehalem", "OPENBLAS_NUM_THREADS": "1"},
        {"KEEPLINE_COMPILED": "off"},
    ],
    ids=lambda environment: next(iter(environment)),
)
def test_neither_hashes_nor_the_processor_nor_compiled_code_show(
    log: Path, base: Run, tmp_path: Path, environment: dict[str, str]
) -> None:
    other = in_a_process(tmp_path / "out", log, environment)
    assert other.tables == base.tables
    assert other.measures == base.measures


@pytest.mark.parametrize(
    "cut", ["2024-04-01T00:00:00Z", "2024-04-15T13:37:00Z", "2024-05-19T23:59:59Z", "2024-05-30T02:00:00Z"]
)
def test_nobody_looks_ahead(events: list[Event], base: Run, tmp_path: Path, cut: str) -> None:
    kept = [event for event in events if event["event_time"] <= cut]
    short = replay(tmp_path / "out", [write_jsonl(tmp_path / "log.jsonl", kept)])
    for name in ("interventions.jsonl", "interventions-withheld.jsonl"):
        before = [line for line in base.lines(name) if line["emitted_at"] < cut]
        assert before == [line for line in short.lines(name) if line["emitted_at"] < cut]
    instant = pd.Timestamp(cut)
    before = base.scores[base.scores["scored_at"] < instant]
    pd.testing.assert_frame_equal(before, short.scores[short.scores["scored_at"] < instant], check_exact=True)
    same_examples(base, short, instant)


def same_examples(whole: Run, cut: Run, before: pd.Timestamp) -> None:
    """Those made before the cut; of the labels those that had matured by then."""
    order = ["observed_at", "customer_id"]
    a, b = (run.examples.sort_values(order, ignore_index=True) for run in (whole, cut))
    a, b = (table[table["observed_at"] < before].reset_index(drop=True) for table in (a, b))
    later = ["label", "treatment"]  # known at the horizon
    pd.testing.assert_frame_equal(a.drop(columns=later), b.drop(columns=later), check_exact=True)
    matured = b["label"].notna()
    assert matured.any()
    pd.testing.assert_frame_equal(a[later][matured], b[later][matured], check_dtype=False)


def adds_up(run: Run) -> bool:
    parts = ("events_applied", "events_duplicate", "events_late", "events_rejected")
    return bool(run.summary["events_read"] == sum(run.summary[name] for name in parts))


def test_the_counts_add_up(events: list[Event], tmp_path: Path) -> None:
    chance = random.Random(3)
    troubled: list[Event | str] = list(events)
    for _ in range(60):
        troubled.insert(chance.randrange(len(troubled)), chance.choice(events))  # late, sent twice, or both
    for _ in range(20):
        place = chance.randrange(len(troubled))
        troubled.insert(place, chance.choice(["{", "null", json.dumps(VISIT | {"amount": -1})]))
        troubled.append(events[-1 - chance.randrange(100)] | {"event_id": f"late {place}"})
        troubled.append(events[chance.randrange(1000)] | {"event_id": f"too late {place}"})
    run = replay_unsorted(tmp_path / "out", write_jsonl(tmp_path / "log.jsonl", troubled))
    assert run.summary["events_read"] == len(troubled)
    rules = Counter(letter["rule"] for letter in run.lines("dead-letters.jsonl"))
    assert run.summary["events_rejected"] == rules.total() == 20 + rules["too_late"]
    assert rules["too_late"] >= 20
    assert run.summary["events_late"] >= 20
    assert run.summary["events_duplicate"] > 0
    assert adds_up(run)


@pytest.mark.parametrize("days", [0, 1, 6], ids=["at once", "the day after", "after six days"])
def test_a_re_sent_event_changes_nothing(events: list[Event], base: Run, tmp_path: Path, days: int) -> None:
    chance, log = random.Random(days), list(events)
    again = [event for event in events[:2000] if chance.random() < 0.05]
    for event in again:
        until = (time_of(event) + timedelta(days=days)).isoformat()
        place = next(i for i, other in enumerate(log) if other is event)
        while log[place + 1]["event_time"] <= until:
            place += 1
        log.insert(place + 1, dict(event))
    run = replay(tmp_path / "out", [write_jsonl(tmp_path / "log.jsonl", log)])
    assert run.summary["events_duplicate"] == len(again) > 50
    assert run.tables == base.tables


def test_an_event_re_sent_with_another_content_counts_once_whatever_order_it_came_in(tmp_path: Path) -> None:
    early, late = (VISIT | {"event_time": f"2024-03-06T{hour}:00:00Z", "amount": 5.0 * hour} for hour in (10, 11))
    after = visit("c2", "2024-03-20T10:00:00Z")
    logs = [[early, late, after], [late, early, after]]
    one, other = (replay(tmp_path / f"{i}", [write_jsonl(tmp_path / f"{i}.jsonl", log)]) for i, log in enumerate(logs))
    assert one.summary["events_duplicate"] == other.summary["events_duplicate"] == 1
    assert one.tables == other.tables


def test_events_of_a_day_may_come_in_any_order(events: list[Event], base: Run, tmp_path: Path) -> None:
    chance = random.Random(5)

    def order(event: Event) -> tuple[str, float]:
        # a day ends with its last instant: midnight belongs to the day before
        return (time_of(event) - timedelta(microseconds=1)).date().isoformat(), chance.random()

    run = replay(tmp_path / "out", [write_jsonl(tmp_path / "log.jsonl", sorted(events, key=order))])
    assert run.summary["events_late"] == 0
    assert same_facts(run, base)


def test_a_late_event_lands_where_it_belongs(events: list[Event], base: Run, tmp_path: Path) -> None:
    place = next(i for i, e in enumerate(events) if e["kind"] == "service_visit" and e["event_time"] > "2024-03-05")
    late = events[place]
    arrival = next(i for i, e in enumerate(events) if e["event_time"] > "2024-03-11T12")
    log = events[:place] + events[place + 1 : arrival] + [late] + events[arrival:]
    run = replay_unsorted(tmp_path / "out", write_jsonl(tmp_path / "log.jsonl", log))
    assert run.summary["events_late"] == 1
    a, b = (features(one, late["customer_id"], "2024-04-07") for one in (base, run))
    assert len(a) > 0
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
    before = [features(one, late["customer_id"], "2024-03-05", "2024-03-12") for one in (base, run)]
    assert before[0].shape != before[1].shape or not np.allclose(*before)


def test_an_event_behind_what_is_remembered_is_refused_with_its_line(
    events: list[Event], base: Run, tmp_path: Path
) -> None:
    log = [*events, dict(events[0]), events[1] | {"event_id": "new"}]  # the first one has been applied, and forgotten
    run = replay_unsorted(tmp_path / "out", write_jsonl(tmp_path / "log.jsonl", log))
    letters = run.lines("dead-letters.jsonl")
    places = [(letter["file"], letter["line"], letter["field"], letter["rule"]) for letter in letters]
    assert places == [("log.jsonl", len(log) - i, "event_time", "too_late") for i in (1, 0)]
    assert {name: table for name, table in run.tables.items() if name != "dead-letters.jsonl"} == {
        name: table for name, table in base.tables.items() if name != "dead-letters.jsonl"
    }
    assert adds_up(run)


def features(run: Run, customer: str, after: str, until: str = "9999") -> np.ndarray:
    """(observations, features) of a customer; without RFM-B, which is about all of them."""
    table = run.examples.sort_values("observed_at")
    at = table["observed_at"].dt.strftime("%Y-%m-%d")
    mine = table[(table["customer_id"] == customer) & (at > after) & (at < until)]
    return mine.filter(like="f_").drop(columns="f_rfm_b").to_numpy()


BAD = [
    ('{"kind":"service_visit"', "value", "json"),
    (json.dumps(VISIT | {"amount": -1}), "amount", None),
    (json.dumps(VISIT | {"event_time": "yesterday"}), "event_time", None),
    (json.dumps(VISIT | {"kind": "invoice"}), "kind", "wrong_kind"),
    (json.dumps({name: value for name, value in VISIT.items() if name != "customer_id"}), "customer_id", None),
]


def test_every_bad_row_becomes_a_dead_letter_and_nothing_else_changes(
    events: list[Event], base: Run, tmp_path: Path
) -> None:
    log: list[Event | str] = [*events[:500], *[row for row, _, _ in BAD], *events[500:]]
    run = replay(tmp_path / "out", [write_jsonl(tmp_path / "log.jsonl", log)])
    letters = run.lines("dead-letters.jsonl")
    found = [(letter["file"], letter["line"], letter["field"]) for letter in letters]
    assert found == [("log.jsonl", line, field) for line, (_, field, _) in enumerate(BAD, 501)]
    for letter, (_, _, rule) in zip(letters, BAD, strict=True):
        assert letter["rule"] == rule or (rule is None and letter["rule"])
    assert run.summary["events_rejected"] == len(BAD)
    assert {k: v for k, v in run.tables.items() if k != "dead-letters.jsonl"} == {
        k: v for k, v in base.tables.items() if k != "dead-letters.jsonl"
    }


COLUMNS = "customer_id,event_time,amount\n"
SMALL = {
    "an empty log": ("log.jsonl", "", 0, 0),
    "a log of bad rows": ("log.jsonl", "{\nnull\n", 2, 0),
    "a table without rows": ("service_visits.csv", COLUMNS, 0, 0),
    "a table of bad rows": ("service_visits.csv", COLUMNS + "c1,never,3\n", 1, 0),
    "one event": ("log.jsonl", json.dumps(VISIT) + "\n", 1, 0),
    "one event at a grid instant": ("log.jsonl", json.dumps(VISIT | {"event_time": GRID}) + "\n", 1, 1),
    "the last event at a grid instant": (
        "service_visits.csv",
        f"{COLUMNS}c1,2024-02-14T09:00:00Z,1\nc2,{GRID},1\n",
        2,
        4,  # c1 on three Mondays, c2 on the last of them
    ),
    "a heartbeat alone": (
        "log.jsonl",
        json.dumps({"kind": "heartbeat", "event_time": GRID, "producer": "test"}) + "\n",
        0,
        0,
    ),
}


@pytest.mark.parametrize("name", SMALL)
def test_even_a_tiny_log_ends_with_a_summary(tmp_path: Path, name: str) -> None:
    file, text, rows, observations = SMALL[name]
    (tmp_path / file).write_text(text)
    run = replay(tmp_path / "out", [tmp_path / file], more=["--allow-refused", "1"])
    assert (run.summary["events_read"], run.summary["observations"]) == (rows, observations)
    assert adds_up(run)


def test_what_came_in_at_the_very_last_instant_is_observed_there(tmp_path: Path) -> None:
    run = replay(tmp_path / "out", [write_jsonl(tmp_path / "log.jsonl", [VISIT | {"event_time": GRID}])])
    assert run.examples[["customer_id", "label"]].isna().to_numpy().tolist() == [[False, True]]
    assert run.examples["observed_at"].tolist() == [pd.Timestamp(GRID)]


def test_a_monday_s_score_is_the_observation_s(base: Run) -> None:
    both = base.examples.merge(
        base.scores, left_on=["customer_id", "observed_at"], right_on=["customer_id", "scored_at"]
    )
    assert len(both) == len(base.examples) > 1000
    assert both["probability_x"].tolist() == both["probability_y"].tolist()


def write_csv(path: Path, events: Sequence[Event]) -> Path:
    columns = list(dict.fromkeys(name for event in events for name in event))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows({k: "|".join(v) if isinstance(v, list) else v for k, v in e.items()} for e in events)
    return path


@pytest.mark.parametrize("form", ["jsonl", "csv", "halves", "backwards"])
def test_how_events_are_spread_over_files_does_not_show(
    events: list[Event], base: Run, tmp_path: Path, form: str
) -> None:
    kinds = {"service_visits": "service_visit", "app_activity": "app_activity", "surveys": "survey"}
    by_kind = {stem: [event for event in events if event["kind"] == kind] for stem, kind in kinds.items()}
    if form == "csv":
        files = [write_csv(tmp_path / f"{stem}.csv", some) for stem, some in by_kind.items()]
    elif form == "halves":
        files = [write_jsonl(tmp_path / f"{i}.jsonl", events[i::2]) for i in range(2)]
    else:
        files = [write_jsonl(tmp_path / f"{stem}.jsonl", some) for stem, some in by_kind.items()]
    run = replay(tmp_path / "out", files[::-1] if form == "backwards" else files)
    assert same_facts(run, base)
