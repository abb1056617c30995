"""On real logs, thinned, with their own labels and with others that cannot be learned: never much worse than the
running base rate, overall and in the second half.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest

from features import population
from features.catalogue import NAMES
from features.matrix import scaled
from online_model.early_returns import STAYS, Returns
from online_model.examples import Examples
from online_model.scorer import Scorer
from streams.profile.loading import load_profile
from streams.profile.profile import Profile
from streams.units.learner_unit import LearnerUnit
from tests.replay.runs import replay
from tests.replay.test_labels import data

WEEK_US = 7 * 86_400_000_000
FEW = ("model.min_labels=50", "model.min_labels_of_a_class=5")
BOTH = "label.retention_events=service_visit,app_activity"
OULAD = ("app_activity", "service_visits", "surveys")
Labels = Callable[["Observed"], np.ndarray]


@dataclass(frozen=True)
class Observed:
    """The labelled observations of a replay, by instant and customer."""

    profile: Profile
    at_us: np.ndarray
    customers: list[str]
    raw: np.ndarray  # (features, n)
    label: np.ndarray

    def weeks(self) -> Iterator[tuple[int, slice]]:
        """Each instant and its rows."""
        for at_us in np.unique(self.at_us).tolist():
            yield at_us, slice(*np.searchsorted(self.at_us, [at_us, at_us + 1]))


# name: folder, files, one customer of so many, settings
LOGS: dict[str, tuple[str, tuple[str, ...], int, tuple[str, ...]]] = {
    "oulad, visits alone": ("oulad", OULAD, 8, ("label.horizon=28d", "label.lapsed_after=60d")),
    "oulad": ("oulad", OULAD, 16, ("label.horizon=28d", "label.lapsed_after=60d", BOTH)),
    "cdnow": ("cdnow", ("service_visits",), 64, ("label.horizon=90d", "label.lapsed_after=180d")),
}


@pytest.fixture(scope="module", params=LOGS)
def observed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Observed:
    folder, files, one_of, settings = LOGS[request.param]
    here = tmp_path_factory.mktemp("real")
    paths = [thinned(path, here, one_of) for path in data(folder, files)]
    table = replay(here / "out", paths, [*settings, *FEW], "e-commerce", scores=False).examples
    table = table[table["label"].notna()].sort_values(["observed_at", "customer_id"])
    return Observed(
        load_profile("e-commerce", [*settings, *FEW]),
        table["observed_at"].dt.as_unit("us").astype("int64").to_numpy(),
        table["customer_id"].tolist(),
        np.ascontiguousarray(table[[f"f_{name}" for name in NAMES]].to_numpy(np.float64).T),
        table["label"].to_numpy(np.float64),
    )


def thinned(path: Path, into: Path, one_of: int) -> Path:
    """The events of one customer of so many."""
    out = into / path.name.removesuffix(".gz")
    with gzip.open(path, "rt", newline="") as lines, out.open("w", newline="") as kept:
        rows: Any = csv.DictReader(lines)
        writer = csv.DictWriter(kept, rows.fieldnames)
        writer.writeheader()
        writer.writerows(row for row in rows if crc32(row["customer_id"].encode()) % one_of == 0)
    return out


def real(log: Observed) -> np.ndarray:
    return log.label


def shuffled(log: Observed) -> np.ndarray:
    return np.random.default_rng(1).permutation(log.label)


def flips(log: Observed) -> np.ndarray:
    return np.where(np.arange(len(log.label)) < len(log.label) // 2, log.label, 1.0 - log.label)


def returns(waiting: list[Examples], at_us: int, horizon_us: int) -> Returns:
    """What partitions report of the customers observed before: who stays comes back at some time of the horizon, at
    any as likely.
    """
    found = {}
    for one in waiting:
        stays, age = int((one.label == 0).sum()), min((at_us - one.observed_us) / horizon_us, 1.0)
        expected = int(np.rint((1.0 - one.probability) * STAYS).sum())
        found[one.observed_us] = len(one.label), expected, int(stays * age)
    return found


def served(log: Observed, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the product says of each row, and the running base rate: of the same labels, known at the same time, and
    even odds before.
    """
    learner, waiting, horizon_us = LearnerUnit(log.profile, 1, "event").learner, [], log.profile.label.horizon_us
    ours, base, labels, left = np.empty(len(label)), np.empty(len(label)), 1.0, 0.5
    for at_us, rows in log.weeks():
        raw = np.ascontiguousarray(log.raw[:, rows])
        back, known = returns(waiting, at_us, horizon_us), []
        while waiting and waiting[0].observed_us + horizon_us <= at_us:
            known.append(waiting.pop(0))
        labels, left = labels + sum(len(one.label) for one in known), left + sum(one.label.sum() for one in known)
        scorer = Scorer(learner.learn(at_us, known, population.count(raw), back))
        ours[rows], said = scorer.score(raw), scorer.expert_log_odds(scaled(raw))
        base[rows] = left / labels
        these = label[rows].astype(np.uint8)
        treatment = np.zeros(len(these), np.uint8)
        waiting.append(
            Examples(at_us, 0, log.customers[rows], ours[rows], said, raw, these, treatment, np.ones(len(these)))
        )
    return ours, base


def losses(probability: np.ndarray, label: np.ndarray) -> np.ndarray:
    return -np.log(np.where(label == 1, probability, 1.0 - probability))


@pytest.mark.parametrize("labels", [real, shuffled])
def test_it_is_never_worse_than_the_running_base_rate_by_more_than_a_hundredth(
    observed: Observed, labels: Labels
) -> None:
    label = labels(observed)
    ours, base = (losses(one, label) for one in served(observed, label))
    second = len(label) // 2
    assert ours.mean() <= 1.01 * base.mean()
    assert ours[second:].mean() <= 1.01 * base[second:].mean()


def test_nor_where_every_label_flips_at_half_time(observed: Observed) -> None:
    """Until a label from after the flip has come nobody can know of it: where that takes more than a fifth of the log,
    those weeks are left out.
    """
    label, second, horizon_us = flips(observed), len(observed.label) // 2, observed.profile.label.horizon_us
    ours, base = (losses(one, label) for one in served(observed, label))
    blind = (observed.at_us >= observed.at_us[second]) & (observed.at_us <= observed.at_us[second] + horizon_us)
    judged = ~blind if blind.mean() > 0.2 else np.ones(len(label), np.bool_)
    assert ours[judged].mean() <= 1.01 * base[judged].mean()
    after = judged & (np.arange(len(label)) >= second)
    assert ours[after].mean() <= 1.01 * base[after].mean()
