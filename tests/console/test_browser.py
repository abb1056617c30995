"""The pages in Chromium: no complaint of the policy, nothing serious for axe, any width, both themes and languages."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page

from streams.console.site import url
from tests.console.browsers import browsing, faults, window
from tests.console.consoles import Served
from tests.console.copies import store_in, write
from tests.console.test_customer import TOUCH
from tests.console.test_outcomes import Topic
from tests.operations.cases.messages import intervention, reason, update, withheld

SHOTS = os.environ.get("KEEPLINE_SCREENSHOTS")  # a folder: pages are kept there, to be looked at
PAGES = ("/work", "/work?show=all_open&tier=extreme", "/case?id=i2", url("/customer", id="anna"), "/customer?find=x")
LONG = "No visit or purchase for 112 days, since 12 March 2024; the usual gap is 88 days"


def filled(folder: Path) -> Served:
    store = store_in(folder)
    cases = [
        intervention(
            f"i{n}", customer_id=f"customer-{n}", expected_net_value=5_000.0 - n, reasons=[reason(LONG), reason()],
            tier="extreme" if n % 3 else "high", agent_id=None if n % 2 else "bert",
        )
        for n in range(30)
    ]  # fmt: skip
    write(store, *cases, intervention("a"), withheld("b", "consent"), TOUCH)
    write(store, update("contacted", "i4", state="contacted", agent_id="bert", customer_id="customer-4"))
    write(store, update("upgraded", "i2", state="open", customer_id="customer-2", probability=0.72))
    return Served(store, sender=Topic())


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    one = filled(tmp_path)
    task = asyncio.create_task(one.changes.run())
    await one.server.start_server()
    yield one
    task.cancel()
    await one.server.close()
    one.store.close()


async def signed_in(served: Served, context: BrowserContext) -> Page:
    page = await context.new_page()
    await page.goto(str(served.server.make_url("/enter").with_query(key=served.door.key.value)))
    return page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
async def test_pages_are_clean_for_axe_and_the_policy_at_any_width(served: Served, locale: str, theme: str) -> None:
    complaints: list[str] = []
    async with browsing() as browser:
        context = await window(browser, complaints, locale=locale, color_scheme=theme)
        page = await signed_in(served, context)
        for number, path in enumerate(PAGES):
            for width in (1280, 390, 2560):
                await page.set_viewport_size({"width": width, "height": 900})
                await page.goto(str(served.server.make_url("/")).rstrip("/") + path)
                assert await page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
                if SHOTS and width < 2000:
                    name = f"{number}-{locale[:2]}-{theme}-{width}.png"
                    await page.screenshot(path=Path(SHOTS) / name, full_page=True)
                if width < 2000:
                    assert await faults(page) == [], (path, width)
    assert complaints == []


async def test_a_case_is_worked_by_keys_and_a_change_is_shown_by_itself(served: Served) -> None:
    complaints: list[str] = []
    async with browsing() as browser:
        page = await signed_in(served, await window(browser, complaints))
        await page.wait_for_selector("#connection.on")
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        await page.keyboard.press("k")
        chosen = page.locator(".case.chosen")
        assert await chosen.get_attribute("data-case") == "i0"
        await page.keyboard.press("a")
        await page.wait_for_selector(".case.chosen .waits")
        assert "Reported: acknowledged" in await page.inner_text("#told")
        at = {"updated_at": "2024-03-02T12:00:01Z", "customer_id": "customer-0"}
        write(served.store, update("acknowledged", "i0", state="acknowledged", **at))
        served.changes.announce()
        await page.wait_for_selector(".case.chosen .next small:text-is('acknowledged')")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#case")
        assert "customer-0" in await page.inner_text("h1")
        await page.keyboard.press("c")
        await page.wait_for_selector(".state.waits")
        await page.keyboard.press("u")
        await page.wait_for_selector(".cases")
    assert complaints == []


async def test_pages_read_and_report_without_javascript(served: Served) -> None:
    complaints: list[str] = []
    async with browsing() as browser:
        page = await signed_in(served, await window(browser, complaints, java_script_enabled=False))
        await page.locator(".case button:text-is('Contacted')").first.click()
        assert "Reported: contacted" in await page.inner_text("#told")
        await page.locator("#language").click()
        assert await page.inner_text("nav a") == "工作清单"
    assert complaints == []


async def test_the_language_switch_stays_on_the_page(served: Served) -> None:
    async with browsing() as browser:
        page = await signed_in(served, await window(browser, [], locale="en-GB"))
        await page.goto(str(served.server.make_url("/case?id=i2")))
        await page.locator("#language").click()
        await page.wait_for_selector("text=客户为什么可能流失")
        assert page.url.endswith("/case?id=i2")


async def test_a_browser_whose_session_ends_is_led_out(served: Served) -> None:
    async with browsing() as browser:
        page = await signed_in(served, await window(browser, []))
        await page.wait_for_selector("#connection.on")
        served.clock.forward(hours=13)
        write(served.store, intervention("new"))
        served.changes.announce()
        await page.wait_for_selector("text=Sign in first")
