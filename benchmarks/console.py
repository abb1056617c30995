"""The console with 1,000,000 cases and 100 browsers: reading it all, the work list, and a change on its way."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import IO, Any

import numpy as np
import orjson
from aiohttp import ClientSession, ClientTimeout, CookieJar, TCPConnector

from benchmarks.measure import Measure, Scale, at_most

CASES = {"small": 20_000, "full": 1_000_000}
OPEN_SHARE = 0.05  # cases live for two months, and a company keeps those of years
BROWSERS, CHANGES, REQUESTS = 100, 20, 400
READ_LIMIT_S, LIST_P95_S, CHANGE_P95_S, MOST_MIB = 60.0, 0.050, 1.0, 700
STORE = "console.sqlite"
START = 1_709_251_200  # 2024-03-01
SCOPES, TIERS = [f"city-{n}" for n in range(1, 21)], ("extreme", "high")
QUERIES = (
    "", "show=today", "show=late", "show=all_open", "scope=city-7", "tier=extreme", "agent=mine", "cause=price",
    "strategy=slot&scope=city-3", "agent=nobodys&tier=high&show=late",
)  # fmt: skip


def run(scale: Scale, seed: int) -> list[Measure]:
    """Claims: all cases read within a minute; the work list within 50 ms, a change on screen within 1 s (p95)."""
    with TemporaryDirectory(prefix="keepline-console-") as folder:
        _write(Path(folder) / "replay", CASES[scale], Random(seed))
        with _console(Path(folder)) as (process, link, took_s):
            cpu_s = _processor_s(process)
            lists, changes = asyncio.run(_watched(link, Path(folder), Random(seed)))
            peak = _peak_mib(process)
    return [
        Measure("all cases read, by processor time", cpu_s, "s", claim=at_most(cpu_s, READ_LIMIT_S, "<= 60 s")),
        Measure("all cases read, by the clock", took_s, "s"),
        Measure("work list p95", 1e3 * _p95(lists), "ms", claim=at_most(_p95(lists), LIST_P95_S, "<= 50 ms")),
        Measure("work list median", 1e3 * float(np.median(lists)), "ms"),
        Measure("change on screen p95", _p95(changes), "s", claim=at_most(_p95(changes), CHANGE_P95_S, "<= 1 s")),
        Measure("peak memory", peak, "MiB", claim=at_most(peak, MOST_MIB, f"<= {MOST_MIB} MiB")),
    ]


def _p95(values: list[float]) -> float:
    return float(np.quantile(values, 0.95))


def _case(number: int, random: Random) -> dict[str, Any]:
    """An intervention of the size that a worker writes: four reasons with their facts."""
    crossed = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START + random.randrange(7 * 86_400)))
    fact = {
        "measure": "days_since",
        "kind": "service_visit",
        "from": None,
        "until": crossed,
        "value": 88,
        "unit": "days",
    }
    sentence = "No visit or purchase for 112 days, since 12 March 2024; the usual gap is 88 days"
    reason = {
        "topic": "recency", "feature": "silence_evidence_90d", "value": 1.0, "unit": "log odds", "contribution": 0.4,
        "sentence": sentence, "sentence_zh": "自2024年3月12日以来已有 112 天没有到店或购买，平时间隔 88 天",
        "facts": [fact] * 3,
    }  # fmt: skip
    text = "Call, name the last visit, ask about its experience, and offer the package with a slot of their choice."
    action = {
        "who": "service advisor",
        "channel": "phone",
        "offer": text,
        "offer_zh": text,
        "script": text,
        "script_zh": text,
    }
    return {
        "schema_version": 1, "intervention_id": f"{random.getrandbits(128):032x}", "customer_id": f"c{number:08}",
        "opened_by": "crossing", "crossed_at": crossed, "decided_at": crossed, "emitted_at": crossed,
        "window_ends_at": crossed, "window": "7d", "probability": random.uniform(0.5, 1.0), "previous_probability": 0.4,
        "tier": random.choice(TIERS), "action": action, "budget": {"amount": 300.0, "currency": "CNY"},
        "expected_saved": 0.6, "expected_net_value": round(random.uniform(0, 5_000), 2), "propensity": 0.95,
        "customer_value": 4000.0, "scope": random.choice(SCOPES), "who": "service advisor",
        "agent_id": random.choice((None, "mia", "bert")), "strategy": random.choice(("slot", "package", "check")),
        "strategy_propensity": 0.3, "strategies": {"slot": 0.3, "package": 0.3, "check": 0.3},
        "cause": random.choice((None, None, "price", "service")), "segments": ["high-value"], "lifecycle": "mature",
        "rfm_b": None, "rfm_group": None, "touch_points": [], "log_odds": 0.1, "average_log_odds": -1.4,
        "other_contributions": 0.0, "reasons": [reason] * 4, "reasons_against": [reason], "model_version": 9,
        "policy_version": "after-sales-12345678",
    }  # fmt: skip


def _update(case: dict[str, Any], status: str, state: str) -> bytes:
    names = ("intervention_id", "customer_id", "policy_version", "tier", "scope", "who", "agent_id")
    at = {"updated_at": "2024-03-09T00:00:00Z", "status": status, "state": state}
    return orjson.dumps({name: case[name] for name in names} | at) + b"\n"


def _write(folder: Path, count: int, random: Random) -> None:
    """A folder as a replay leaves it: of twenty cases one is open."""
    folder.mkdir()
    (folder / "interventions-withheld.jsonl").touch()
    with (
        (folder / "interventions.jsonl").open("wb") as sent,
        (folder / "intervention-updates.jsonl").open("wb") as updates,
    ):
        for number in range(count):
            case = _case(number, random)
            sent.write(orjson.dumps(case) + b"\n")
            if random.random() >= OPEN_SHARE:
                updates.write(_update(case, "closed", "lost"))


@contextmanager
def _console(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str, float]]:
    """Yields the process, its link and how long it read."""
    began = time.monotonic()
    words = ["console", "--http", "8097", "--dir", str(folder / "replay"), "--store", str(folder / STORE)]
    command = [sys.executable, "-m", "streams.cli", *words, "--agent", "mia"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process, *_said(process.stdout, began)
    finally:
        process.kill()
        process.wait()


def _said(output: IO[str] | None, began: float) -> tuple[str, float]:
    assert output
    link = ""
    for line in output:
        link = line.strip() if line.startswith("http") else link
        if line.startswith("read "):
            return link, time.monotonic() - began
    raise RuntimeError("the console ended before it had read everything")


async def _watched(link: str, folder: Path, random: Random) -> tuple[list[float], list[float]]:
    """Seconds of requests for the work list, and of changes until a browser has the page that shows them."""
    address = link.partition("/enter")[0]
    options = {"cookie_jar": CookieJar(unsafe=True), "timeout": ClientTimeout(total=None)}
    async with ClientSession(**options, connector=TCPConnector(limit=0)) as client:
        async with client.get(link) as answer:
            assert answer.status == 200
        told, all_told = list[float](), asyncio.Event()
        ready = [asyncio.Event() for _ in range(BROWSERS)]
        browsers = [
            asyncio.create_task(_browser(client, address, n, told, all_told, ready[n])) for n in range(BROWSERS)
        ]
        await asyncio.gather(*(one.wait() for one in ready))
        lists = [await _fetched(client, f"{address}/work?{random.choice(QUERIES)}") for _ in range(REQUESTS)]
        changes: list[float] = []
        for number in range(CHANGES):
            told.clear()
            all_told.clear()
            before = _change(folder)
            with (folder / "replay" / "interventions.jsonl").open("ab") as file:
                file.write(orjson.dumps(_case(10_000_000 + number, random) | {"scope": SCOPES[0]}) + b"\n")
            committed = await asyncio.to_thread(_committed, folder, before)
            await all_told.wait()
            changes += [at - committed for at in told]
        for browser in browsers:
            browser.cancel()
    return lists, changes


async def _browser(
    client: ClientSession, address: str, number: int, told: list[float], all_told: asyncio.Event, ready: asyncio.Event
) -> None:
    """Follows the stream; fetches its page, one of twenty, whenever there is a change."""
    page = f"{address}/work?show=all_open&scope={SCOPES[number % len(SCOPES)]}"
    async with client.get(f"{address}/stream") as answer:
        async for line in answer.content:
            if not line.startswith(b"data:"):
                continue
            if ready.is_set():
                await _fetched(client, page)
                told.append(time.monotonic())
                if len(told) == BROWSERS:
                    all_told.set()
            ready.set()


def _committed(folder: Path, before: int) -> float:
    """Waits for the next commit; returns its instant, to a millisecond or two."""
    while _change(folder) == before:
        time.sleep(0.001)  # SQLite tells no other process of a commit
    return time.monotonic()


def _change(folder: Path) -> int:
    with closing(sqlite3.connect(f"{(folder / STORE).as_uri()}?mode=ro", uri=True)) as store:
        return int(store.execute("SELECT value FROM meta WHERE name = 'change'").fetchone()[0])


async def _fetched(client: ClientSession, address: str) -> float:
    began = time.monotonic()
    async with client.get(address) as answer:
        await answer.read()
        assert answer.status == 200, answer.status
    return time.monotonic() - began


def _processor_s(process: subprocess.Popen[str]) -> float:
    """Processor time of the process so far, its start included."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mib(process: subprocess.Popen[str]) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
