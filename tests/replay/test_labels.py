"""Observed customers and labels equal those of an independent computation from the raw log.

`expected` is that reading: plain pandas, sharing no code with Keepline, not even its instants.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from tests.replay.runs import Run, replay, write_jsonl

DATA = Path(os.environ.get("KEEPLINE_DATA") or Path(__file__).parents[2] / ".." / "shared" / "data")


def expected(events: pd.DataFrame, retention: Sequence[str], horizon: str, lapsed: str) -> pd.DataFrame:
    """events: kind, customer_id, event_time -> customer_id, observed_at, label (missing: not matured)."""
    times = pd.to_datetime(events["event_time"], utc=True, format="ISO8601")
    events = events.assign(at=times)
    first, last = times.min(), times.max()
    stays = events[events["kind"].isin(retention)]
    lapse, wait = (pd.Timedelta(text.replace("d", "D")) for text in (lapsed, horizon))
    rows = []
    for monday in pd.date_range(first.ceil("D"), last, freq="W-MON"):
        active = stays[(stays["at"] <= monday) & (stays["at"] >= monday - lapse)]
        until = monday + wait
        again = set(stays.loc[(stays["at"] > monday) & (stays["at"] <= until), "customer_id"])
        customers = active["customer_id"].unique()
        rows += [(name, monday, float(name not in again) if until <= last else None) for name in customers]
    table = pd.DataFrame(rows, columns=["customer_id", "observed_at", "label"])
    return table.astype({"label": "float64"}).sort_values(["observed_at", "customer_id"], ignore_index=True)


def found(run: Run) -> pd.DataFrame:
    """The same table out of a replay."""
    table = run.examples[["customer_id", "observed_at", "label"]].astype({"customer_id": object, "label": "float64"})
    table["observed_at"] = table["observed_at"].astype("datetime64[ns, UTC]")
    return table.sort_values(["observed_at", "customer_id"], ignore_index=True)


def same(run: Run, wanted: pd.DataFrame) -> None:
    """Equal row by row, and so are the counts of the summary."""
    wanted = wanted.astype({"customer_id": object, "observed_at": "datetime64[ns, UTC]"})
    pd.testing.assert_frame_equal(found(run), wanted)
    labels = wanted["label"].dropna()
    assert (run.summary["observations"], run.summary["labelled"]) == (len(wanted), len(labels))
    assert run.summary["base_rate"] == (pytest.approx(labels.mean()) if len(labels) else None)


def small_log(seed: int) -> pd.DataFrame:
    """Half a year of thirty customers; times so coarse that they fall on Mondays, lapses and horizons exactly."""
    chance = random.Random(seed)
    start = pd.Timestamp("2024-01-01T00:00:00Z") + pd.Timedelta(hours=6 * chance.randrange(28))
    kinds = ["service_visit", "service_visit", "app_activity", "survey"]
    rows = []
    for _ in range(400):
        after = pd.Timedelta(hours=6 * chance.randrange(4 * 182))
        name = f"c{min(chance.randrange(30), chance.randrange(30)):02d}"
        rows.append((chance.choice(kinds), name, (start + after).isoformat()))
    table = pd.DataFrame(rows, columns=["kind", "customer_id", "event_time"])
    return table.sort_values("event_time", ignore_index=True)


def written(folder: Path, table: pd.DataFrame) -> list[Path]:
    """One jsonl of all kinds, with what the other kinds need."""
    extra = {"app_activity": {"activity_type": "browse"}, "survey": {"survey_type": "nps", "score": 7}}
    common = {"schema_version": 1, "producer": "test"}
    events = [
        row | common | {"event_id": str(number)} | extra.get(row["kind"], {})
        for number, row in enumerate(table.to_dict("records"))
    ]
    return [write_jsonl(folder / "events.jsonl", events)]


@pytest.mark.parametrize(
    ("seed", "retention", "horizon", "lapsed"),
    [
        (1, ["service_visit"], "28d", "56d"),
        (2, ["service_visit"], "12d", "30d"),  # a horizon that ends between Mondays
        (3, ["service_visit", "app_activity"], "7d", "14d"),
        (4, ["service_visit"], "60h", "90h"),  # neither is whole days
        (5, ["survey"], "91d", "7d"),
        (6, ["service_visit"], "200d", "400d"),  # nothing matures
    ],
)
def test_a_small_log(tmp_path: Path, seed: int, retention: list[str], horizon: str, lapsed: str) -> None:
    table = small_log(seed)
    settings = [
        f"label.horizon={horizon}",
        f"label.lapsed_after={lapsed}",
        f"label.retention_events={','.join(retention)}",
        "model.min_labels=50",
        "model.min_labels_of_a_class=5",
    ]
    run = replay(tmp_path / "out", written(tmp_path, table), settings)
    same(run, expected(table, retention, horizon, lapsed))


def data(folder: str, files: Sequence[str]) -> list[Path]:
    """Real logs, where they are."""
    paths = [DATA / folder / f"{name}.csv.gz" for name in files]
    if missing := [path for path in paths if not path.exists()]:
        pytest.skip(f"{missing[0].resolve()} is not there: KEEPLINE_DATA names the folder of the real logs")
    return paths


def test_cdnow(tmp_path: Path) -> None:
    paths = data("cdnow", ["service_visits"])
    run = replay(tmp_path / "out", paths, ["label.horizon=90d", "label.lapsed_after=180d"], "e-commerce", scores=False)
    table = pd.read_csv(paths[0], dtype={"customer_id": str}).assign(kind="service_visit")
    same(run, expected(table, ["service_visit"], "90d", "180d"))


def test_oulad(tmp_path: Path) -> None:
    kinds, retention = ["app_activity", "service_visit", "survey"], ["service_visit", "app_activity"]
    paths = data("oulad", ["app_activity", "service_visits", "surveys"])
    settings = ["label.horizon=28d", "label.lapsed_after=60d", f"label.retention_events={','.join(retention)}"]
    run = replay(tmp_path / "out", paths, settings, "e-commerce", scores=False)
    table = pd.concat(pd.read_csv(path).assign(kind=kind) for path, kind in zip(paths, kinds, strict=True))
    same(run, expected(table, retention, "28d", "60d"))
