"""Runs the readers in turn, each for its share of the time, and says what was answered."""

from __future__ import annotations

import faulthandler
import resource
import time
from dataclasses import dataclass
from random import Random

from tests.fuzz.readers import READERS

MOST_SECONDS_A_BATCH = 10.0  # of processor time
HANGS_AFTER_S = 300.0
MOST_GROWTH = 512 << 20  # bytes, of the process after its first batches


@dataclass(slots=True)
class Tally:
    """What a reader has answered."""

    batches: int = 0
    accepted: int = 0
    refused: int = 0
    seconds: float = 0.0
    slowest: float = 0.0

    @property
    def records(self) -> int:
        """Records, files or texts."""
        return self.accepted + self.refused


class Unanswered(AssertionError):
    """A batch ended otherwise than with an answer."""


def run(seed: int, seconds: float, records: int | None = None) -> dict[str, Tally]:
    """Runs until the time is over or so many records are read; raises Unanswered, which names the batch to repeat."""
    tallies = {name: Tally() for name in READERS}
    start = time.monotonic()
    grown_from: int | None = None
    while time.monotonic() - start < seconds and (records is None or _read(tallies) < records):
        name = min(READERS, key=lambda one: tallies[one].seconds / READERS[one][1])
        repeat(seed, name, tallies[name].batches, tallies[name])
        if grown_from is None and all(one.batches for one in tallies.values()):
            grown_from = peak_bytes()
    if grown_from is not None and peak_bytes() - grown_from > MOST_GROWTH:
        raise Unanswered(f"memory grew from {grown_from >> 20} to {peak_bytes() >> 20} MiB")
    return tallies


def repeat(seed: int, name: str, number: int, tally: Tally) -> None:
    """Reads one batch: the same for the same seed, reader and number."""
    faulthandler.dump_traceback_later(HANGS_AFTER_S, exit=True)
    began = time.process_time()
    try:
        answer = READERS[name][0](Random(f"{seed}:{name}:{number}"))
    except Exception as error:
        raise Unanswered(f"--seed {seed} --batch '{name}:{number}': {error!r}") from error
    finally:
        faulthandler.cancel_dump_traceback_later()
    took = time.process_time() - began
    tally.batches, tally.seconds, tally.slowest = tally.batches + 1, tally.seconds + took, max(tally.slowest, took)
    tally.accepted, tally.refused = tally.accepted + answer.accepted, tally.refused + answer.refused
    if took > MOST_SECONDS_A_BATCH:
        raise Unanswered(f"--seed {seed} --batch '{name}:{number}': took {took:.1f} s of processor time")


def peak_bytes() -> int:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _read(tallies: dict[str, Tally]) -> int:
    return sum(tally.records for tally in tallies.values())
