"""A small run of the fuzz; `python -m tests.fuzz` runs as long as wanted."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz import readers
from tests.fuzz.readers import READERS, Answer
from tests.fuzz.run import Tally, Unanswered, repeat

BATCHES = {"events": 10, "files": 12, "profiles": 6}


@pytest.mark.parametrize("name", READERS)
def test_whatever_comes_is_answered(name: str) -> None:
    tally = Tally()
    for number in range(BATCHES.get(name, 3)):
        repeat(20261129, name, number, tally)
    assert tally.records
    assert tally.refused


def test_a_batch_is_the_same_for_its_seed() -> None:
    assert readers.read_events(Random("1")) == readers.read_events(Random("1"))


def test_a_reader_that_raises_is_named_with_the_batch_to_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(chance: Random) -> Answer:
        raise KeyError("x")

    monkeypatch.setitem(READERS, "events", (fails, 1.0))
    with pytest.raises(Unanswered, match="--seed 7 --batch 'events:3': KeyError"):
        repeat(7, "events", 3, Tally())
