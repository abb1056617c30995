"""The wall screen: what a group does, in words, whatever names it has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.alerts import AlertKind
from schemas.errors import Failure
from schemas.instants import SECOND_US, format_instant
from streams.console import live_feed
from streams.console.access import Role, Viewer
from streams.console.background import Background, of_folder
from streams.console.changes import Change, News
from streams.console.live_feed import LiveFeed, Rates, Read
from streams.console.live_words import ALERTS, LIVE
from streams.kafka.status import Place, ServedModel, Status, UnitState
from streams.operations.verdict import WHYS
from tests.console.consoles import ADVISER, MANAGER, NOW_US, ON_CALL, serving
from tests.console.copies import PROFILE, lines, store_in, write
from tests.operations.cases.messages import intervention, reason

HOSTILE = ["<script>alert(1)</script>", "\"quoted\" & 'it'", "\u202eevil\u2066", "x" * 128, "a/b?c#d"]
NOW_S = NOW_US / SECOND_US
GOOD = [UnitState("engine-0", format_instant(NOW_US), 1.0, False, False, 0, [], None, "w0")]


def status(units: Sequence[UnitState] = GOOD, **others: Any) -> Status:
    model = ServedModel(version=7, instant_us=NOW_US, ready=True, labels=1234, auc=0.81)
    first = Status("g", "", "Stable", 1, list(units), [], model, {"applied": 100})
    return replace(first, **others)


def alert(kind: str, subject: str, unit: str = "engine-0", **figures: Any) -> dict[str, Any]:
    since = format_instant(NOW_US - 60 * SECOND_US)
    return {
        "unit": unit,
        "kind": kind,
        "subject": subject,
        "text": f"said of {subject}",
        "figures": figures,
        "since": since,
    }


class Group:
    """A group whose status a test sets; a Failure is raised."""

    def __init__(self, *seen: Status | Failure) -> None:
        self.seen, self.opened, self.told = list(seen), 0, asyncio.Queue[str]()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Read]:
        self.opened += 1
        yield self.read

    async def read(self) -> Status:
        one = self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]
        if isinstance(one, Failure):
            raise one
        return one

    async def looked(self, times: int = 1) -> Background:
        """What the console knows after so many looks."""
        feed = LiveFeed(self.open, lambda: NOW_US)
        task = asyncio.create_task(feed.run(self.told.put_nowait, lambda page: True))
        for _ in range(times):
            assert await self.told.get() == "live"
        task.cancel()
        return Background(feed, dict)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_feed, "LOOK_S", 0.0)


async def shown(
    folder: Path, background: Background | None, viewer: Viewer = MANAGER, lang: str = "en", *bodies: dict[str, Any]
) -> str:
    store = store_in(folder)
    write(store, *bodies)
    async with serving(store, background=background) as served:
        answer = await served.browser(viewer).get("/live", headers={"Accept-Language": lang})
        assert answer.status == 200
        return await answer.text()


def test_each_cause_of_a_verdict_and_each_kind_of_alert_has_words() -> None:
    assert {f"why_{cause}" for cause in WHYS} <= LIVE.keys()
    assert set(ALERTS) == set(AlertKind)


@pytest.mark.parametrize(
    ("seen", "said", "said_zh"),
    [
        (status(), "No record waits.", "没有等待处理的记录。"),
        (status(members=0), "No worker runs in group g.", "组 g 中没有运行的工作进程。"),
        (status([replace(GOOD[0], given_up="no such topic")]), "engine-0 cannot go on.", "engine-0 无法继续。"),
        (
            status([replace(GOOD[0], lag_records=3, seconds_since_checkpoint=99.0)]),
            "engine-0 gets on no further, and records wait.",
            "engine-0 停滞不前",
        ),
        (status(alerts=[alert("records_refused", "shop")]), "Records of shop are refused.", "shop 的记录被拒收。"),
        (
            status(places=[Place("surveys", 0, "engine-0", 1, 9, 8, 4_000.0)]),
            "The oldest record that waits: 4,000 s (surveys/0).",
            "等待最久的记录：4,000 s (surveys/0)。",
        ),
    ],
)
async def test_the_verdict_is_said_in_both_languages(tmp_path: Path, seen: Status, said: str, said_zh: str) -> None:
    background = await Group(seen).looked()
    assert said in await shown(tmp_path / "en", background)
    assert said_zh in await shown(tmp_path / "zh", background, MANAGER, "zh")


@pytest.mark.parametrize("name", HOSTILE)
async def test_no_name_from_outside_is_markup_or_turns_the_line_around(tmp_path: Path, name: str) -> None:
    kinds = ["records_refused", "producer_silent", "history", "wrong_partition", "field_missing", "of_a_newer_release"]
    figures = {"refused": 9, "share": 0.5, "rule": name, "heard_at": format_instant(NOW_US), "missing": 0.5}
    seen = status(
        [replace(GOOD[0], owner=name, given_up=name)],
        alerts=[alert(kind, name, **figures) for kind in kinds],
        unknown_fields={name: 3},
    )
    text = await shown(tmp_path, await Group(seen).looked())
    assert "<script>alert" not in text
    wall = text[text.index('id="live"') :]
    assert "\u202e" not in wall
    assert unescape(wall).count(name.replace("\u202e", "\\u202e").replace("\u2066", "\\u2066")) >= 5


async def test_what_several_units_say_of_a_publisher_is_one_alert_and_one_line(tmp_path: Path) -> None:
    figures = {"heard_at": format_instant(NOW_US), "usual_pause": "1h"}
    alerts = [alert("producer_silent", "shop surveys", f"engine-{n}", waiting=n + 1, **figures) for n in range(3)]
    text = await shown(tmp_path, await Group(status(alerts=alerts)).looked())
    assert text.count("Publisher is silent") == 1
    assert "engine-0, engine-1, engine-2, since" in text
    assert "6 decisions wait" in text


async def test_a_unit_without_an_owner_stands_out_unless_the_group_is_rebalancing(tmp_path: Path) -> None:
    alone = [replace(GOOD[0], owner=None)]
    assert "has no worker" in await shown(tmp_path / "a", await Group(status(alone)).looked())
    moving = status(alone, state="PreparingRebalance")
    assert "has no worker" not in await shown(tmp_path / "b", await Group(moving).looked())


async def test_an_adviser_sees_cases_of_the_own_scope_without_ids_and_on_call_a_mask(tmp_path: Path) -> None:
    background = await Group(status()).looked()
    cases = [intervention(customer_id="secret-1", reasons=[reason("Was angry")], scope="pilot"),
             intervention("i2", customer_id="secret-2", reasons=[reason("Was far away")], scope="city-2")]  # fmt: skip
    adviser = await shown(tmp_path / "a", background, ADVISER, "en", *cases)
    assert "Was angry" in adviser
    assert "Was far away" not in adviser
    assert "secret" not in adviser
    assert "/case?" not in adviser
    on_call = await shown(tmp_path / "b", background, ON_CALL, "en", *cases)
    assert "secret" not in on_call
    assert on_call.count("<bdi>#") == 2
    manager = await shown(tmp_path / "c", background, Viewer("mia", Role.MANAGER, None), "en", *cases)
    assert "secret-1" in manager
    assert manager.index("secret-1") > 0


async def test_the_newest_case_comes_first(tmp_path: Path) -> None:
    cases = [intervention(f"i{n}", customer_id=f"c{n}", emitted_at=f"2024-03-0{n}T00:00:00Z") for n in (2, 1)]
    text = await shown(tmp_path, None, MANAGER, "en", *cases)
    assert text.index("<bdi>c2</bdi>") < text.index("<bdi>c1</bdi>")


async def test_a_replay_s_folder_has_no_worker_and_the_page_says_so(tmp_path: Path) -> None:
    folder = lines(tmp_path / "out", [intervention()])
    (folder / "summary.json").write_bytes(orjson.dumps({"events_read": 176_529, "auc": 0.667, "model_version": 85}))
    text = await shown(tmp_path, of_folder(folder, PROFILE, lambda: NOW_US, None))
    assert "there is no worker" in text
    assert "176,529" in text
    assert "AUC of model 85" in text
    assert "<h2>Units</h2>" not in text


async def test_brokers_that_do_not_answer_are_named_and_the_last_look_stays(tmp_path: Path) -> None:
    group = Group(status(), Failure("no broker of kafka:9092 answers"), status(members=0))
    background = await group.looked(2)
    text = await shown(tmp_path / "a", background)
    assert "Brokers do not answer" in text
    assert "no broker of kafka:9092 answers" in text
    assert "engine-0" in text
    assert "No worker runs" in await shown(tmp_path / "b", await group.looked())


async def test_before_the_first_look_the_page_says_that_it_looks(tmp_path: Path) -> None:
    background = Background(LiveFeed(Group(status()).open, lambda: NOW_US), dict)
    text = await shown(tmp_path, background)
    assert "The status of the group is being read." in text
    assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in text


async def test_one_client_is_kept_and_a_new_one_is_opened_after_a_failure() -> None:
    group = Group(*[status()] * 3, Failure("gone"), status())
    await group.looked(6)
    assert group.opened == 2


def test_events_a_second_are_those_of_the_last_ten() -> None:
    rates = Rates()
    found = [rates.add(second * SECOND_US, 50 * second) for second in range(20)]
    assert found[0] is None
    assert found[1:] == [50.0] * 19
    assert rates.add(29 * SECOND_US, 50 * 19) == 0.0


def test_a_unit_that_was_not_read_makes_no_gap_and_no_peak() -> None:
    rates = Rates()
    for second, count in enumerate([0, 50, 100, 20, 200, 250]):
        found = rates.add(second * SECOND_US, count)
        assert found in (None, 50.0)
    for second in range(6, 30):  # lower for good: a state was made again
        found = rates.add(second * SECOND_US, second)
    assert found == 1.0


async def test_a_case_of_any_scope_and_customer_is_no_markup(tmp_path: Path) -> None:
    name = HOSTILE[0]
    text = await shown(
        tmp_path, None, MANAGER, "en", intervention(scope=name, customer_id=name, reasons=[reason(name)])
    )
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;") == 3


async def test_only_browsers_on_a_page_are_told_of_its_news(tmp_path: Path) -> None:
    async with serving(store_in(tmp_path)) as served:
        changes = served.changes
        with changes.subscribed("live") as mine, changes.subscribed("results") as other:
            changes.tell("live")
            assert isinstance(await asyncio.wait_for(mine.get(), 1), News)
            assert other._waiting.empty()
            for _ in range(100):
                changes.tell("live")  # who does not keep up gets the next ones
            mine.put(Change(7, (("a", None),)))
            assert (await mine.get()) == Change(7, None)


async def test_a_browser_on_the_page_is_told_of_each_look(tmp_path: Path) -> None:
    async with serving(store_in(tmp_path)) as served:
        browser = served.browser()
        async with browser.get("/stream", params={"page": "live"}) as answer:
            while await answer.content.readline() != b"\n":
                pass
            await answer.content.readline()
            assert served.changes.is_shown("live")
            assert not served.changes.is_shown("results")
            served.changes.tell("results")
            served.changes.tell("live")
            told = b""
            while b"news" not in told:
                told = await asyncio.wait_for(answer.content.readline(), 10)
