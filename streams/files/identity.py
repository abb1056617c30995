"""Ids for rows that have none: a hash of the content and the ordinal among equal rows, the same on every reading."""

from __future__ import annotations

import xxhash

MOST_COUNTERS = 1 << 18


class Ordinals:
    """Counts equal rows. Equal rows have equal times, so the counters of the oldest times are let go when there are many."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[int, int]] = {}
        self._held = 0

    def event_id(self, event_time: str, content: bytes) -> str:
        """The id of a row with this time and content."""
        digest = xxhash.xxh3_64_intdigest(content)
        counts = self._counts.setdefault(event_time, {})
        ordinal = counts.get(digest, 0)
        counts[digest] = ordinal + 1
        if not ordinal:
            self._held += 1
            if self._held > MOST_COUNTERS:
                self._let_go()
        return f"{digest:016x}-{ordinal}"

    def _let_go(self) -> None:
        for event_time in sorted(self._counts)[:-1]:
            self._held -= len(self._counts.pop(event_time))
            if self._held <= MOST_COUNTERS // 2:
                break
