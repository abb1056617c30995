"""The closed loop in one process: the city produces a day, the engine of a replay opens cases, the simulated CRM calls,
and saved customers return. The holdout is large, so that a small city gives enough holdout cases.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import orjson

from online_model.examples import Examples, joined
from online_model.learner import Learner, Rules
from online_model.snapshot import Snapshot
from schemas.events import TOPIC_OF_KIND
from schemas.instants import parse_instant
from streams.demo.closed_loop import ClosedLoop
from streams.files.file_sources import FileSources
from streams.files.replay_folder import ReplayFolder
from streams.profile.loading import load_profile
from streams.replay import LocalRecord, Replay
from streams.simulation.city import City
from streams.simulation.crm import Crm, Habits
from streams.simulation.files import CityFolder
from streams.simulation.rules import Rules as CityRules
from streams.units.engine_feed import EngineFeed

START_US = parse_instant("2024-01-01T00:00:00Z")
SETTINGS = (
    "gate.holdout_share=0.3",
    "gate.consent_when_unknown=true",  # no customer profiles are sent
    "label.horizon=120d",
    "model.min_labels=500",
    "model.least_auc=0.5",
)
PROMPT = Habits(contact_days=((0, 1),), contact_shares=(1.0,))
IDLE = Habits(contact_shares=(0.0, 0.0, 0.0, 0.0), heeds_escalation=0.0)
PUBLISHED = CityRules()
PERSUASIVE = CityRules(saved_share=(0.9, 0.9, 0.9, 0.9))  # far above the published rates, for a visible effect


class Loop:
    """City and CRM as the sources of a replay, and as the folder that its messages go to."""

    def __init__(self, closed_loop: ClosedLoop, days: int) -> None:
        self.closed_loop, self.days, self.read, self.empty = closed_loop, days, 0, False
        self.names = sorted(TOPIC_OF_KIND.values())
        self._sent: dict[str, int] = defaultdict(int)
        self._interventions: list[Any] = []
        self._updates: list[Any] = []

    def read_into(self, feed: EngineFeed) -> None:
        """Offers the events of the next day, after giving the new messages to the CRM."""
        messages = self._interventions, self._updates
        self._interventions, self._updates = [], []
        by_topic = defaultdict(list)
        for row in self.closed_loop.next_day(*messages):
            by_topic[TOPIC_OF_KIND[row.kind]].append(row)
        for topic in self.names:
            base = self._sent[topic]
            self._sent[topic] += len(by_topic[topic])
            records = [
                LocalRecord(base + i, row.value, (row.customer or "").encode()) for i, row in enumerate(by_topic[topic])
            ]
            feed.offer(topic, base, records, self.closed_loop.now_us)
            feed.caught_up(topic, self.closed_loop.now_us)
        self.days -= 1
        if not self.days:
            feed.merge.finish(self.closed_loop.now_us)

    def interventions(self, values: Sequence[bytes]) -> None:
        self._interventions += map(orjson.loads, values)

    def models(self, values: Sequence[bytes]) -> None:
        """Ignores models."""

    def updates(self, values: Sequence[bytes]) -> None:
        self._updates += map(orjson.loads, values)

    def withheld(self, values: Sequence[bytes]) -> None:
        """Ignores withheld interventions: the CRM does not get them."""

    touches = tasks = dead_letters = withheld

    def examples(self, *columns: object) -> None:
        """Ignores examples: `run_city` takes them from the learner."""


def run_city(
    customers: int, days: int, seed: int, rules: CityRules, habits: Habits
) -> tuple[dict[int, Examples], Rules]:
    """Simulates a city and returns its matured examples by instant, and the rules of its learner."""
    found: dict[int, Examples] = {}
    with TemporaryDirectory(prefix="keepline-loop-") as folder, CityFolder(Path(folder)) as files:
        loop = Loop(ClosedLoop(City(customers, START_US, seed, rules), Crm(seed, habits), files), days)
        replay = Replay(load_profile("after-sales", SETTINGS), cast(FileSources, loop), cast(ReplayFolder, loop))
        learner = replay.learner.learner
        learner.learn = _kept(learner, found)  # type: ignore[method-assign]
        replay.run()
    return found, learner.rules


def _kept(learner: Learner, found: dict[int, Examples]) -> Any:
    learn = learner.learn

    def kept(instant_us: int, examples: list[Examples], *rest: Any, **more: Any) -> Snapshot:
        for at_us in {one.observed_us for one in examples}:
            found[at_us] = joined([one for one in examples if one.observed_us == at_us])
        return learn(instant_us, examples, *rest, **more)

    return kept
