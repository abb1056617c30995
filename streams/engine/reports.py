"""What a partition reports to the learner at a grid instant, beside its examples. Reports of partitions add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from features import histograms, population
from features.aggregates import Last, Layout, Total
from features.histograms import BINS, Histograms, zero_histograms
from features.histograms import NAMES as HISTOGRAMS
from features.matrix import scaled
from features.population import BINS as RANKS
from features.population import COMPONENTS, Counts, zero_counts
from features.signals import RETAINED
from features.table import Slots, Table
from online_model.array_codec import pack, unpack
from online_model.drift import Missing
from online_model.early_returns import Returns
from streams.cases.columns import SENT, WIDTH
from streams.engine.backlog import Rank
from streams.engine.cohorts import Cohorts
from streams.engine.scoring import Scoring, in_chunks
from streams.interventions.actions import LIFECYCLES, Lifecycle, lifecycles
from streams.interventions.stop_loss import Judged, added
from streams.profile.profile import Profile


@dataclass(frozen=True)
class Report:
    """population, histograms: counts of the active customers; missing, judged: of events and cases since the last
    grid instant; closed: of measured cases since then, by tier, week and strategy; seen: activity types that some
    customer has had; backlog: the best ranks in the backlog; returns: of the cohorts whose horizon has not ended, or
    ends now.
    """

    population: Counts
    histograms: Histograms
    missing: Missing
    judged: Judged = field(default_factory=dict)
    seen: frozenset[str] = frozenset()
    backlog: Sequence[Rank] = ()
    closed: Judged = field(default_factory=dict)
    returns: Returns = field(default_factory=dict)

    @staticmethod
    def empty() -> Report:
        """Returns a report without customers, events or cases."""
        return Report(zero_counts(), zero_histograms(), {})

    def __add__(self, other: Report) -> Report:
        missing = {name: dict(fields) for name, fields in self.missing.items()}
        for name, fields in other.missing.items():
            of = missing.setdefault(name, {})
            for each, (events, lack) in fields.items():
                before = of.get(each, (0, 0))
                of[each] = before[0] + events, before[1] + lack
        judged = added(self.judged, other.judged)
        counts = self.population + other.population, self.histograms + other.histograms
        closed, returns = added(self.closed, other.closed), _added(self.returns, other.returns)
        backlog = [*self.backlog, *other.backlog]
        return Report(*counts, missing, judged, self.seen | other.seen, backlog, closed, returns)

    def packed(self) -> dict[str, Any]:
        """Returns the fields for JSON."""
        counted = {"population": pack(self.population), "histograms": pack(self.histograms)}
        returns = [[observed_us, *counts] for observed_us, counts in sorted(self.returns.items())]
        more = {"judged": self.judged, "seen": sorted(self.seen), "backlog": self.backlog, "returns": returns}
        return counted | {"missing": self.missing} | more | ({"closed": self.closed} if self.closed else {})

    @staticmethod
    def unpacked(body: dict[str, Any]) -> Report:
        """Restores what `packed` returned."""
        return Report(
            unpack(body["population"]).reshape(len(COMPONENTS), RANKS),
            unpack(body["histograms"]).reshape(len(HISTOGRAMS), BINS),
            {name: {f: (n, lack) for f, (n, lack) in of.items()} for name, of in body["missing"].items()},
            added({}, body["judged"]),
            frozenset(body.get("seen", ())),  # the release before did not report it
            [(value, digest) for value, digest in body.get("backlog", ())],
            added({}, body.get("closed", {})),
            {observed_us: (customers, stays, back) for observed_us, customers, stays, back in body.get("returns", ())},
        )


def _added(a: Returns, b: Returns) -> Returns:
    none = (0, 0, 0)
    pairs = {us: zip(a.get(us, none), b.get(us, none), strict=True) for us in (*a, *b)}
    return {us: tuple(x + y for x, y in pair) for us, pair in pairs.items()}  # type: ignore[misc]  # three of them


def report_of(scoring: Scoring, cohorts: Cohorts, slots: Slots, at_us: int) -> Report:
    """Returns the report on customers at a grid instant. The model of the instant is made with it, so there is no score
    by that model yet: the last published scores are counted.
    """
    report = Report.empty()
    for chunk in in_chunks(slots):
        block = scoring.table.gather(chunk)
        raw, sent = scoring.features(block, np.full(len(chunk), float(at_us))), block[SENT - WIDTH]
        counts = population.count(raw), histograms.count(scaled(raw), sent[~np.isnan(sent)])
        report += Report(*counts, {})
    return replace(report, returns=cohorts.returns(map(scoring.table.gather, in_chunks(slots))))


def lifecycle_counts(profile: Profile, table: Table, layout: Layout, at_us: int) -> dict[Lifecycle, int]:
    """Returns how many customers of each lifecycle group there are, of those who have ever bought."""
    rows, column = table.rows[: len(table)], layout.column
    purchases, last_us = rows[:, column[Total(RETAINED)]], rows[:, column[Last(RETAINED)]]
    has = purchases > 0
    places = lifecycles(profile, purchases[has], at_us - last_us[has])
    return dict(zip(LIFECYCLES, np.bincount(places, minlength=len(LIFECYCLES)).tolist(), strict=True))
