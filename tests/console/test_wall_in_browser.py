"""Live, Results and Model in Chromium: read from afar, clean for axe and the policy, and following by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.instants import WEEK_US, format_instant
from streams.console import live_feed
from streams.console.background import Background
from streams.console.live_feed import LiveFeed
from streams.console.model_feed import ModelFeed, Seen, Source, Week
from streams.console.results_feed import Found, ResultsFeed, compute
from streams.evaluation.metrics import Bin
from streams.kafka.status import Place, UnitState
from tests.console.browsers import browsing, faults, window
from tests.console.consoles import NOW_US, Served
from tests.console.copies import PROFILE, store_in, write
from tests.console.test_browser import SHOTS, signed_in
from tests.console.test_live import HOSTILE, Group, alert, status
from tests.console.test_model import version
from tests.console.test_results import filled
from tests.operations.cases.messages import intervention, reason
from tests.savings.folders import city

SIZES = {390: 844, 1280: 800, 1920: 1080, 2560: 1440}
NOW = format_instant(NOW_US)
UNITS = [UnitState(f"engine-{n}", NOW, 1.0, False, False, 7, [], None, f"w{n % 2}") for n in range(12)]
PLACES = [Place("surveys", n, f"engine-{n}", 1, 8, 7, 2.0) for n in range(12)]
SMALLEST = """Math.min(...[...document.querySelectorAll('#live *')]
.filter(one => [...one.childNodes].some(of => of.nodeType === 3 && of.data.trim()))
.map(one => parseFloat(getComputedStyle(one).fontSize)))"""


def seen(names: list[str]) -> Group:
    figures = {"refused": 9, "share": 0.5, "rule": "printable", "heard_at": NOW}
    alerts = [alert(kind, name, **figures) for name in names for kind in ("records_refused", "producer_silent")]
    return Group(status(UNITS, places=PLACES, alerts=alerts))


@pytest.fixture
async def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    """A console with everything to show; its group is that of `group`."""
    monkeypatch.setattr(live_feed, "LOOK_S", 0.05)
    monkeypatch.setattr(live_feed, "SELDOM_S", 0.05)
    copy = filled(tmp_path / "copy", city(tmp_path / "city", cases=300))
    report, advisers, warned = compute(copy.path, PROFILE, ({}, {}))
    copy.close()
    results = ResultsFeed(PROFILE, lambda: ({}, {}), lambda: NOW_US)
    results.last = Found(NOW_US, 1.0, report, advisers, "", warned)
    model = ModelFeed(Source(dict, lambda: None), 8, lambda: NOW_US)
    verdict = {"rounds": 12, "gain": 0.0123, "low": -0.004, "high": 0.03, "evidence": 3.5, "needed": 40.0}
    versions = [version(version=n, challengers={HOSTILE[0]: verdict}) for n in range(30)]
    weeks = [Week(NOW_US + n * WEEK_US, 0.7, 0.6, 0.4, 0.5, 0.72, [0.1, 0.2, 0.3, 0.05]) for n in range(30)]
    model.last = Seen(NOW_US, versions, weeks, [Bin(50, 0.2, 0.3), Bin(50, 0.7, 0.6)])
    group = seen(["shop"])
    live = LiveFeed(group.open, lambda: NOW_US)
    store = store_in(tmp_path)
    cases = [intervention(f"i{n}", customer_id=f"c{n}", reasons=[reason("No visit for 112 days")]) for n in range(9)]
    write(store, *cases)
    one = Served(store, background=Background(live, dict, results, model))
    one.group = group
    tasks = [asyncio.create_task(one.changes.run()), asyncio.create_task(live.run(one.changes.tell, lambda page: True))]
    await one.server.start_server()
    yield one
    for task in tasks:
        task.cancel()
    await one.server.close()
    store.close()


def address(served: Served, path: str) -> str:
    return str(served.server.make_url(path))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
async def test_the_pages_are_clean_at_any_width_whatever_publishers_are_called(
    served: Served, locale: str, theme: str
) -> None:
    complaints: list[str] = []
    served.group.seen = seen(HOSTILE).seen
    async with browsing() as browser:
        page = await signed_in(served, await window(browser, complaints, locale=locale, color_scheme=theme))
        for path in ("/live", "/results", "/model"):
            for width, height in SIZES.items():
                await page.set_viewport_size({"width": width, "height": height})
                await page.goto(address(served, path))
                assert await page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
                if width in (390, 1280):
                    assert await faults(page) == [], (path, width)
    assert complaints == []


@pytest.mark.parametrize("names", [["shop"], HOSTILE])
async def test_the_wall_screen_fits_a_screen_and_its_smallest_words_are_large(served: Served, names: list[str]) -> None:
    served.group.seen = seen(names).seen
    async with browsing() as browser:
        page = await signed_in(served, await window(browser, []))
        for width, least in ((1920, 18), (2560, 24)):
            await page.set_viewport_size({"width": width, "height": SIZES[width]})
            await page.goto(address(served, "/live"))
            if SHOTS:
                await page.screenshot(path=Path(SHOTS) / f"live-{len(names)}-{width}.png", full_page=True)
            assert await page.evaluate("document.documentElement.scrollHeight") <= SIZES[width]
            assert await page.evaluate(SMALLEST) >= least
            large = "parseFloat(getComputedStyle(document.querySelector('.verdict .state')).fontSize)"
            assert await page.evaluate(large) > 2.5 * least


async def test_the_wall_screen_follows_by_itself(served: Served) -> None:
    complaints: list[str] = []
    async with browsing() as browser:
        page = await signed_in(served, await window(browser, complaints))
        await page.goto(address(served, "/live"))
        await page.wait_for_selector("#connection.on")
        served.group.seen = [status([replace(one, owner=None) for one in UNITS], members=0)]
        await page.wait_for_selector(".verdict.bad .state:text-is('Stopped')")
        await page.wait_for_selector("tr.bad td:text-is('has no worker')")
        served.group.seen = [status(UNITS)]
        await page.wait_for_selector(".verdict.good .state:text-is('On time')")
    assert complaints == []


async def test_without_javascript_the_wall_screen_loads_itself_again(served: Served) -> None:
    async with browsing() as browser:
        page = await signed_in(served, await window(browser, [], java_script_enabled=False))
        await page.goto(address(served, "/live"))
        assert await page.locator("meta[http-equiv=refresh]").get_attribute("content") == "10"
