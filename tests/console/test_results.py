"""The page Results: the figures of the report, and each viewer's own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.errors import Failure
from streams.console import results_feed
from streams.console.access import Role, Viewer
from streams.console.background import Background, of_folder
from streams.console.charts import Interval, intervals, ticks
from streams.console.results_feed import Found, ResultsFeed, compute
from streams.console.store import Store
from streams.operations.cases.folder_reader import read_folder
from streams.savings import opened_cases, results
from streams.savings.words import Words
from tests.console.consoles import MANAGER, NOW_US, ON_CALL, Served, serving
from tests.console.copies import PROFILE, store_in, write
from tests.operations.cases.messages import intervention, update, withheld
from tests.savings.folders import NAMES, city

AGENT_1 = Viewer("agent-1", Role.ADVISER, ("pilot",))
NOBODY = Viewer("zoe", Role.ADVISER, ("pilot",))
SCRIPT = "<script>alert(1)</script>\u202e\"'"
LEARNED: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {})


def filled(folder: Path, source: Path) -> Store:
    """A copy with the messages of a folder."""
    store = store_in(folder)
    for name in NAMES:
        write(store, *map(orjson.loads, (source / name).read_bytes().splitlines()))
    return store


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return city(tmp_path_factory.mktemp("kept") / "city")


@pytest.fixture(scope="module")
def found(kept: Path, tmp_path_factory: pytest.TempPathFactory) -> Found:
    store = filled(tmp_path_factory.mktemp("copy"), kept)
    report, advisers, _ = compute(store.path, PROFILE, LEARNED)
    store.close()
    return Found(NOW_US, 1.5, report, advisers)


def known(found: Found | None, weekly: Path | None = None) -> Background:
    feed = ResultsFeed(PROFILE, lambda: LEARNED, lambda: NOW_US)
    feed.last = found
    return Background(None, dict, feed, weekly=weekly)


async def shown(folder: Path, background: Background, viewer: Viewer = MANAGER, lang: str = "en") -> str:
    async with serving(store_in(folder), background=background) as served:
        answer = await served.browser(viewer).get("/results", headers={"Accept-Language": lang})
        assert answer.status == 200
        return unescape(await answer.text())


def test_the_figures_are_those_of_keepline_report(kept: Path, tmp_path: Path, found: Found) -> None:
    cases = opened_cases.read(read_folder(kept), PROFILE.currency, None)
    wanted = results.report(PROFILE, cases, *LEARNED)
    assert found.report is not None
    assert found.report.dumps() == wanted.dumps()
    assert found.advisers == results.lists(cases, lambda customer: True).advisers


async def test_a_manager_sees_all_figures(tmp_path: Path, found: Found) -> None:
    text = await shown(tmp_path, known(found))
    assert found.report is not None
    assert found.report.measured is not None
    assert f"{found.report.counted.saved:,.0f} customers stayed who would have left" in text
    assert f"{found.report.measured.value.net:,.0f}" in text
    assert "Price of the holdout" in text
    assert "Stage country" in text
    for agent in ("agent-0", "agent-1", "agent-2"):
        assert f"<bdi>{agent}</bdi>" in text
    assert "computed 2 Mar 2024 20:00, in 1.5 s" in text


async def test_an_adviser_sees_the_own_figure_and_nothing_of_others_or_of_money(tmp_path: Path, found: Found) -> None:
    text = await shown(tmp_path, known(found), AGENT_1)
    credit = next(one.credit for one in found.advisers if one.agent_id == "agent-1")
    assert f"Of {credit.cases} closed cases of yours, {credit.saved:.0f} customers stayed" in text
    for word in ("agent-0", "agent-2", "ROI", "Price of the holdout", "Stage country"):
        assert word not in text
    assert "None of your cases has closed yet" in await shown(tmp_path / "b", known(found), NOBODY)


async def test_what_is_not_shown_is_not_claimed(tmp_path: Path) -> None:
    flat = city(tmp_path / "flat", lift=0.0)
    store = filled(tmp_path / "copy", flat)
    report, advisers, _ = compute(store.path, PROFILE, LEARNED)
    store.close()
    background = known(Found(NOW_US, 1.0, report, advisers))
    text = await shown(tmp_path / "a", background)
    assert "not shown to pay back" in text
    assert "Not shown yet whether the cases keep customers" in text
    own = advisers[0]
    doubtful = replace(own, credit=replace(own.credit, low=-1.0, high=1.0))
    text = await shown(
        tmp_path / "b", known(Found(NOW_US, 1.0, report, [doubtful])), Viewer(own.agent_id, Role.ADVISER, ())
    )
    assert "the range includes 0" in text


async def test_on_call_sees_no_results(tmp_path: Path, found: Found) -> None:
    async with serving(store_in(tmp_path), background=known(found)) as served:
        assert (await served.browser(ON_CALL).get("/results")).status == 404
        assert "/results" not in await (await served.browser(ON_CALL).get("/live")).text()


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_no_name_is_markup_and_no_style_is_inline(tmp_path: Path, lang: str) -> None:
    store, closed = store_in(tmp_path / "copy"), "2024-06-01T00:00:00Z"
    about = {"strategy": SCRIPT, "agent_id": SCRIPT, "cause": SCRIPT, "segments": [SCRIPT], "tier": "high"}
    write(store, intervention("a", customer_id="a", **about), withheld("b", customer_id="b", **about))
    write(store, *(update("measured", name, customer_id=name, updated_at=closed, returned=True) for name in "ab"))
    report, advisers, _ = compute(store.path, PROFILE, LEARNED)
    store.close()
    async with serving(store_in(tmp_path), background=known(Found(NOW_US, 1.0, report, advisers))) as served:
        text = await (await served.browser().get("/results", headers={"Accept-Language": lang})).text()
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;") >= 2
    assert "style=" not in text


async def test_before_the_figures_are_there_the_page_says_so(tmp_path: Path) -> None:
    assert "The figures are being computed." in await shown(tmp_path / "a", known(None))
    nothing = Found(NOW_US, 0.1, None, [], "there is no message about a case yet")
    assert "there is no message about a case yet" in await shown(tmp_path / "b", known(nothing))


class Counted(ResultsFeed):
    """A feed that computes nothing, at once."""

    async def _computed(self, store: Path) -> results_feed.Computed:
        return None, [], [], ""


class Looked:
    """A feed that runs over a copy; `told` holds a page's name for each computation."""

    def __init__(self, store: Store, feed: ResultsFeed) -> None:
        self.told, self.changes = asyncio.Queue[str](), 1
        self.task = asyncio.create_task(
            feed.run(store.path, lambda: self.changes, self.told.put_nowait, lambda page: False)
        )

    async def again(self, most_s: float) -> bool:
        with suppress(TimeoutError):
            return await asyncio.wait_for(self.told.get(), most_s) == "results"
        return False


