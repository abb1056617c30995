"""What the last model makes of each feature."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from features.catalogue import NAMES
from online_model.snapshot import Snapshot
from streams.evaluation.influence import POINTS, feature, influence
from streams.evaluation.observation_rows import read
from tests.evaluation.folders import Observation, write
from tests.replay.runs import SHORT, city, replay, write_jsonl


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replayed")
    log = write_jsonl(folder / "log.jsonl", city(folder, 60, 150))
    return replay(folder / "out", [log], settings=SHORT).folder


def newest(folder: Path) -> Snapshot:
    return Snapshot.loads((folder / "models.jsonl").read_bytes().splitlines()[-1])


def test_a_curve_has_the_means_of_equally_filled_bins() -> None:
    raw = np.arange(24.0)
    found = feature(0, raw, -raw)
    assert found.values == [1.0 + 2 * i - 0.5 for i in range(POINTS)]
    assert found.contributions == [-value for value in found.values]
    assert found.importance == pytest.approx(11.5)


def test_equal_values_are_one_dot() -> None:
    assert feature(0, np.array([0.0, 0.0, 0.0, 5.0]), np.array([1.0, 1.0, 1.0, -1.0])).values == [0.0, 5.0]


def test_every_feature_has_its_influence_the_greatest_first(replayed: Path) -> None:
    found = influence(newest(replayed), read(replayed)[0])
    assert {one.name for one in found} == {*NAMES}
    assert [one.importance for one in found] == sorted((one.importance for one in found), reverse=True)
    assert found[0].importance > 0
    assert all(len(one.values) == len(one.contributions) <= POINTS for one in found)
    assert all(np.diff(one.values).min(initial=1) > 0 for one in found)


def test_without_a_model_or_of_other_features_nothing_is_known(tmp_path: Path, replayed: Path) -> None:
    other = write(tmp_path / "other", [Observation("c", 0, 1)])
    assert influence(None, read(other)[0]) == []
    assert influence(newest(replayed), read(other)[0]) == []
