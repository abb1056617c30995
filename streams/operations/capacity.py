"""How big a deployment must be: a forecast from the costs of an event, a customer, a sweep, a checkpoint and a Monday.

The costs were measured with `python -m benchmarks capacity forecast`; docs/capacity.md has the formulas and groups that
ran beside the forecast.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from online_model.instant_sample import MOST

WEEK_S = 7 * 86_400.0
BUSY = 0.6  # of a core that work may take: the rest is for peaks, restores and Mondays
COPIES = 3  # replication
MOST_RESTORE_S = 30.0  # of a partition: so long its decisions wait when a worker is lost
MOST_DEAF_S = 5.0  # of a sweep or a Monday, during which a partition decides about no event; the promise is 10 s
MOST_MEMORY_BYTES = 4e9  # of a worker
BUSIEST_HOUR = 0.1  # of a day's events
ID_DAYS, ID_ROW_BYTES = 8, 8  # events of so many days are known by their ids: each so large in the changelog
EVENT_BYTES = 250  # of an event as JSON with its key


@dataclass(frozen=True, slots=True)
class Costs:
    """Processor time in us, sizes in bytes. event_us: from the broker to the checkpoint, in a backlog; id_bytes,
    id_restore_us: of an event id that is known; worker_cores, base_bytes: of a worker that gets events all the time, in
    small bunches, whatever their number; learn_us, learn_bytes: of an example, while its instant is learned.
    """

    event_us: float
    row_bytes: float
    score_bytes: float
    restore_us: float
    sweep_us: float
    monday_us: float
    monday_bytes: float
    learn_us: float
    learn_bytes: float
    customer_bytes: float
    id_bytes: float
    id_restore_us: float
    worker_cores: float
    base_bytes: float


@dataclass(frozen=True, slots=True)
class Load:
    """What a deployment has to do. sweep_every_s: `time.sweep_every`."""

    customers: float
    events_per_second: float
    sweep_every_s: float
    partitions: int | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """cores: busy ones, on average; workers: of one core each; the rest by the unit in its name."""

    partitions: int
    workers: int
    cores: float
    memory_bytes_a_worker: float
    changelog_bytes: float
    restore_s_a_partition: float
    broker_bytes_a_second: float
    sweep_s_a_partition: float
    monday_s_a_partition: float
    monday_bytes: float
    learner_s_a_week: float
    learner_bytes: float
    advice: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Returns what `--json` shows."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def forecast(load: Load, costs: Costs) -> Forecast:
    """Returns what the load needs."""
    cores = (
        load.events_per_second * costs.event_us
        + load.customers * costs.sweep_us / load.sweep_every_s
        + load.customers * costs.monday_us / WEEK_S
    ) / 1e6
    ids = load.events_per_second * 3600 / BUSIEST_HOUR * ID_DAYS
    state_bytes = load.customers * costs.customer_bytes + ids * costs.id_bytes
    restore_us = load.customers * costs.restore_us + ids * costs.id_restore_us
    for_memory = math.ceil(state_bytes / (MOST_MEMORY_BYTES - costs.base_bytes))
    wanted = max(math.ceil(cores / (BUSY - costs.worker_cores)), for_memory, 1)
    deaf_us = load.customers * max(costs.sweep_us, costs.monday_us)
    needed = max(wanted, math.ceil(deaf_us / 1e6 / MOST_DEAF_S), math.ceil(restore_us / 1e6 / MOST_RESTORE_S))
    partitions = load.partitions or _round_up(needed)
    workers = min(wanted, partitions)
    a_partition, observed = load.customers / partitions, min(load.customers, MOST)
    written = costs.row_bytes + costs.score_bytes
    found = Forecast(
        partitions=partitions,
        workers=workers,
        cores=cores + workers * costs.worker_cores,
        memory_bytes_a_worker=costs.base_bytes + state_bytes / workers,
        changelog_bytes=(load.customers * costs.row_bytes + ids * ID_ROW_BYTES) * COPIES,
        restore_s_a_partition=restore_us / partitions / 1e6,
        broker_bytes_a_second=load.events_per_second * (EVENT_BYTES + written) * COPIES,
        sweep_s_a_partition=a_partition * costs.sweep_us / 1e6,
        monday_s_a_partition=a_partition * costs.monday_us / 1e6,
        monday_bytes=observed * costs.monday_bytes * COPIES,
        learner_s_a_week=observed * costs.learn_us / 1e6,
        learner_bytes=observed * costs.learn_bytes,
        advice=(),
    )
    return Forecast(**{**found.as_json(), "advice": tuple(_advice(found, needed, load))})


def _round_up(partitions: int) -> int:
    """The next power of two: room to grow, since the number is hard to change."""
    return 1 << max(partitions - 1, 0).bit_length()


def _advice(found: Forecast, needed: int, load: Load) -> list[str]:
    said = []
    if found.partitions < needed:
        said.append(f"{found.partitions} partitions are too few: at least {needed} are needed")
    if found.sweep_s_a_partition > load.sweep_every_s / 2:
        said.append(
            f"a sweep takes {found.sweep_s_a_partition:,.0f} s and comes every {load.sweep_every_s:,.0f} s: more "
            "partitions, or a longer time.sweep_every"
        )
    return said
