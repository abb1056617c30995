"""The loop of a simulated city, whose strategies have effects that the simulator knows: the report's ranges cover them.

Nobody who has left these cities comes back without a contact, so whoever the simulator says was saved by one would not
have come: that is the effect on a customer. Nothing of the report's statistics takes part in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, cast

import orjson
import pytest

from benchmarks.closed_loop import PROMPT, SETTINGS, START_US, Loop
from schemas.instants import format_instant
from streams.cli import main
from streams.demo.closed_loop import ClosedLoop
from streams.files.file_sources import FileSources
from streams.files.replay_folder import ReplayFolder
from streams.profile.loading import load_profile
from streams.replay import Replay
from streams.simulation.city import City
from streams.simulation.crm import Crm
from streams.simulation.files import CityFolder
from streams.simulation.rules import Rules

EFFECTS = {"package": 0.7, "slot": 1.3, "check": 0.2}  # factors on the published shares; of the other tier it is 1
RULES = Rules(strategy_effects=tuple(EFFECTS.items()), with_signs_share=0.0, return_share=0.0, monthly_hazard=0.02)
CUSTOMERS, DAYS, SEEDS = 1_500, 640, (1, 2, 3)
Calls = Mapping[str, Sequence[str]]  # customer -> when contacts saved this one
FILES = ("interventions", "interventions-withheld", "intervention-updates")


class Range(NamedTuple):
    """A measured lift with its range, and the true one."""

    name: str
    low: float
    lift: float
    high: float
    true: float

    @property
    def covers(self) -> bool:
        return self.low <= self.true <= self.high


class Told(Loop):
    """A loop that writes its messages to the folder of a replay."""

    def __init__(self, closed_loop: ClosedLoop, days: int, folder: Path) -> None:
        super().__init__(closed_loop, days)
        self.folder = folder
        for name in FILES:
            (folder / f"{name}.jsonl").touch()
        (folder / "summary.json").write_text("{}")

    def interventions(self, values: Sequence[bytes]) -> None:
        super().interventions(values)
        self._tell("interventions", values)

    def updates(self, values: Sequence[bytes]) -> None:
        super().updates(values)
        self._tell("intervention-updates", values)

    def withheld(self, values: Sequence[bytes]) -> None:
        self._tell("interventions-withheld", values)

    def _tell(self, name: str, values: Sequence[bytes]) -> None:
        with (self.folder / f"{name}.jsonl").open("ab") as file:
            file.writelines(value + b"\n" for value in values)


def ranges(folder: Path, seed: int) -> Iterator[Range]:
    """Runs a city and its report, and compares them with what the simulator did."""
    told, out = folder / "told", folder / "report"
    told.mkdir(parents=True)
    settings = [f"--set={one}" for one in SETTINGS]
    with CityFolder(folder / "city") as files:
        loop = Told(ClosedLoop(City(CUSTOMERS, START_US, seed, RULES), Crm(seed, PROMPT), files), DAYS, told)
        Replay(load_profile("after-sales", SETTINGS), cast(FileSources, loop), cast(ReplayFolder, loop)).run()
    assert main(["report", "--dir", str(told), "--out", str(out), *settings]) == 0
    report = orjson.loads((out / "report.json").read_bytes())
    calls, sent = defaultdict[str, list[str]](list), closed(told)
    for call in loop.closed_loop.calls:
        if call.saved:
            calls[call.customer].append(format_instant(call.called_us))
    yield compared(report["overall"], sent, calls)
    for found in report["strategies"]:
        of = found["compared"]
        yield compared(of, [body for body in sent if body["strategy"] == of["name"]], calls)


def closed(folder: Path) -> list[dict[str, Any]]:
    """The first cases of customers, if they were sent and their windows have closed."""
    sent, _, updates = (
        [orjson.loads(line) for line in (folder / f"{name}.jsonl").read_bytes().splitlines()] for name in FILES
    )
    ends = {body["intervention_id"]: body for body in updates if body["status"] == "measured"}
    first = {body["customer_id"]: body for body in sorted(sent, key=itemgetter("crossed_at"), reverse=True)}
    return [
        body | {"closed_at": end["updated_at"], "returned": end["returned"]}
        for body in first.values()
        if (end := ends.get(body["intervention_id"])) is not None
    ]


def compared(found: dict[str, Any], sent: Sequence[dict[str, Any]], calls: Calls) -> Range:
    """A measured lift, and the share of its customers whom a contact brought back before the case was closed: one about
    this case, or about a later one of theirs.
    """
    assert found["cases"] == len(sent)
    back = [
        body["returned"] and any(body["crossed_at"] < at < body["closed_at"] for at in calls[body["customer_id"]])
        for body in sent
    ]
    return Range(found["name"], found["low"], found["lift"], found["high"], sum(back) / len(back))


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> list[list[Range]]:
    return [list(ranges(tmp_path_factory.mktemp("city"), seed)) for seed in SEEDS]


def test_ranges_of_all_cases_and_of_each_strategy_cover_what_the_simulator_did(cities: list[list[Range]]) -> None:
    found = [one for city in cities for one in city]
    assert {one.name for one in found} == {"all", "default", *EFFECTS}
    assert sum(one.covers for one in found) >= 0.95 * len(found), [one for one in found if not one.covers]


def test_the_ranges_say_something_and_the_strategies_differ(cities: list[list[Range]]) -> None:
    for city in cities:
        of = {one.name: one for one in city}
        assert of["all"].low > 0
        assert of["slot"].true > of["check"].true
