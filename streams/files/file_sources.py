"""Files as the sources of a merge, each read as far as the merge needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from schemas.decode import Decoded
from streams.files.decoding import DecodedChunk, decode_source
from streams.files.formats import open_source
from streams.inputs.merge import Merge, Offsets
from streams.units.engine_batch import LetterOf


class Feed(Protocol):
    """The feed that files are read into."""

    merge: Merge

    def wants(self, source: str) -> bool:
        """Returns whether more rows of a source are needed."""

    def take_decoded(self, source: str, decoded: Decoded, offsets: Offsets, letter: LetterOf) -> None:
        """Accepts decoded rows, in order."""


@dataclass
class Input:
    """A file with how far it has been read."""

    name: str
    chunks: Iterator[DecodedChunk]
    rows: int = 0
    exhausted: bool = False


class FileSources:
    """Reads files into a feed, as many rows of each as are needed."""

    def __init__(self, paths: Sequence[str], now_us: int, max_skew_us: int) -> None:
        """Raises UsageError when a file cannot be a source; rows later than `now_us` are refused."""
        self.inputs = [
            Input(f"{i}:{path}", decode_source(open_source(path), now_us, max_skew_us)) for i, path in enumerate(paths)
        ]
        self.read = 0
        self.last_us: int | None = None

    @property
    def names(self) -> list[str]:
        """The names of the sources, one a file."""
        return [source.name for source in self.inputs]

    @property
    def exhausted(self) -> bool:
        """Whether everything was read."""
        return all(source.exhausted for source in self.inputs)

    @property
    def empty(self) -> bool:
        """Whether everything was read and had no event."""
        return self.exhausted and self.last_us is None

    def read_into(self, feed: Feed, seen: Callable[[Input, DecodedChunk], None] = lambda source, chunk: None) -> None:
        """Reads a chunk of each file of which the feed wants more; finishes the merge when all are read. `seen` is
        called with each chunk before the feed.
        """
        for source in self.inputs:
            if source.exhausted or not feed.wants(source.name):
                continue
            chunk = next(source.chunks, None)
            if chunk is None:
                source.exhausted = True
                feed.merge.exhausted(source.name)
            else:
                seen(source, chunk)
                self._offer(source, chunk, feed)
        if self.exhausted:
            feed.merge.finish(self.last_us)

    def _offer(self, source: Input, chunk: DecodedChunk, feed: Feed) -> None:
        offsets = np.arange(source.rows, source.rows + chunk.size, dtype=np.int64)
        source.rows += chunk.size
        self.read += chunk.size - len(chunk.decoded.marks)
        times_us = chunk.decoded.events.rows["time_us"]
        if len(times_us):
            self.last_us = max(self.last_us or 0, int(times_us.max()))
        feed.take_decoded(source.name, chunk.decoded, offsets, chunk.letter)
