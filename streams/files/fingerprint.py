"""A digest of files by which they are known again: of their contents, decompressed, and of the kinds that their names
give them. Neither their order nor the rest of their names matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import xxhash

from streams.files.compression import Meter, blocks, first_bytes
from streams.files.file_names import FileName, looked_at, read_name


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Files in an order that depends on their contents alone, and the digest of all of them."""

    digest: str
    paths: tuple[str, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the files."""
        return tuple(Path(path).name for path in self.paths)


def fingerprint(paths: Sequence[str], kind: str | None = None) -> Fingerprint:
    """Reads files and returns their digest; raises UsageError or Failure for a file that cannot be read. kind: of files
    whose names give none.
    """
    known = sorted((_digest(read_name(path, kind)), path) for path in paths)
    digest = xxhash.xxh3_128_hexdigest("\n".join(one for one, _ in known).encode())
    return Fingerprint(digest, tuple(path for _, path in known))


def _digest(name: FileName) -> str:
    digest = xxhash.xxh3_128()
    for block in blocks(looked_at(name, first_bytes(name.path)), Meter()):
        digest.update(block)
    return f"{name.kind}:{digest.hexdigest()}"
