"""`keepline console` on Apache Kafka: ten cases worked by keys, answered by a worker."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest
from aiohttp import ClientSession, CookieJar
from aiokafka import AIOKafkaProducer
from playwright.async_api import BrowserContext, Page

from schemas.instants import DAY_US
from streams.console.rows import KINDS
from streams.kafka.settings import Settings
from streams.simulation import write_city
from tests.console.browsers import browsing, chromium, console, window
from tests.kafka.apache import free_ports
from tests.kafka.city import wait_for
from tests.kafka.group import OPTIONS, Group, new_group
from tests.kafka.test_cases import transact
from tests.operations.cases.messages import intervention

PARTITIONS, DAYS, CASES = 2, 300, 10
SETTINGS = [*OPTIONS, "--set", "gate.quiet_channels=", "--set", "gate.holdout_share=0"]


@pytest.fixture
def history(tmp_path: Path) -> list[str]:
    """A city until last midnight."""
    start_us = time.time_ns() // 1000 // DAY_US * DAY_US - DAYS * DAY_US
    write_city(tmp_path / "city", 400, DAYS, start_us, seed=4)
    return [str(path) for path in sorted((tmp_path / "city").glob("*.jsonl")) if path.stem != "truth"]


async def bodies(group: Group, topic: str) -> list[dict[str, str]]:
    return [json.loads(value) for value in await group.values(topic)]


async def outcomes(group: Group) -> list[tuple[str, str, str]]:
    """Case, status and adviser of each outcome."""
    sent = [one for one in await bodies(group, "intervention-outcomes") if one["kind"] == "intervention_outcome"]
    return [(one["intervention_id"], one["status"], one["agent_id"]) for one in sent]


async def contact_by_keys(page: Page) -> list[str]:
    """Reports the first cases of the list as contacted; returns them once the worker has answered, and then the next
    case, which is as it was.
    """
    found = [await one.get_attribute("data-case") or "" for one in await page.locator(".case").all()]
    for _ in found[:CASES]:
        await page.keyboard.press("j")
        await page.keyboard.press("c")
    for case in found[:CASES]:
        await page.wait_for_selector(f'[data-case="{case}"] .due.none:text-is("contacted")', timeout=60_000)
    return found[: CASES + 1]


async def contact_at_once(case: str, windows: Sequence[Page]) -> list[str]:
    """Reports a case as contacted in several windows at the same time; returns what they say of it."""
    button = f'[data-case="{case}"] button[value="contacted"]'
    click = "button => document.querySelector(button).click()"
    await asyncio.gather(*(one.evaluate(click, button) for one in windows))
    for one in windows:
        await one.locator("#told").filter(has_text=re.compile("already|Reported")).wait_for()
    return [await one.inner_text("#told") for one in windows]


async def opened(context: BrowserContext, link: str, work: str) -> Page:
    """A window on the work list of who follows the link."""
    page = await context.new_page()
    await page.goto(link)
    await page.goto(work)
    return page


async def states(page: Page) -> dict[str, str]:
    """What comes next by cases."""
    cases = await page.locator(".case").all()
    return {await one.get_attribute("data-case") or "": await one.locator(".next b").inner_text() for one in cases}


async def test_ten_cases_are_worked_by_keys_and_the_worker_answers_each_once(
    brokers: str, history: list[str], tmp_path: Path
) -> None:
    chromium()
    complaints: list[str] = []
    group = new_group(brokers, PARTITIONS, tmp_path)
    code, said = group.tried("backfill", *history, *SETTINGS)
    assert code == 0, said
    (port,) = free_ports(1)
    words = ["--http", str(port), "--agent", "anna", "--store", str(tmp_path / "c.sqlite"), *SETTINGS]
    work = f"http://127.0.0.1:{port}/work?show=all_open"

    async def some_are_sent() -> bool:
        return len(await group.values("interventions")) > CASES

    async with browsing() as browser:
        with group.worker(*SETTINGS[len(OPTIONS) :]):
            await wait_for(some_are_sent, 120)
            context = await window(browser, complaints)
            with console(group.city.environment, *words) as (process, link):
                page = await opened(context, link, work)
                second = await context.new_page()
                await second.goto(work)
                await page.wait_for_selector("#connection.on")
                cases = await contact_by_keys(page)
                told = await contact_at_once(cases[-1], (page, second))
                assert sorted("already" in one for one in told) == [False, True], told
                assert complaints == []
                process.kill()
                process.wait()
            assert sorted(await outcomes(group)) == sorted((case, "contacted", "anna") for case in cases)
            with console(group.city.environment, *words) as (process, link):  # after kill -9
                found = await states(await opened(context, link, work))
                assert {found[case] for case in cases[:CASES]} == {"contacted"}
    audited = await bodies(group, "console-audit")
    reported = [one["result"] for one in audited if one["did"] == "reported"]
    assert (reported.count("sent"), reported.count("already")) == (CASES + 1, 1)
    assert not {one["about"] for one in audited} & set(cases)
    answered = [one for one in await bodies(group, "intervention-updates") if one["status"] == "contacted"]
    assert sorted(one["intervention_id"] for one in answered) == sorted(cases)


STRANGE = [None, b"", b"null", b"[]", b"{}", b"\xff\x00", b'"x"', b"1e999"]
HOSTILE = "</script><script>alert(1)</script>\x1b[2J\u202e"


async def test_topics_that_hold_garbage_and_aborted_records_show_what_is_good_in_them(
    known: Settings, tmp_path: Path
) -> None:
    await transact(known, ("interventions", intervention("aborted", customer_id="aborted")), abort=True)
    async with AIOKafkaProducer(**known.client) as producer:
        for topic, value in itertools.product(KINDS, STRANGE):
            await producer.send(known.topic(topic), value, b"anna" if value is not None else b"x", partition=0)
        hostile = intervention("i9", customer_id=HOSTILE, scope=HOSTILE, agent_id=HOSTILE)
        await producer.send(known.topic("interventions"), orjson.dumps(hostile), HOSTILE.encode())
        await producer.send(known.topic("interventions"), orjson.dumps(intervention(crossed_at="soon")), b"anna")
    await transact(known, ("interventions", intervention("good", customer_id="good")))
    (port,) = free_ports(1)
    with console(os.environ, "--http", str(port), "--store", str(tmp_path / "c.sqlite")) as (_, link):
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
            await client.get(link)

            async def text() -> str:
                async with client.get(f"http://127.0.0.1:{port}/work?show=all_open") as answer:
                    assert answer.status == 200
                    return await answer.text()

            async def is_there() -> bool:
                return "good" in await text()

            await wait_for(is_there)
            page = await text()
            assert "aborted" not in page
            assert "<script>alert" not in page
            assert "&lt;script&gt;alert" in page
            assert page.count('<li class="case') == 2
