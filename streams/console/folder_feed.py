"""Records of the folder of a replay; offsets are bytes of a file. A folder that is still written to is followed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from schemas.errors import UsageError
from streams.console.intake import Batch
from streams.console.rows import KINDS
from streams.console.store import Place
from streams.files.replay_folder import SUMMARY
from streams.operations.cases.parsing import MODELS

BATCH_BYTES = 8 << 20
LOOK_AGAIN_S = 1.0


class FolderFeed:
    """The files of a folder that have messages about cases; raises UsageError where one is missing."""

    def __init__(self, folder: Path) -> None:
        paths = {topic: folder / f"{topic}.jsonl" for topic in KINDS}
        if missing := [paths[topic].name for topic in MODELS if not paths[topic].is_file()]:
            names = ", ".join(missing)
            raise UsageError(f"--dir {folder}: {names} missing; expected a folder that `replay --out` has written")
        self._files = {topic: path for topic, path in paths.items() if path.is_file()}
        self._at: dict[str, int] = dict.fromkeys(self._files, 0)
        summary = folder / SUMMARY
        digest = sha256(summary.read_bytes()).hexdigest() if summary.is_file() else "unfinished"
        self.source = f"{folder.resolve()} {digest}"

    async def start(self, offsets: Mapping[Place, int]) -> bool:
        """Goes on behind these; returns False where a file has become shorter: all has to be read again."""
        self._at = {topic: offsets.get((topic, 0), 0) for topic in self._files}
        return all(path.stat().st_size >= self._at[topic] for topic, path in self._files.items())

    async def left(self) -> int:
        """Returns the number of bytes that have not been read."""
        return sum(path.stat().st_size - self._at[topic] for topic, path in self._files.items())

    async def next(self) -> Batch:
        """Returns some more whole lines; waits a moment where there are none."""
        for topic, path in self._files.items():
            if lines := await asyncio.to_thread(_lines, path, self._at[topic]):
                self._at[topic] += sum(map(len, lines))
                return Batch([(topic, line) for line in lines], {(topic, 0): self._at[topic]})
        await asyncio.sleep(LOOK_AGAIN_S)
        return Batch([], {})

    async def stop(self) -> None:
        """Nothing is open."""


def _lines(path: Path, at: int) -> list[bytes]:
    with path.open("rb") as file:
        file.seek(at)
        lines = file.readlines(BATCH_BYTES)
    return [line for line in lines if line.endswith(b"\n")]  # the last one may be half written
