"""The merge returns whole ticks in order: the same however sources are read and from whichever position it restarts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.columns import empty_rows
from streams.inputs.merge import Merge

TICK_US = 10
Item = tuple[str, int]  # ("record" | "heartbeat" | "refused", time); refused records are not added to the merge
END_US = 200

items = st.lists(
    st.tuples(st.sampled_from(["record", "record", "record", "heartbeat", "refused"]), st.integers(1, END_US)),
    max_size=25,
)
logs = st.fixed_dictionaries({"a": items, "b": items})


@dataclass
class Reader:
    """Reads logs into a merge, some items at a time, and takes ticks as they close."""

    logs: dict[str, list[Item]]

    def __post_init__(self) -> None:
        self.taken: list[tuple[int, str, int]] = []  # (due, source, offset)
        self.open(dict.fromkeys(self.logs, 0), None)

    def open(self, positions: dict[str, int], now_us: int | None) -> None:
        self.merge, self.now_us = Merge(positions, TICK_US, now_us), now_us
        self.read, self.positions = dict(positions), dict(positions)

    def offer(self, source: str, n: int) -> None:
        for offset in range(self.read[source], min(self.read[source] + n, len(self.logs[source]))):
            kind, time_us = self.logs[source][offset]
            if kind == "record":
                rows = empty_rows(1)
                rows["time_us"], rows["id"] = time_us, offset
                rows["slot"] = sorted(self.logs).index(source)
                self.merge.add(source, rows, np.array([offset]))
            elif kind == "heartbeat":
                self.merge.heartbeat(source, time_us, offset)
            self.read[source] = offset + 1
            self.merge.read_up_to(source, offset + 1)

    def take(self) -> None:
        frontier_us = self.merge.frontier_us
        if frontier_us is None:
            return
        until_us = frontier_us if self.merge.ended else frontier_us // TICK_US * TICK_US
        rows = self.merge.take(until_us)
        names = sorted(self.logs)
        self.taken += [(int(r["due_us"]), names[r["slot"]], int(r["id"])) for r in rows]
        self.now_us, self.positions = until_us, self.merge.positions()

    def finish(self) -> list[tuple[int, str, int]]:
        for source in self.logs:
            self.offer(source, len(self.logs[source]))
        self.merge.finish(END_US)
        self.take()
        return sorted(self.taken)


def calm(logs: dict[str, list[Item]]) -> list[tuple[int, str, int]]:
    return Reader(logs).finish()


@given(logs)
def test_everything_that_was_read_is_taken_once(logs: dict[str, list[Item]]) -> None:
    taken = [(source, offset) for _, source, offset in calm(logs)]
    wanted = [(s, i) for s, log in logs.items() for i, (kind, _) in enumerate(log) if kind == "record"]
    assert sorted(taken) == sorted(wanted)


@given(logs, st.data())
def test_reading_in_any_steps_and_restarting_anywhere_gives_the_same_ticks(
    logs: dict[str, list[Item]], data: st.DataObject
) -> None:
    reader = Reader(logs)
    for _ in range(data.draw(st.integers(0, 12))):
        reader.offer(data.draw(st.sampled_from(["a", "b"])), data.draw(st.integers(1, 5)))
        reader.take()
        if data.draw(st.booleans()):
            reader.open(reader.positions, reader.now_us)
    assert reader.finish() == calm(logs)


@given(logs)
def test_along_a_source_the_ticks_never_fall(logs: dict[str, list[Item]]) -> None:
    for source in logs:
        dues = [due for due, s, _ in sorted(calm(logs), key=lambda taken: taken[2]) if s == source]
        assert dues == sorted(dues)


def test_a_record_at_t_does_not_prove_t() -> None:
    reader = Reader({"a": [("record", 15), ("record", 15)], "b": [("heartbeat", 100)]})
    reader.offer("b", 1)
    reader.offer("a", 1)
    reader.take()
    assert reader.taken == []


def test_a_late_record_goes_with_the_first_tick_that_is_still_open() -> None:
    reader = Reader({"a": [("record", 35), ("record", 5)], "b": []})
    assert reader.finish() == [(40, "a", 0), (40, "a", 1)]


def test_a_silent_source_holds_the_frontier() -> None:
    reader = Reader({"a": [("record", 35)], "b": []})
    reader.offer("a", 1)
    assert reader.merge.frontier_us is None
