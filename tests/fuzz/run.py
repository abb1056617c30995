"""Runs the readers in turn, each for its share of the time, and says what was answered."""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import resource
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.fuzz.readers import READERS

MOST_SECONDS_A_BATCH = 10.0  # of processor time
HANGS_AFTER_S = 300.0
TRIMMED_EVERY = 500  # batches: small blocks between large ones would keep the pages of freed tables
MOST_GROWTH = 64 << 20  # bytes kept, since the first batches
# pyarrow 26.0.1 loses the buffer of a compressed stream that ends with an error; a command reads its files once
LOST_A_FILE = 1 << 18


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
    start, count = time.monotonic(), 0
    kept_from: int | None = None
    while time.monotonic() - start < seconds and (records is None or _read(tallies) < records):
        name = min(READERS, key=lambda one: tallies[one].seconds / READERS[one][1])
        repeat(seed, name, tallies[name].batches, tallies[name])
        count += 1
        if count % TRIMMED_EVERY == 0 and all(one.batches for one in tallies.values()):
            kept_from = kept_bytes() if kept_from is None else kept_from
            _check(kept_from, tallies)
    if kept_from is not None:
        _check(kept_from, tallies)
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


def kept_bytes() -> int:
    """The memory that this process has now, when the allocator has returned what is free."""
    gc.collect()
    with suppress(OSError, AttributeError):  # only the C library of GNU has it, and frees pages late without it
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * resource.getpagesize() if statm.exists() else peak_bytes()


def peak_bytes() -> int:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _check(kept_from: int, tallies: dict[str, Tally]) -> None:
    lost = LOST_A_FILE * tallies["files"].refused
    if (kept := kept_bytes()) - kept_from > MOST_GROWTH + lost:
        raise Unanswered(f"memory that is kept grew from {kept_from >> 20} to {kept >> 20} MiB")


def _read(tallies: dict[str, Tally]) -> int:
    return sum(tally.records for tally in tallies.values())
