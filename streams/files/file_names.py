"""Kind, format and compression from a file's name: `service_visits.csv.gz` holds service visits, CSV, gzip."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import UsageError
from schemas.events import KINDS

FORMATS = (".jsonl", ".csv", ".parquet")
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}


def _plural(kind: str) -> str:
    return f"{kind[:-1]}ies" if kind.endswith("ty") else f"{kind}s"


KIND_OF_STEM = {stem: kind for kind in KINDS for stem in (kind, _plural(kind))}


@dataclass(frozen=True, slots=True)
class FileName:
    """`file` is the last part of the path; kind is None when the stem names none."""

    path: Path
    file: str
    format: str
    compression: str | None
    kind: str | None


def read_name(path: str) -> FileName:
    """Parses a path; raises UsageError for an unknown format or a stem that names no kind."""
    file = os.fsencode(Path(path).name).decode("utf-8", "replace")
    plain = Path(file.lower())
    compression = COMPRESSIONS.get(plain.suffix)
    if compression:
        plain = plain.with_suffix("")
    if plain.suffix not in FORMATS:
        formats = ", ".join(FORMATS)
        raise UsageError(f"{path}: expected a file named {formats}, plain or followed by .gz or .zst")
    kind = KIND_OF_STEM.get(plain.stem.replace("-", "_"))
    if kind is None and plain.suffix != ".jsonl":
        names = ", ".join(_plural(kind) for kind in KINDS)
        raise UsageError(f"{path}: the name {plain.stem!r} names no kind of event; expected one of {names}")
    return FileName(Path(path), file, plain.suffix, compression, kind)
