"""The chaos run in event time, or with `--live` on the wall's clock. Exit code 0: everything is equal (live: as
promised); 1: it is not; the output has the seed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from streams.cli import main as keepline
from streams.kafka import settings
from streams.profile.layers import SHIPPED_IN
from streams.profile.loading import load_profile
from streams.profile.profile import Profile
from tests.chaos import live
from tests.chaos.compare import FILES, MODELS, committed, differences, replay_records
from tests.chaos.outcomes import last_us, write_outcomes, write_profiles, write_signals
from tests.chaos.proxy import Proxy
from tests.chaos.rollback import rollback_and_promotion, send_all
from tests.chaos.supervisor import KINDS, Faults, Supervisor
from tests.kafka.apache import Cluster, free_ports, nodes

CITY = ["label.horizon=28d", "label.lapsed_after=120d", "model.min_labels=300", "model.min_labels_of_a_class=30"]
CITY += ["model.least_auc=0"]  # too few customers for a lower bound of AUC
CITY += ["stop_loss.least_saved=0.3"]  # near the saved share of `outcomes`: the hold begins and ends
CITY += ["promotion.alpha=0.9", "promotion.most_a_week=0.02"]  # few weeks: otherwise no challenger is promoted
LIMITS = """[limits]
every = "1d"

[[limits.budgets]]
name = "city-1"
scope = "city-1"
amount = 9000
period = "month"

[[limits.budgets]]
name = "all"
amount = 30000
period = "week"

[[limits.teams]]
name = "advisers"
who = "service advisor"
agents = 4
cases_a_day = 2
"""
FIXED = 'mode = "fixed"'  # weights of strategies
CHALLENGER = """
[[challengers]]
name = "stiff"
prior_precision = 1000.0

