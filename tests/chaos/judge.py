"""What an independent reading of the topics says about the cases of a live run: nothing here knows the engine.

The model in force knows nothing but the days since the last visit, so a customer crosses SILENT_DAYS after a visit when
no other one follows until then, wherever it was and whenever it was published. A case is wrong if the customer had
come, and double if there was one for this silence before, unless it comes from the backlog and the risk has risen above
the tier of the one before, which could not be upgraded while a shop was not heard. It is missing if there is none
although all shops of the customer had been heard, and the partition had caught up, for the promised delay without a
break. Whoever had a case gets another one only if the risk has been seen to be over meanwhile: a visit that was read
when the silence after it was about to cross shows nothing.

Not to be known is a first visit to a shop that is down: until then the shop had nothing to do with the customer.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import numpy as np

from schemas.instants import DAY_US

FOREVER_US = 1 << 62


class Visit(NamedTuple):
    """An accepted visit as its record says."""

    at_us: int
    offset: int
    shop: str


class Word(NamedTuple):
    """A record of a shop, a visit or a heartbeat."""

    offset: int
    at_us: int
    shop: str


class Case(NamedTuple):
    """An intervention, or an upgrade of one. tier: the higher, the greater the risk."""

    customer: str
    decided_us: int
    tier: int = 0
    from_backlog: bool = False


class Sample(NamedTuple):
    """A committed state of a partition: when it was saved, by the clock; stream time; up to where it had been read."""

    saved_us: int
    frontier_us: int
    offset: int


@dataclass(frozen=True)
class Terms:
    """What is promised. Times in us of the fast clock."""

    silent_us: int
    blur_us: int  # of the model's bins
    believed_us: int  # how long a shop's silence is believed
    heard_us: int  # a shop is certainly heard if its last word is not older
    behind_us: int  # a partition has caught up if it is not further behind the clock
    promised_us: int
    missed_us: int  # so long after the crossing no case opens any more
    window_us: int  # so long after a case no other one opens
    over_us: int  # the risk is over while a silence is shorter


@dataclass
class PartitionLog:
    """The reading of one partition."""

    words: list[Word] = field(default_factory=list)
    visits: dict[str, list[Visit]] = field(default_factory=lambda: defaultdict(list))
    cases: list[Case] = field(default_factory=list)
    upgrades: list[Case] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)


Silence = tuple[str, int]  # customer, last visit before it


@dataclass
class Verdict:
    """Cases that are not as promised, a sentence each, and figures."""

    wrong: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    opened: Counter[Silence] = field(default_factory=Counter)
    due: set[Silence] = field(default_factory=set)  # silences for which a case had to open
    delays_us: list[int] = field(default_factory=list)  # from the crossing to the decision
    silences: int = 0

    @property
    def problems(self) -> list[str]:
        """All sentences."""
        return [*self.wrong, *self.double, *self.missing]


def judge(partitions: Iterable[PartitionLog], terms: Terms) -> Verdict:
    """Judges all cases of all partitions."""
    verdict = Verdict()
    for log in partitions:
        judged = _Partition(log, terms, verdict)
        judged.judge_cases()
        judged.find_missing()
    return verdict


class _Partition:
    def __init__(self, log: PartitionLog, terms: Terms, verdict: Verdict) -> None:
        self.log, self.terms, self.verdict = log, terms, verdict
        self.visits = {name: sorted(visits) for name, visits in log.visits.items()}
        self.samples = sorted(log.samples)
        self.frontiers = [sample.frontier_us for sample in self.samples]
        self.first: dict[Silence, int] = {}  # when its case was decided
        self._heard_us = cache(self._of_each_sample)

    def judge_cases(self) -> None:
        """Finds cases of customers who had come, and second ones."""
        for case in sorted(self.log.cases, key=lambda case: case.decided_us):
            last_us = self._last_visit_us(case)
            silence = case.customer, last_us
            self.verdict.opened[silence] += 1
            silent_us = case.decided_us - last_us
            if silent_us < self.terms.silent_us - self.terms.blur_us:
                self.verdict.wrong.append(f"wrong: {case} came {days(silent_us)} before")
            elif self.verdict.opened[silence] > 1 and not self._has_risen(case):
                self.verdict.double.append(f"double: {case}, {days(silent_us)} after the last visit")
            else:
                self.verdict.delays_us.append(silent_us - self.terms.silent_us)
            self.first.setdefault(silence, case.decided_us)

    def _has_risen(self, case: Case) -> bool:
        """Whether it is a case of the backlog, of a higher tier than all that the customer had before."""
        before = [one for one in (*self.log.cases, *self.log.upgrades) if one.customer == case.customer]
        return case.from_backlog and case.tier > max(one.tier for one in before if one.decided_us < case.decided_us)

    def find_missing(self) -> None:
        """Finds silences for which a case had to open by an instant, and did not."""
        for customer, visits in self.visits.items():
            ends = [visit.at_us for visit in visits[1:]] + [FOREVER_US]
            for visit, end_us in zip(visits, ends, strict=True):
                if end_us - visit.at_us > self.terms.silent_us + self.terms.blur_us:
                    shops = frozenset(one.shop for one in visits if one.at_us <= visit.at_us)
                    self._judge_silence((customer, visit.at_us), end_us, shops)

    def _judge_silence(self, silence: Silence, end_us: int, shops: frozenset[str]) -> None:
        self.verdict.silences += 1
        crossed_us = silence[1] + self.terms.silent_us + self.terms.blur_us
        until_us = self._due_us(crossed_us, shops)
        if until_us is None or until_us >= end_us or until_us > crossed_us + self.terms.missed_us - DAY_US:
            return
        if self._is_seen_late(silence) and self._had_case(silence[0], 0, silence[1]):
            return
        decided_us = self.first.get(silence)
        in_time = decided_us is not None and decided_us <= until_us
        if not in_time and self._had_case(silence[0], crossed_us - self.terms.window_us, until_us):
            return  # what opens when that one has ended is a case of the backlog
        self.verdict.due.add(silence)
        if not in_time:
            when = "never" if decided_us is None else f"{days(decided_us - until_us)} late"
            self.verdict.missing.append(f"missing: {silence} of {sorted(shops)}, due at {until_us}: {when}")

    def _is_seen_late(self, silence: Silence) -> bool:
        """Whether the visit before a silence was read when the risk was not over any more."""
        offset = next(visit.offset for visit in self.visits[silence[0]] if visit.at_us == silence[1])
        read_us = (sample.frontier_us for sample in self.samples if sample.offset > offset)
        return next(read_us, FOREVER_US) - silence[1] > self.terms.over_us

    def _had_case(self, customer: str, from_us: int, until_us: int) -> bool:
        cases = [case for case in self.log.cases if case.customer == customer]
        return any(from_us <= case.decided_us <= until_us for case in cases)

    def _due_us(self, crossed_us: int, shops: frozenset[str]) -> int | None:
        """By when a case must be decided: all has been well for the promised delay; None: not before the end."""
        since_us: int | None = None
        before_us = 0
        for sample in self.samples[bisect_right(self.frontiers, crossed_us) :]:
            broken = sample.frontier_us - before_us > self.terms.promised_us
            before_us = sample.frontier_us
            if sample.saved_us - sample.frontier_us > self.terms.behind_us or not self._is_heard(sample, shops):
                since_us = None
            elif since_us is None or broken:
                since_us = sample.frontier_us
            elif sample.frontier_us - since_us >= self.terms.promised_us:
                return sample.frontier_us
        return None

    def _is_heard(self, sample: Sample, shops: frozenset[str]) -> bool:
        return all(sample.frontier_us - self._heard_us(shop)[sample] <= self.terms.heard_us for shop in shops)

    def _of_each_sample(self, shop: str) -> dict[Sample, int]:
        """Up to when the shop's records had been read at each sample."""
        words = [word for word in self.log.words if word.shop == shop]
        offsets = [word.offset for word in words]
        latest = np.maximum.accumulate([0, *(word.at_us for word in words)]).tolist()
        return {sample: latest[bisect_right(offsets, sample.offset - 1)] for sample in self.samples}

    def _last_visit_us(self, case: Case) -> int:
        """The customer's last visit before the decision. A visit that was not read yet does not count while the silence
        of its shop is believed. Before the first sample all visits count: none is excused.
        """
        at = bisect_right(self.frontiers, case.decided_us)
        read = max((sample.offset for sample in self.samples[:at]), default=0)
        visits = [visit for visit in self.visits.get(case.customer, []) if visit.at_us <= case.decided_us]
        shops = {visit.shop for visit in visits if visit.offset < read}
        silent_us = case.decided_us - self.terms.believed_us
        known = [
            visit.at_us for visit in visits if visit.offset < read or (visit.at_us <= silent_us and visit.shop in shops)
        ]
        return max(known, default=max((visit.at_us for visit in visits), default=case.decided_us))


def standstill_s(samples: Sequence[Sample], speed: float) -> float:
    """Returns the longest real time between two states with different frontiers."""
    return max(_pauses_us(samples), default=0) / speed / 1e6


def _pauses_us(samples: Sequence[Sample]) -> Iterator[int]:
    ordered = sorted(samples)
    moved = ordered[:1]
    for sample in ordered:
        if sample.frontier_us > moved[-1].frontier_us:
            yield sample.saved_us - moved[-1].saved_us
            moved.append(sample)


def days(us: float) -> str:
    """Returns a time in days."""
    return f"{us / DAY_US:.2f} d"
