"""Whether a replay's memory grows with the length of its input: the same customers for one and for four years."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.city import write
from benchmarks.measure import ROUNDS, Measure, Scale, at_most
from benchmarks.process import keepline
from streams.simulation.rules import Rules

CUSTOMERS = {"small": 1_000, "full": 5_000}
DAYS, TIMES = 360, 4  # a year is longer than everything that is kept for a limited time
SETTINGS = ("label.horizon=28d", "label.lapsed_after=120d")
MOST_GROWTH = 1.1


def run(scale: Scale, seed: int) -> list[Measure]:
    """Claim: at most a tenth more."""
    with TemporaryDirectory(prefix="keepline-replay-") as name:
        short, long = Path(name) / "short", Path(name) / "long"
        events = [_write(short, scale, DAYS, seed), _write(long, scale, DAYS * TIMES, seed)]
        peaks = [(_peak(short), _peak(long)) for _ in range(ROUNDS)]
    small, large = (median(one) / 2**20 for one in zip(*peaks, strict=True))
    claim = at_most(large / small, MOST_GROWTH, "<= 1.1 times")
    return [Measure(f"peak, {events[1]:,} events", large, "MiB", f"MiB, {events[0]:,} events", small, claim)]


def _write(folder: Path, scale: Scale, days: int, seed: int) -> int:
    """Writes a city without newcomers and returns the number of events."""
    folder.mkdir()
    return write(folder, CUSTOMERS[scale], days, seed, Rules(newcomers_share=0.0)).events


def _peak(folder: Path) -> int:
    options = [word for setting in SETTINGS for word in ("--set", setting)]
    return keepline("replay", *folder.glob("*.jsonl"), "--out", folder / "out", *options).peak_bytes
