"""The result folder of a replay."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import Failure, UsageError
from schemas.instants import parse_instant
from streams.files.replay_folder import FILES, GROUP_ROWS, ReplayFolder

AT_US = parse_instant("2024-03-04T00:00:00Z")


def examples(folder: ReplayFolder, n: int, *, matured: bool = True) -> None:
    rng = np.random.default_rng(n)
    label = (rng.random(n) < 0.5).astype(np.uint8) if matured else None
    folder.examples([f"c{i}" for i in range(n)], AT_US, 7, rng.random(n), label, rng.random((n, 2)))


def replay(path: Path, **summary: object) -> None:
    with ReplayFolder(str(path), ["recency", "spend"], with_scores=True) as folder:
        folder.interventions([b'{"a":1}', b'{"a":2}'])
        folder.withheld([b'{"w":1}'])
        folder.updates([])
        folder.dead_letters([b'{"d":1}'])
        folder.scores(["c1", "c2"], AT_US, np.array([0.25, 0.75]))
        examples(folder, 3)
        examples(folder, 2, matured=False)
        folder.close({"seconds": 1.5, "events_read": 3, "more": 1, **summary})


def test_lines_are_kept_in_order(tmp_path: Path) -> None:
    replay(tmp_path / "out")
    assert (tmp_path / "out/interventions.jsonl").read_bytes() == b'{"a":1}\n{"a":2}\n'
    assert (tmp_path / "out/interventions-withheld.jsonl").read_bytes() == b'{"w":1}\n'
    assert (tmp_path / "out/intervention-updates.jsonl").read_bytes() == b""
    assert (tmp_path / "out/dead-letters.jsonl").read_bytes() == b'{"d":1}\n'


def test_examples_have_their_columns_and_null_where_not_matured(tmp_path: Path) -> None:
    replay(tmp_path / "out")
    table = pq.read_table(tmp_path / "out/examples.parquet")
    fixed = ["customer_id", "observed_at", "probability", "model_version", "label", "treatment"]
    assert table.schema.names == [*fixed, "f_recency", "f_spend"]
    assert table.schema.field("observed_at").type == pa.timestamp("us", "UTC")
    assert table.schema.field("label").type == pa.int8()
    assert [label is None for label in table["label"].to_pylist()] == [False, False, False, True, True]


def test_each_feature_is_in_its_own_column(tmp_path: Path) -> None:
    with ReplayFolder(str(tmp_path / "out"), ["a", "b"]) as folder:
        features = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, np.nan]])
        folder.examples(["x", "y", "z"], AT_US, 1, np.zeros(3), None, features)
        folder.close({})
    table = pq.read_table(tmp_path / "out/examples.parquet")
    assert table["f_a"].to_pylist() == [1, 2, 3]
    assert table["f_b"].to_pylist()[:2] == [10, 20]


def test_scores_are_written_only_when_asked_for(tmp_path: Path) -> None:
    replay(tmp_path / "with")
    assert pq.read_table(tmp_path / "with/scores.parquet").schema.names == [
        "customer_id",
        "scored_at",
        "probability",
    ]
    with ReplayFolder(str(tmp_path / "without"), []) as folder:
        folder.close({})
    assert not (tmp_path / "without/scores.parquet").exists()


def test_row_groups_do_not_depend_on_the_appended_batches(tmp_path: Path) -> None:
    with ReplayFolder(str(tmp_path / "out"), ["a", "b"]) as folder:
        for n in (1, GROUP_ROWS, 10, GROUP_ROWS // 2, GROUP_ROWS // 2):
            examples(folder, n)
        folder.close({})
    metadata = pq.ParquetFile(tmp_path / "out/examples.parquet").metadata
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [
        GROUP_ROWS,
        GROUP_ROWS,
        11,
    ]


def test_the_summary_begins_as_the_contract_says(tmp_path: Path) -> None:
    replay(tmp_path / "out", auc=np.float64(0.75), log_loss=float("nan"))
    summary = json.loads((tmp_path / "out/summary.json").read_bytes())
    assert list(summary) == ["events_read", "auc", "log_loss", "seconds", "more"]
    assert (summary["auc"], summary["log_loss"]) == (0.75, None)


def test_the_same_replay_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        replay(tmp_path / name)
    digests = [
        {file: hashlib.sha256((tmp_path / name / file).read_bytes()).hexdigest() for file in FILES}
        for name in ("one", "two")
    ]
    assert digests[0] == digests[1]


def test_a_replay_that_did_not_end_has_no_summary(tmp_path: Path) -> None:
    def interrupted() -> None:
        with ReplayFolder(str(tmp_path), []) as folder:
            folder.interventions([b"{}"])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "interventions.jsonl").read_bytes() == b"{}\n"
    assert not (tmp_path / "summary.json").exists()


def test_an_old_replay_is_replaced_and_nothing_else_is_touched(tmp_path: Path) -> None:
    replay(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    ReplayFolder(str(tmp_path), [])
    assert not (tmp_path / "summary.json").exists()
    assert not (tmp_path / "scores.parquet").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_folder_of_something_else_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("{}")
    with pytest.raises(UsageError, match=r"has files that no replay wrote \(summary\.json"):
        ReplayFolder(str(tmp_path), [])
    assert (tmp_path / "summary.json").read_text() == "{}"


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(UsageError, match="is not a folder"):
        ReplayFolder(str(tmp_path / "out"), [])


def test_a_folder_that_cannot_be_made_is_a_failure_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Failure, match="file/out: cannot be written"):
        ReplayFolder(str(tmp_path / "file/out"), [])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("file", ["interventions.jsonl", "examples.parquet"])
def test_a_full_disk_is_a_failure_that_names_the_file(
    tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink
    monkeypatch.setattr(
        Path, "unlink", lambda self, missing_ok=False: None if self.is_symlink() else unlink(self, missing_ok)
    )
    (tmp_path / "interventions.jsonl").touch()
    (tmp_path / file).unlink(missing_ok=True)
    (tmp_path / file).symlink_to("/dev/full")
    with pytest.raises(Failure, match=f"{file}: cannot be written"):
        replay(tmp_path)
    assert not (tmp_path / "summary.json").exists()
