"""The engine of one partition: `step(rows, until)` takes whole ticks and an instant, and gives facts.

Between two stops of the schedule events are applied tick by tick: a customer's events of a tick at once, the customer
scored at its end. Customers do not depend on each other between stops, so the first ticks of all customers are taken
together, then their second ones, and so on: the result is that of one tick after another, at the speed of columns.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from features.aggregates import RETENTION, First, Last, Layout, Signal
from features.arithmetic import Array
from features.catalogue import AGGREGATES, scaled, values
from features.population import count, nobody
from features.recent import RecentIds
from features.table import Slots, Table
from features.view import KNOWN, View
from online_model.scorer import Scorer
from online_model.snapshot import Snapshot
from schemas.columns import Rows
from streams.engine import blocks
from streams.engine.crossings import CASE_COLUMNS, NO_CASE, WIDTH, Crossings, Fact, Scored
from streams.engine.rhythm import Rhythm
from streams.engine.schedule import Schedule, is_grid
from streams.interventions.cases import Withheld
from streams.interventions.profile import Profile

ROWS_AT_ONCE = 4096
Sweep = tuple[int, Slots, Array]  # instant us, slots, probability
Score = tuple[int, float, int]  # at us, probability, model version
RETAINED = Signal(RETENTION)


@dataclass
class Facts:
    """What came out since the last take, in the order of (instant, customer)."""

    interventions: list[Fact] = field(default_factory=list)
    withheld: list[Fact] = field(default_factory=list)
    scores: dict[int, Score | None] = field(default_factory=dict)  # slot -> its latest; None: gone
    observations: list[bytes] = field(default_factory=list)
    labelled: list[bytes] = field(default_factory=list)

    @property
    def somebody_waits(self) -> bool:
        """A mark or an intervention that is not committed holds up the learner or a call."""
        return bool(self.labelled or self.interventions)


class Engine:
    """State and rules of one partition. `now_us` is stream time; `waiting_us` the instant whose model is waited for."""

    def __init__(
        self, profile: Profile, partition: int, tick_us: int, *, waits_for_models: bool, keeps_sweeps: bool = False
    ) -> None:
        self.profile, self.partition, self._tick_us = profile, partition, tick_us
        self.waits_for_models, self.keeps_sweeps = waits_for_models, keeps_sweeps
        self.layout = Layout(AGGREGATES, profile.label.retention_events)
        self.table = Table(np.concatenate([self.layout.empty, NO_CASE]))
        self.recent = RecentIds()
        self.schedule = Schedule(profile.time.sweep_every_us, profile.label.horizon_us)
        self.crossings, self.rhythm = Crossings(profile), Rhythm(profile.time.quiet_factor)
        self.scorer = Scorer(Snapshot.initial(profile.model.prior_probability))
        self.now_us: int | None = None
        self.waiting_us: int | None = None
        self.first_observed_us: int | None = None
        self.population = nobody()  # the active customers of the last grid instant, counted
        self.counts: Counter[str] = Counter()
        self.facts = Facts()
        self.quiet: list[str] = []  # sources that had fallen quiet at the last sweep
        self.sweeps: list[Sweep] = []
        self._last_retained = self.layout.column[Last(RETAINED)]
        self._first_known, self._last_known = self.layout.column[First(KNOWN)], self.layout.column[Last(KNOWN)]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of a customer's row."""
        return ("reference_us", *map(repr, self.layout.aggregates), *CASE_COLUMNS)

    def start(self, now_us: int) -> None:
        """Where stream time begins: not after the first event of any partition."""
        self.now_us = now_us

    def step(self, rows: Rows, until_us: int) -> None:
        """Applies the events of whole ticks up to `until_us`, in any order, and stops where the schedule says.

        `rows` have slots of `table` and the tick they are due in. Raises when it would pass an instant whose model or
        observations it still waits for: the feed must not let it.
        """
        assert self.now_us is not None, "the engine has not been started"
        # the end of the input may lie within a tick: its events are still due when it ends, as if more had followed
        rows["due_us"] = np.minimum(rows["due_us"], -(-until_us // self._tick_us) * self._tick_us)
        rows = rows[np.argsort(rows["due_us"], kind="stable")]
        while self.now_us < until_us:
            assert self.waiting_us is None, f"model of {self.waiting_us} has not come"
            stop_us = min(until_us, self.schedule.next_stop(self.now_us))
            n = len(rows) if stop_us == until_us else int(np.searchsorted(rows["due_us"], stop_us, "right"))
            self._apply(rows[:n])
            rows, self.now_us = rows[n:], stop_us
            self._stop(stop_us)

    def take_model(self, snapshot: Snapshot) -> None:
        """The model in force from now on; where it was waited for, the sweep of its instant follows."""
        self.take_snapshot(snapshot)
        if self.waiting_us is not None:
            assert snapshot.instant_us == self.waiting_us, (snapshot.instant_us, self.waiting_us)
            self.waiting_us = None
            if self.schedule.is_sweep(snapshot.instant_us):
                self._sweep(snapshot.instant_us)

    def take_snapshot(self, snapshot: Snapshot) -> None:
        """Scores are made with this model from now on."""
        self.scorer = Scorer(snapshot)

    def label(self, block: dict[str, object], observed_us: int) -> None:
        """The observations of a block, made at `observed_us`, get their labels: stream time is their horizon's end."""
        slots = self.table.slots(block["customers"])  # type: ignore[arg-type]  # a block of ours, by its schema
        left = self.table.rows[slots, self._last_retained] <= observed_us
        self.facts.labelled.append(blocks.labelled(block, left.astype(np.uint8)))

    def report_end(self) -> None:
        """Tells the learner that nothing more comes."""
        self.facts.labelled.append(blocks.end_mark(self.partition))

    def take_facts(self) -> Facts:
        """What came out since the last call."""
        facts, self.facts = self.facts, Facts()
        return facts

    def active(self, at_us: int) -> Slots:
        """Customers with a retention event in [at - lapsed_after, at]."""
        last = self.table.rows[: len(self.table), self._last_retained]
        return np.flatnonzero(last >= at_us - self.profile.label.lapsed_after_us)

    def _stop(self, at_us: int) -> None:
        if is_grid(at_us):
            self._forget(at_us)
            self._observe(at_us)
        elif self.schedule.is_sweep(at_us):
            self._sweep(at_us)

    def is_forgotten(self, slots: Slots) -> NDArray[np.bool_]:
        """(slots,): of whom nothing is known any more."""
        forgotten: NDArray[np.bool_] = self.table.rows[slots, self._last_known] == -np.inf
        return forgotten

    def _forget(self, at_us: int) -> None:
        """Customers of whom nothing has been heard for long leave the state, as if they had never been here."""
        last = self.table.rows[: len(self.table), self._last_known]
        slots = np.flatnonzero((last > -np.inf) & (last < at_us - self.profile.label.forgotten_after_us))
        self.table.forget(slots)
        self.facts.scores.update(dict.fromkeys(slots.tolist()))
        self.counts["forgotten"] += len(slots)

    def _observe(self, at_us: int) -> None:
        active, self.population = self.active(at_us), nobody()
        for start in range(0, len(active), ROWS_AT_ONCE):
            slots = active[start : start + ROWS_AT_ONCE]
            view = View(self.layout, self.table.gather(slots), np.full(len(slots), float(at_us)))
            raw = self.scorer.complete(values(view))
            x = scaled(raw)
            probability, said = self.scorer.probability(x), self.scorer.said(x)
            self.population += count(raw)
            names = [self.table.names[slot] for slot in slots.tolist()]
            version = self.scorer.snapshot.version
            self.facts.observations += blocks.observation_blocks(at_us, version, names, probability, said, raw)
        self.counts["observations"] += len(active)
        self.facts.observations.append(blocks.mark(at_us, self.partition))
        self.first_observed_us = at_us if self.first_observed_us is None else self.first_observed_us
        if self.waits_for_models:
            self.waiting_us = at_us
        elif self.schedule.is_sweep(at_us):
            self._sweep(at_us)

    def report_grid(self, at_us: int) -> None:
        """Tells the learner that all labels up to a grid instant are out."""
        self.facts.labelled.append(blocks.mark(at_us, self.partition, self.population))

    def _sweep(self, at_us: int) -> None:
        active, parts = self.active(at_us), []
        self.quiet = self.rhythm.quiet(at_us)
        hold = Withheld.SOURCE_QUIET if self.quiet else Withheld.NOTHING  # a sweep sees nothing but silence
        for start in range(0, len(active), ROWS_AT_ONCE):
            slots = active[start : start + ROWS_AT_ONCE]
            block = self.table.gather(slots)
            probability, changed = self._score(slots, block, np.full(len(slots), float(at_us)), hold)
            self.table.rows[slots[changed], -WIDTH:] = block[-WIDTH:, changed].T
            self.table.dirty[slots[changed]] = True
            parts.append(probability)
        self._flush_crossings()
        if self.keeps_sweeps and parts:
            self.sweeps.append((at_us, active, np.concatenate(parts)))

    def _apply(self, rows: Rows) -> None:
        """Events up to the next stop, by due time."""
        if not len(rows):
            return
        first_due_us = int(rows["due_us"][0])
        rows = rows[np.lexsort((rows["id"], rows["kind"], rows["time_us"], rows["due_us"], rows["slot"]))]
        new = self.recent.take_new(rows["id"], first_due_us - 1)
        late = -(-rows["time_us"] // self._tick_us) * self._tick_us < rows["due_us"]
        self.counts["duplicate"] += int((~new).sum())
        self.counts["late"] += int((new & late).sum())
        self.counts["applied"] += int((new & ~late).sum())
        if not self.waits_for_models:
            self.rhythm.hear(rows[new])
        self._apply_ticks(rows[new])
        self._flush_crossings()

    def _apply_ticks(self, rows: Rows) -> None:
        """Rows sorted by slot and tick: the first tick of every customer, then the second, ..."""
        if not len(rows):
            return
        slot, due_us = rows["slot"].astype(np.intp), rows["due_us"]
        opens = np.append(True, (slot[1:] != slot[:-1]) | (due_us[1:] != due_us[:-1]))
        first = np.flatnonzero(opens)  # the first row of each group
        group = np.cumsum(opens) - 1
        new_customer = np.append(True, slot[first][1:] != slot[first][:-1])
        number = np.arange(len(first))
        turn = number - np.maximum.accumulate(np.where(new_customer, number, 0))
        for k in range(int(turn.max()) + 1):
            mine = turn == k
            place = np.cumsum(mine) - 1
            chosen = mine[group]
            self._apply_groups(slot[first[mine]], due_us[first[mine]], rows[chosen], place[group[chosen]])

    def _apply_groups(self, slots: Slots, due_us: NDArray[np.int64], rows: Rows, group: NDArray[np.intp]) -> None:
        for start in range(0, len(slots), ROWS_AT_ONCE):
            end = min(start + ROWS_AT_ONCE, len(slots))
            of = slice(*np.searchsorted(group, [start, end]))
            block, at_us = self.table.gather(slots[start:end]), due_us[start:end].astype(np.float64)
            self.layout.update(block, rows[of], group[of] - start, at_us)
            is_active = np.flatnonzero(block[self._last_retained] >= at_us - self.profile.label.lapsed_after_us)
            part = block[:, is_active]
            self._score(slots[start:end][is_active], part, at_us[is_active])
            block[-WIDTH:, is_active] = part[-WIDTH:]
            self.table.scatter(slots[start:end], block)

    def _score(
        self, slots: Slots, block: Array, at_us: Array, hold: Withheld = Withheld.NOTHING
    ) -> tuple[Array, NDArray[np.bool_]]:
        """Scores active customers at their instants; their cases change in `block`. -> probabilities, what changed."""
        view = View(self.layout, block, at_us)
        raw = self.scorer.complete(values(view))
        x = scaled(raw)
        probability = self.scorer.probability(x)
        known_us, name = block[self._first_known], self.table.names.__getitem__
        scored = Scored(slots, name, view, at_us, known_us, probability, raw, x, self.scorer)
        block[-WIDTH:], changed = self.crossings.decide(scored, block[-WIDTH:], hold)
        at, p = at_us[changed].astype(np.int64).tolist(), probability[changed].tolist()
        scores = zip(at, p, repeat(self.scorer.snapshot.version), strict=False)
        self.facts.scores.update(zip(slots[changed].tolist(), scores, strict=True))
        return probability, changed

    def _flush_crossings(self) -> None:
        interventions, withheld, counts = self.crossings.flush()
        self.counts.update(counts)
        self.facts.interventions += interventions
        self.facts.withheld += withheld
        self.counts["interventions"] += len(interventions)
        self.counts["interventions_withheld"] += len(withheld)
