"""Kind and format from a file's name, compression from its name or its first bytes: `service_visits_2023-01.csv.gz`
holds service visits, CSV, gzip."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from schemas.errors import UsageError
from schemas.events import KINDS

FORMATS = (".jsonl", ".csv", ".parquet")
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
READ = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}  # by the first bytes
NOT_READ = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\0": "compressed with xz",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x04\x22\x4d\x18": "compressed with lz4",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
}
PARQUET = b"PAR1"


def _plural(kind: str) -> str:
    return f"{kind[:-1]}ies" if kind.endswith("ty") else f"{kind}s"


KIND_OF_STEM = {stem: kind for kind in KINDS for stem in (kind, _plural(kind))}
# a date or a number may stand before or after the kind: 2023-01_service_visits, service_visits_part-2
STEM = re.compile(rf"(?:\d[\d_. ]*[_. ])?({'|'.join(KIND_OF_STEM)})(?:[_. (].*\d.*)?")


@dataclass(frozen=True, slots=True)
class FileName:
    """`file` is the last part of the path; kind is None when the stem names none."""

    path: Path
    file: str
    format: str
    compression: str | None
    kind: str | None


def read_name(path: str, kind: str | None = None) -> FileName:
    """Parses a path; kind: of a file whose name names none. Raises UsageError for an unknown format or a stem that
    names no kind."""
    file = os.fsencode(Path(path).name).decode("utf-8", "replace")
    plain = Path(file.lower())
    compression = COMPRESSIONS.get(plain.suffix)
    if compression:
        plain = plain.with_suffix("")
    if plain.suffix not in FORMATS:
        formats = ", ".join(FORMATS)
        raise UsageError(f"{path}: expected a file named {formats}, plain or followed by .gz or .zst")
    named = STEM.fullmatch(plain.stem.replace("-", "_"))
    found = KIND_OF_STEM[named[1]] if named else kind
    if found is None and plain.suffix != ".jsonl":
        names = ", ".join(_plural(kind) for kind in KINDS)
        raise UsageError(
            f"{path}: the name {plain.stem!r} names no kind of event; expected one of {names}, "
            "with a date or a number if need be; for any other name --kind names the kind of its rows"
        )
    return FileName(Path(path), file, plain.suffix, compression, found)


def looked_at(name: FileName, first: bytes) -> FileName:
    """Returns the name with the compression that the file's first bytes show; raises UsageError for one that is not
    read."""
    for magic, what in NOT_READ.items():
        if first.startswith(magic):
            raise UsageError(f"{name.path}: is {what}; unpack it, or compress it with gzip or zstd")
    if first.startswith(PARQUET) and name.format != ".parquet":
        raise UsageError(f"{name.path}: is Parquet; let its name end in .parquet")
    return replace(
        name, compression=next((one for magic, one in READ.items() if first.startswith(magic)), name.compression)
    )
