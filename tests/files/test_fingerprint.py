"""Files are known again by what is in them and by the kinds that their names give them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from schemas.errors import UsageError
from streams.files.fingerprint import fingerprint

ROWS = b'{"customer_id":"c","event_time":"2024-03-01T12:00:00Z"}\n'


def written(folder: Path, name: str, content: bytes = ROWS) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return str(path)


def test_neither_order_nor_name_nor_compression_matters(tmp_path: Path) -> None:
    a, b = written(tmp_path, "a.jsonl"), written(tmp_path, "b.jsonl", ROWS * 2)
    known = fingerprint([a, b])
    assert fingerprint([b, a]) == known
    assert (
        fingerprint([written(tmp_path, "x/b.jsonl.gz", ROWS * 2), written(tmp_path, "x/c.jsonl")]).digest
        == known.digest
    )
    assert sorted(known.files) == ["a.jsonl", "b.jsonl"]


def test_contents_kinds_and_the_number_of_files_matter(tmp_path: Path) -> None:
    one, other = written(tmp_path, "a.jsonl"), written(tmp_path, "b.jsonl", ROWS + b"\n")
    visits, surveys = written(tmp_path, "service_visits.jsonl"), written(tmp_path, "surveys.jsonl")
    logs = [[one], [other], [visits], [surveys], [one, one], [one, other]]
    assert len({fingerprint(paths).digest for paths in logs}) == len(logs)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a\.jsonl: no such file"):
        fingerprint([str(tmp_path / "a.jsonl")])
