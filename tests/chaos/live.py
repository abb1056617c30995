"""The live chaos run: shops publish on a fast clock, workers and brokers fail, and an independent reading judges.

Beside it runs a calm group: one worker, a broker of its own, the same shops. Exit code 0: every case is as promised.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from aiokafka import AIOKafkaProducer

from online_model.registry import Command
from schemas.instants import DAY_US, HOUR_US, SECOND_US
from streams.kafka import settings, topics
from streams.kafka.settings import Settings
from streams.operations.models.send import send
from streams.units.sources import MODELS
from tests.chaos.clock import FastClock
from tests.chaos.judge import Terms, Verdict, days, judge, standstill_s
from tests.chaos.proxy import Proxy
from tests.chaos.publishers import BEAT_S, Outlet, Shop, keep_open, publish_history, town
from tests.chaos.reading import STANDSTILL_LIMIT_S, Reading, Sampler, read
from tests.chaos.supervisor import KINDS, Faults, Supervisor
from tests.kafka.apache import Cluster, free_ports, nodes
from tests.units.shops import SETTINGS, SILENT_DAYS, SWEEP_US, silence_model

SHOPS = ("north", "east", "south")  # south sends no heartbeats
HISTORY_DAYS = 40  # published before the workers start
LIMIT_S, LEAVE_LIMIT_S, HEAP_MIB = 1800.0, 20.0, 768
DOWN_DAYS, SLOW_DAYS, REST_DAYS = (12.0, 18.0), (4.0, 8.0), 45.0
TRANSACTION_S, OUTAGE_S = (2.0, 6.0), (5.0, 15.0)  # real time
SKEWS_US = (120 * SECOND_US, 600 * SECOND_US, 2 * DAY_US, -HOUR_US)
SHOP_KINDS = ("shop_down", "shop_down", "shop_down", "shop_forgets", "shop_slow", "shop_skewed", "shop_transacts")
LIVE_KINDS = (*KINDS, "outage")
LIVE = [*SETTINGS, "case.cool_down=1d", "case.backlog_a_day=100000", "gate.quiet_channels="]
LIVE += ["label.horizon=700d"]  # no label matures: the learner has no opinion on the judge's model


def arguments() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser("tests.chaos --live")
    parser.add_argument("--live", action="store_true", required=True)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--brokers", type=int, default=1)
    parser.add_argument("--partitions", type=int, default=3)
    parser.add_argument("--customers", type=int, default=240)
    parser.add_argument("--hours", type=float, default=8.0, help="that pass on the fast clock in a second")
    parser.add_argument("--pause", type=float, nargs=2, default=(0.5, 4.0), help="seconds between two faults")
    parser.add_argument("--log", type=Path, help="where to leave the workers' log")
    return parser.parse_args()


def main() -> int:
    """Runs once."""
    known = arguments()
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(run(known, Path(folder)))


class Side:
    """One cluster with its group of workers: the one under faults, or the calm one."""

    def __init__(self, name: str, folder: Path, brokers: int, proxied: bool) -> None:
        places = nodes(brokers)
        ports = free_ports(brokers) if proxied else [place.port for place in places]
        folder.mkdir()
        self.folder, self.name = folder, name
        self.kafka = Cluster(folder, places, ports, HEAP_MIB // brokers)
        self.proxies = [Proxy(port, place.port) for port, place in zip(ports, places, strict=True) if proxied]
        self.environment = os.environ | {
            "KEEPLINE_BROKERS": ",".join(f"127.0.0.1:{port}" for port in ports),
            "KEEPLINE_GROUP": name,
            "KEEPLINE_TOPIC_PREFIX": "",
            "OPENBLAS_NUM_THREADS": "1",
        }
        self.settings: Settings = settings.from_environment(self.environment)
        self.log = folder / "workers.log"

    async def start(self, partitions: int, clock: FastClock) -> None:
        """Starts the brokers, and makes topics that serve the model."""
        await asyncio.to_thread(self.kafka.start)
        await asyncio.gather(*[proxy.start() for proxy in self.proxies])
        await topics.create(self.settings, partitions)
        model = replace(silence_model(), instant_us=int(clock.start_s) * SECOND_US)
        async with AIOKafkaProducer(**self.settings.client) as producer:
            for partition in range(partitions):
                await producer.send_and_wait(self.settings.topic(MODELS), model.dumps(), b"model", partition)
        # the learner goes on serving it
        await send(self.settings, Command(model.instant_us, "the judge knows this one", model))

    def supervisor(self, workers: int, clock: FastClock) -> Supervisor:
        """Returns a supervisor of this number of workers."""
        work = {"profile": "after-sales", "set": LIVE, "slow_s": 0.0, "fetch": None, "clock": asdict(clock)}
        return Supervisor(self.environment, work, self.log, workers)


class LiveFaults(Faults):
    """Faults of workers, brokers and, one in four, of shops."""

    def __init__(self, supervisor: Supervisor, side: Side, shops: Sequence[Shop], clock: FastClock, seed: int) -> None:
        super().__init__(supervisor, side.kafka, side.proxies, seed, LIVE_KINDS)
        self.shops, self.clock = shops, clock
        self.of_shops: set[asyncio.Task[None]] = set()

    async def inflict(self, count: int, pause_s: tuple[float, float]) -> None:
        """Causes faults one after the other, beside those of shops; a shop is down first."""
        while self.done.total() < count:
            if not self.done or self.chance.random() < 0.25:
                self._fault_of_a_shop("shop_down" if not self.done else self.chance.choice(SHOP_KINDS))
            await super().inflict(min(self.done.total() + 1, count), pause_s)

    async def end(self) -> None:
        """Waits until all shops are well."""
        await asyncio.gather(*self.of_shops)

    async def _outage(self, name: str) -> None:
        """Ends all workers for a while: days on the clock."""
        self.supervisor.paused = True
        for process in self.supervisor.running.values():
            process.kill()
        await asyncio.sleep(self.chance.uniform(*OUTAGE_S))
        self.supervisor.paused = False

    def _fault_of_a_shop(self, kind: str) -> None:
        is_silent = kind in ("shop_down", "shop_forgets")
        free = [one for one in self.shops if not one.busy and (one.rested_us < self.clock.now_us or not is_silent)]
        if not free:
            return
        shop = self.chance.choice(free)
        shop.busy = True
        self.done[kind] += 1
        print(f"{time.strftime('%T')} fault {self.done.total()}: {kind} {shop.name}", file=sys.stderr, flush=True)
        self.of_shops.add(asyncio.ensure_future(getattr(self, f"_{kind}")(shop)))

    async def _shop_down(self, shop: Shop) -> None:
        shop.down = True
        await self._days(DOWN_DAYS)
        shop.come_back(self.clock.now_us)
        shop.rested_us, shop.busy = self.clock.now_us + int(REST_DAYS * DAY_US), False

    async def _shop_forgets(self, shop: Shop) -> None:
        shop.forgets = True
        await self._shop_down(shop)

    async def _shop_slow(self, shop: Shop) -> None:
        shop.slow_us = int(self.chance.uniform(2, 48) * HOUR_US)
        await self._days(SLOW_DAYS)
        shop.slow_us, shop.busy = 0, False

    async def _shop_skewed(self, shop: Shop) -> None:
        shop.skew_us = self.chance.choice(SKEWS_US)
        await self._days(SLOW_DAYS)
        shop.skew_us, shop.busy = 0, False

    async def _shop_transacts(self, shop: Shop) -> None:
        shop.transacts = True
        await asyncio.sleep(self.chance.uniform(*TRANSACTION_S))
        shop.transacts = shop.busy = False

    async def _days(self, span: tuple[float, float]) -> None:
        """Sleeps for some days of the clock."""
        await asyncio.sleep(self.chance.uniform(*span) * DAY_US / SECOND_US / self.clock.speed)


async def run(known: argparse.Namespace, folder: Path) -> int:
    """Runs both sides in `folder` and judges them; returns the exit code."""
    speed = known.hours * 3600
    origin_s = time.time()
    # on the clock it is always earlier than on the brokers': they refuse records of the future
    clock = FastClock(origin_s, origin_s - LIMIT_S * speed, speed)
    from_us = int(clock.start_s * SECOND_US) - HISTORY_DAYS * DAY_US
    shops = open_shops(known, from_us, speed)
    sides = [Side("chaos", folder / "chaos", known.brokers, True), Side("calm", folder / "calm", 1, False)]
    try:
        await asyncio.gather(*[side.start(known.partitions, clock) for side in sides])
        supervisors = [sides[0].supervisor(known.workers, clock), sides[1].supervisor(1, clock)]
        faults = LiveFaults(supervisors[0], sides[0], shops, clock, known.seed)
        samplers = [Sampler(side.settings, known.partitions) for side in sides]
        left = await under_faults(known, clock, shops, sides, supervisors, samplers, faults)
        readings = [await read(side.settings, sampler) for side, sampler in zip(sides, samplers, strict=True)]
    except TimeoutError:
        print(f"WRONG (seed {known.seed}): the partitions did not catch up within {STANDSTILL_LIMIT_S:.0f} s")
        return 1
    finally:
        for side in sides:
            await asyncio.to_thread(side.kafka.stop)
            if known.log:
                known.log.with_name(f"{known.log.name}.{side.name}").write_bytes(side.log.read_bytes())
    return report(known, clock, faults, supervisors[0], readings, left)


def open_shops(known: argparse.Namespace, from_us: int, speed: float) -> list[Shop]:
    """Returns the shops with all that will happen in them."""
    visits = town(SHOPS, known.customers, from_us, HISTORY_DAYS + LIMIT_S * speed * SECOND_US / DAY_US, known.seed)
    beat_us = int(BEAT_S * speed * SECOND_US)
    return [
        Shop(name, deque(one for one in visits if one.visit.shop == name), from_us, beat_us, beats=name != SHOPS[-1])
        for name in SHOPS
    ]


async def under_faults(
    known: argparse.Namespace,
    clock: FastClock,
    shops: list[Shop],
    sides: list[Side],
    supervisors: list[Supervisor],
    samplers: list[Sampler],
    faults: LiveFaults,
) -> list[str]:
    """Lets all run until the faults are over and their effects too; returns what did not end as it should."""
    outlets = [Outlet(shop, side.settings, known.partitions) for shop in shops for side in sides]
    await publish_history(shops, outlets, clock)
    publishing = [asyncio.ensure_future(keep_open(shops, clock))]
    publishing += [asyncio.ensure_future(outlet.run()) for outlet in outlets]
    sampling = [asyncio.ensure_future(sampler.run()) for sampler in samplers]
    keeping = [asyncio.ensure_future(supervisor.keep()) for supervisor in supervisors]
    try:
        caught_up = [sampler.caught_up(clock.latency_us) for sampler in samplers]
        await asyncio.wait_for(asyncio.gather(*caught_up), STANDSTILL_LIMIT_S)
        async with asyncio.timeout(LIMIT_S - STANDSTILL_LIMIT_S):
            await faults.inflict(known.faults, tuple(known.pause))
            await faults.end()
        await settle(clock, samplers, terms(clock))
        for task in keeping:
            task.cancel()
        left = [name for supervisor in supervisors for name in await supervisor.leave(LEAVE_LIMIT_S)]
        for sampler in samplers:
            await sampler.take()
    finally:
        for task in [*keeping, *publishing, *sampling]:
            task.cancel()
        await asyncio.wait([*keeping, *publishing, *sampling])
        for supervisor in supervisors:
            supervisor.stop()
    broken = [task for task in [*publishing, *sampling, *keeping] if not task.cancelled() and task.exception()]
    return [f"{name} did not end with 0" for name in left] + [repr(task.exception()) for task in broken]


async def settle(clock: FastClock, samplers: Iterable[Sampler], promised: Terms) -> None:
    """Waits for all partitions, and then for what they still owe, twice the promised delay."""
    await asyncio.wait_for(
        asyncio.gather(*[sampler.caught_up(clock.latency_us) for sampler in samplers]), STANDSTILL_LIMIT_S
    )
    await asyncio.sleep(2 * promised.promised_us / SECOND_US / clock.speed)


def terms(clock: FastClock) -> Terms:
    """Returns what is promised on this clock: what takes real time takes so much more of it."""
    beat_us = int(BEAT_S * clock.speed * SECOND_US)
    return Terms(
        silent_us=int(SILENT_DAYS * DAY_US),
        blur_us=DAY_US // 10,
        believed_us=3 * DAY_US,
        heard_us=2 * beat_us,  # three are believed, as the profile's quiet_factor says
        behind_us=clock.latency_us,
        missed_us=30 * DAY_US,
        window_us=8 * DAY_US,
        over_us=int((SILENT_DAYS - 1) * DAY_US),
        promised_us=SWEEP_US + 2 * beat_us + 2 * clock.latency_us,
    )


def report(
    known: argparse.Namespace,
    clock: FastClock,
    faults: LiveFaults,
    supervisor: Supervisor,
    readings: Sequence[Reading],
    left: list[str],
) -> int:
    """Prints the figures; returns the exit code."""
    promised = terms(clock)
    verdicts = [judge(reading.logs, promised) for reading in readings]
    problems = [*left]
    for name, reading, verdict in zip(("chaos", "calm"), readings, verdicts, strict=True):
        problems += [f"{name}: {one}" for one in [*verdict.problems, *reading.problems(promised, clock.speed)]]
    problems += differences(*verdicts)
    print(f"seed {known.seed}: {faults.done.total()} faults {dict(faults.done)}, exits {dict(supervisor.ends)}")
    for name, reading, verdict in zip(("chaos", "calm"), readings, verdicts, strict=True):
        print(f"{name}: {figures(reading, verdict, clock)}")
    print(f"{len(problems)} problems: WRONG" if problems else "RIGHT", f"(seed {known.seed})")
    print("\n".join(problems[:20]), file=sys.stderr)
    return 1 if problems else 0


def differences(chaos: Verdict, calm: Verdict) -> list[str]:
    """Returns the silences for which a case was due on both sides and opened on one alone."""
    both = chaos.due & calm.due
    one = {silence for silence in both if (silence in chaos.opened) != (silence in calm.opened)}
    return [f"only one of the groups opened a case for {silence}" for silence in sorted(one)]


def figures(reading: Reading, verdict: Verdict, clock: FastClock) -> str:
    """Returns a line of figures."""
    samples = [sample for log in reading.logs for sample in log.samples]
    ran_us = max(sample.saved_us for sample in samples) - min(sample.saved_us for sample in samples)
    stands_s = max(standstill_s(log.samples, clock.speed) for log in reading.logs)
    counts = {name: reading.counts[name] for name in ("applied", "duplicate", "late", "rejected")}
    delays_us = sorted(verdict.delays_us) or [0]
    median, most = delays_us[len(delays_us) // 2], delays_us[-1 - len(delays_us) // 100]
    customers = sum(len(log.visits) for log in reading.logs)
    return (
        f"{days(ran_us)}, {customers} customers, {reading.events} events = {counts}, "
        f"letters {dict(reading.letters)}; {verdict.silences} silences, {len(verdict.due)} due, "
        f"{verdict.opened.total()} cases, {len(verdict.wrong)} wrong, {len(verdict.double)} double, "
        f"{len(verdict.missing)} missing, decided {days(median)} after the crossing (99 %: {days(most)}), "
        f"withheld {dict(reading.withheld)}; longest standstill {stands_s:.0f} s"
    )