[[challengers]]
name = "tree"
river = "tree.HoeffdingAdaptiveTreeClassifier(grace_period=100)"
"""
OULAD = ["label.horizon=28d", "label.lapsed_after=60d", "label.retention_events=service_visit,app_activity"]
LIMIT_S = 1800.0
HEAP_MIB = 1024  # of all brokers


def arguments() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser("tests.chaos")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--brokers", type=int, default=1, help="3: topics are replicated, one broker may be down")
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--customers", type=int, default=1500, help="of the simulated city")
    parser.add_argument("--days", type=int, default=700)
    parser.add_argument("--slow", type=float, default=0.8, help="seconds that a worker sleeps after each batch")
    parser.add_argument("--fetch", type=int, help="records at once, of about 300 bytes")
    parser.add_argument("--pause", type=float, nargs=2, default=(0.3, 2.5), help="seconds between two faults")
    parser.add_argument("--only", nargs="+", metavar="KIND", choices=sorted(set(KINDS)), default=KINDS)
    parser.add_argument(
        "--limits",
        action="store_true",
        help="budgets, teams (so that there is a dispatcher), a challenger, weights of strategies",
    )
    parser.add_argument("--oulad", metavar="DIR", help="the three logs of a folder instead of a city")
    return parser.parse_args()


def main() -> int:
    """Runs once."""
    if "--live" in sys.argv[1:]:
        return live.main()
    known = arguments()
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(run(known, Path(folder)))


async def run(known: argparse.Namespace, folder: Path) -> int:
    """Runs replay and workers in `folder` and compares them; returns the exit code."""
    overrides = OULAD if known.oulad else CITY
    name = limited_profile(folder) if known.limits else "after-sales"
    profile, files = load_profile(name, overrides), await asyncio.to_thread(inputs, known, folder)
    if not known.oulad:
        files += await asyncio.to_thread(crm_files, profile, files, folder, known.seed)
    calm = replay_records(profile, files, folder / "calm", known.partitions)
    commands = rollback_and_promotion(calm[MODELS])
    wanted = replay_records(profile, files, folder / "replay", known.partitions, commands)
    places, ports = nodes(known.brokers), free_ports(known.brokers)
    kafka = Cluster(folder, places, ports, HEAP_MIB // known.brokers)
    proxies = [Proxy(port, place.port) for port, place in zip(ports, places, strict=True)]
    environment = os.environ | {
        "KEEPLINE_BROKERS": ",".join(f"127.0.0.1:{port}" for port in ports),
        "KEEPLINE_GROUP": "chaos",
        "KEEPLINE_TOPIC_PREFIX": "",
        "OPENBLAS_NUM_THREADS": "1",
    }
    cluster = settings.from_environment(environment)
    work = {"profile": name, "set": overrides, "slow_s": known.slow, "fetch": known.fetch}
    try:
        await asyncio.to_thread(kafka.start)
        await asyncio.gather(*[proxy.start() for proxy in proxies])
        await command(environment, "topics", "create", "--partitions", str(known.partitions))
        await send_all(cluster, commands)
        await command(environment, "publish", *files, "--end", *[f"--set={override}" for override in overrides])
        supervisor = Supervisor(environment, work, folder / "workers.log", known.workers)
        faults = Faults(supervisor, kafka, proxies, known.seed, known.only)
        left = await under_faults(supervisor, faults, known, lambda: send_all(cluster, commands))
        found = await committed(cluster)
    finally:
        await asyncio.to_thread(kafka.stop)
    wrong = differences(found, wanted) + ([f"not done: {left}"] if left else [])
    pressed = sum(b'"signals":[{' in body for name in FILES for body in wanted[name])
    wrong += [] if known.oulad or pressed else ["no message names a market signal"]
    wrong += [] if (changed := differences(wanted, calm)) else ["the commands to the model changed nothing"]
    totals = {name: values.total() for name, values in wanted.items()}
    print(
        f"seed {known.seed}: {faults.done.total()} faults {dict(faults.done)}, exits {dict(supervisor.ends)}; "
        f"{totals}; {pressed} name a market signal"
    )
    print(f"what the commands to the model changed: {'; '.join(changed)}")
    print(f"{sum(proxy.held for proxy in proxies)} EndTxn were delayed; {'; '.join(wrong) or 'EXACT'}")
    if wrong:
        print((folder / "workers.log").read_text()[-4000:], file=sys.stderr)
    return 1 if wrong else 0


async def under_faults(
    supervisor: Supervisor, faults: Faults, known: argparse.Namespace, halfway: Callable[[], Awaitable[None]]
) -> list[str]:
    """Runs until the workers are done; returns the names of unfinished ones. halfway: called between two faults."""
    started, keeping = time.monotonic(), asyncio.ensure_future(supervisor.keep())
    try:
        await faults.inflict(known.faults // 2, tuple(known.pause))
        await halfway()
        await faults.inflict(known.faults, tuple(known.pause))
        while not supervisor.is_done and time.monotonic() - started < LIMIT_S:  # noqa: ASYNC110 -- of processes
            await asyncio.sleep(0.5)
    finally:
        keeping.cancel()
        left = sorted(supervisor.wanted)
        supervisor.stop()
    return left


def inputs(known: argparse.Namespace, folder: Path) -> list[str]:
    """Returns the event files of the run."""
    names = ("service_visits", "app_activity", "surveys")
    if known.oulad:
        return [str(Path(known.oulad) / f"{name}.csv.gz") for name in names]
    size = ["--customers", str(known.customers), "--days", str(known.days)]
    assert keepline(["simulate", "--out", str(folder / "city"), *size, "--seed", str(known.seed)]) == 0
    return [str(folder / "city" / f"{name}.jsonl") for name in names]


def crm_files(profile: Profile, files: Sequence[str], folder: Path, seed: int) -> list[str]:
    """Writes customer profiles, market signals, and outcomes for the cases that a replay without outcomes opens."""
    replay_records(profile, files, folder / "before", 1)
    interventions = folder / "before" / "interventions.jsonl"
    until_us = last_us([Path(file) for file in files])
    out = folder / "crm"
    out.mkdir()
    profiles = write_profiles(Path(files[0]), out / "customer_profiles.jsonl", seed, until_us)
    signals = write_signals(out / "market_signals.jsonl", seed, until_us)
    outcomes = write_outcomes(interventions, out / "intervention_outcomes.jsonl", seed, until_us)
    return [*map(str, (profiles, signals, outcomes))]


def limited_profile(folder: Path) -> str:
    """Writes a profile: after-sales with budgets, teams, challengers, and strategies whose weights are learned."""
    shipped = (SHIPPED_IN / "after-sales.toml").read_text()
    assert shipped.count(FIXED) == 1
    before, _, after = shipped.replace(FIXED, 'mode = "adaptive"').partition("\n[limits]")
    path = folder / "limited.toml"
    path.write_text(before + "\n" + LIMITS + "\n[goals]" + after.partition("[goals]")[2] + CHALLENGER)
    return str(path)


async def command(environment: dict[str, str], *words: str) -> None:
    """Runs a command of keepline to its end."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "streams.cli", *words, env=environment)
    if await process.wait() != 0:
        raise SystemExit(f"keepline {words[0]} failed")


if __name__ == "__main__":
    sys.exit(main())
