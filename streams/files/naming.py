"""What a file's name says: `service_visits.csv.gz` holds service visits, as CSV, compressed by gzip."""

from __future__ import annotations

import os
from dataclasses import dataclass

from schemas.errors import UsageError
from schemas.events import KINDS

FORMATS = (".jsonl", ".csv", ".parquet")
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}


def _plural(kind: str) -> str:
    return f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"


KIND_OF_STEM = {stem: kind for kind in KINDS for stem in (kind, _plural(kind))}


@dataclass(frozen=True, slots=True)
class FileName:
    """`file` is the last part of the path; kind is None when the stem names none."""

    path: str
    file: str
    format: str
    compression: str | None
    kind: str | None


def read_name(path: str) -> FileName:
    """Takes a path apart; raises UsageError for a format or a stem that means nothing here."""
    file = os.fsencode(os.path.basename(path)).decode("utf-8", "replace")
    stem, last = os.path.splitext(file.lower())
    compression = COMPRESSIONS.get(last)
    if compression:
        stem, last = os.path.splitext(stem)
    if last not in FORMATS:
        raise UsageError(
            f"{path}: expected a file named .jsonl, .csv or .parquet, plain or followed by .gz or .zst"
        )
    kind = KIND_OF_STEM.get(stem.replace("-", "_"))
    if kind is None and last != ".jsonl":
        expected = ", ".join(sorted(_plural(kind) for kind in KINDS))
        raise UsageError(
            f"{path}: the name {stem!r} does not say what the rows are; name the file one of {expected}"
        )
    return FileName(path, file, last, compression, kind)
