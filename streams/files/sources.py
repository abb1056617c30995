"""Files as the sources of a merge: each kind of each file is one, read as far as the merge wants it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from streams.engine.feeds import EngineFeed
from streams.files.decoded import DecodedChunk, decoded_blocks
from streams.files.readers import File, open_file


@dataclass
class Source:
    """A file on its way into the merge."""

    names: dict[str, str]  # kind -> name of the source
    blocks: Iterator[list[DecodedChunk]]
    rows: int = 0
    exhausted: bool = False


class FileSources:
    """Reads files into a feed, the one first that holds the others up."""

    def __init__(self, paths: Sequence[str], now_us: int, max_skew_us: int) -> None:
        """Raises UsageError when a file cannot be a source."""
        self.files = [_source(i, open_file(path), now_us, max_skew_us) for i, path in enumerate(paths)]
        self.names = [name for source in self.files for name in source.names.values()]
        self.read = 0
        self.last_us: int | None = None

    @property
    def exhausted(self) -> bool:
        return all(source.exhausted for source in self.files)

    @property
    def empty(self) -> bool:
        """Everything was read and there was no event in it."""
        return self.exhausted and self.last_us is None

    def read_into(self, feed: EngineFeed) -> None:
        """A block of each file of which more is wanted; the end when there is nothing more."""
        for source in self.files:
            if not source.exhausted and any(map(feed.wants, source.names.values())):
                self._read(source, feed)
        if self.exhausted:
            feed.merge.finish(self.last_us)

    def _read(self, source: Source, feed: EngineFeed) -> None:
        block = next(source.blocks, None)
        if block is None:
            source.exhausted = True
            for name in source.names.values():
                feed.merge.exhausted(name)
            return
        latest_us = [self._offer(source, chunk, feed) for chunk in block]
        proved_us = max((us for us in latest_us if us is not None), default=None)
        if proved_us is not None:
            self.last_us = max(proved_us, self.last_us or 0)
            for name in source.names.values():  # the kinds of a file lie in one order
                feed.merge.proved(name, proved_us - feed.tick_us)

    def _offer(self, source: Source, chunk: DecodedChunk, feed: EngineFeed) -> int | None:
        offsets = np.arange(source.rows, source.rows + chunk.size, dtype=np.int64)
        source.rows += chunk.size
        self.read += chunk.size
        feed.take_decoded(source.names[chunk.kind], chunk.decoded, offsets, chunk.letters)
        times_us = chunk.decoded.events.rows["time_us"]
        return int(times_us.max()) if len(times_us) else None


def _source(number: int, file: File, now_us: int, max_skew_us: int) -> Source:
    names = {kind: f"{number}:{file.path.name}:{kind}" for kind in file.kinds}
    return Source(names, decoded_blocks(file, now_us, max_skew_us))