async def test_another_process_computes_the_same(
    tmp_path: Path, kept: Path, found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results_feed, "LOOK_S", 0.01)
    feed = ResultsFeed(PROFILE, lambda: LEARNED, lambda: NOW_US)
    looked = Looked(filled(tmp_path, kept), feed)
    feed.ask()
    assert await looked.again(60)
    looked.task.cancel()
    assert feed.last is not None
    assert feed.last.report is not None
    assert found.report is not None
    assert feed.last.report.dumps() == found.report.dumps()
    assert feed.last.advisers == found.advisers


async def test_figures_are_computed_for_whoever_asks_and_again_only_after_a_change_and_a_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results_feed, "LOOK_S", 0.001)
    monkeypatch.setattr(results_feed, "LEAST_PAUSE_S", 0.0)
    feed = Counted(PROFILE, lambda: LEARNED, lambda: NOW_US)
    looked = Looked(store_in(tmp_path), feed)
    assert not await looked.again(0.2)  # nobody has asked
    assert feed.ask() is None
    assert await looked.again(10)
    assert not await looked.again(0.2)  # nothing has changed
    monkeypatch.setattr(results_feed, "LEAST_PAUSE_S", 3600.0)
    looked.changes += 1
    assert await looked.again(10)
    looked.changes += 1
    assert not await looked.again(0.2)  # it is too early
    looked.task.cancel()


def _dies(*_: object) -> None:
    os._exit(9)


async def test_a_process_that_dies_leaves_a_sentence_and_a_failure_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results_feed, "LOOK_S", 0.01)
    store = store_in(tmp_path)
    for work, said in ((_dies, "has ended before its time"), (results_feed._work, "there is no message about a case")):
        monkeypatch.setattr(results_feed, "_work", work)
        feed = ResultsFeed(PROFILE, lambda: LEARNED, lambda: NOW_US)
        feed.ask()
        looked = Looked(store, feed)
        assert await looked.again(60)
        assert feed.last is not None
        assert said in feed.last.error
        looked.task.cancel()

    def fails() -> results_feed.Learned:
        raise Failure("no broker answers")

    feed = ResultsFeed(PROFILE, fails, lambda: NOW_US)
    feed.ask()
    looked = Looked(store, feed)
    assert await looked.again(60)
    assert feed.last is not None
    assert feed.last.error == "no broker answers"
    looked.task.cancel()


async def test_the_weekly_page_is_linked_and_only_managers_get_it(tmp_path: Path, found: Found) -> None:
    weekly = tmp_path / "week.html"
    weekly.write_text("<!doctype html><title>the week</title>")
    async with serving(store_in(tmp_path / "a"), background=known(found, weekly)) as served:
        assert 'href="/weekly"' in await (await served.browser().get("/results")).text()
        answer = await served.browser().get("/weekly")
        assert (answer.status, await answer.text()) == (200, weekly.read_text())
        assert answer.headers["Content-Disposition"].startswith("attachment")
        await _refused(served, (AGENT_1, ON_CALL))
        weekly.unlink()
        await _refused(served, (MANAGER,))
        assert 'href="/weekly"' not in await (await served.browser().get("/results")).text()


async def _refused(served: Served, viewers: Iterable[Viewer]) -> None:
    for viewer in viewers:
        assert (await served.browser(viewer).get("/weekly")).status == 404


def test_a_replay_s_folder_brings_its_summary_and_its_weights(kept: Path) -> None:
    background = of_folder(kept, PROFILE, lambda: NOW_US, None)
    assert background.results is not None
    assert background.results._learned() == ({}, {})
    assert background.live is None


def test_ticks_are_round_and_few() -> None:
    assert ticks(-0.3, 1.2) == [0.0, 0.5, 1.0]
    assert ticks(0.61, 0.66) == [0.62, 0.64, 0.66]
    for low, high in ((0.0, 1e-9), (-7.3, 92.0), (1e6, 3e6)):
        assert 2 <= len(ticks(low, high)) <= 6


def test_a_chart_of_one_mark_is_whole_and_names_are_no_markup() -> None:
    drawn = intervals([Interval(SCRIPT, 0.0, 0.0, 0.0, "month", SCRIPT)], str, SCRIPT)
    assert "<script>" not in drawn
    assert "nan" not in drawn


def test_money_is_decimal_across_processes(found: Found) -> None:
    assert found.report is not None
    assert found.report.measured is not None
    assert isinstance(found.report.measured.value.net, Decimal)
    assert Words("en", {})("net")
