"""The forecast of `keepline capacity`."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from online_model.instant_sample import MOST
from streams.cli import main
from streams.operations.capacity import COPIES, EVENT_BYTES, Costs, Load, forecast
from streams.operations.capacity_costs import MEASURED

COSTS = Costs(
    event_us=20.0,
    row_bytes=500.0,
    score_bytes=100.0,
    restore_us=10.0,
    sweep_us=1.0,
    monday_us=20.0,
    monday_bytes=300.0,
    learn_us=5.0,
    learn_bytes=10.0,
    customer_bytes=1_000.0,
    id_bytes=0.0,
    id_restore_us=0.0,
    worker_cores=0.0,
    base_bytes=2e8,
)
LOAD = Load(1_000_000, 10_000, 86_400.0, 4)


def test_cores_are_those_of_events_sweeps_and_mondays() -> None:
    events, sweeps, mondays = 10_000 * 20e-6, 1e6 * 1e-6 / 86_400, 1e6 * 20e-6 / 604_800
    assert forecast(LOAD, COSTS).cores == pytest.approx(events + sweeps + mondays)


def test_ids_of_eight_days_count_in_memory_changelog_and_restore() -> None:
    ids, costs = 10_000 * 36_000 * 8, replace(COSTS, id_bytes=30.0, id_restore_us=0.1)
    found, without = forecast(LOAD, costs), forecast(LOAD, COSTS)
    memory = found.memory_bytes_a_worker * found.workers - without.memory_bytes_a_worker * without.workers
    assert memory == pytest.approx(30 * ids + (found.workers - without.workers) * COSTS.base_bytes)
    assert found.changelog_bytes == pytest.approx((1_000_000 * COSTS.row_bytes + ids * 8) * COPIES)
    assert found.restore_s_a_partition - without.restore_s_a_partition == pytest.approx(0.1e-6 * ids / 4)


def test_a_worker_has_work_of_its_own() -> None:
    found = forecast(LOAD, replace(COSTS, worker_cores=0.2))
    assert found.cores - forecast(LOAD, COSTS).cores == pytest.approx(0.2 * found.workers)


def test_what_a_partition_takes_is_its_share_of_the_customers() -> None:
    found = forecast(LOAD, COSTS)
    assert found.restore_s_a_partition == pytest.approx(2.5)
    assert found.sweep_s_a_partition == pytest.approx(0.25)
    assert found.monday_s_a_partition == pytest.approx(5.0)


def test_memory_is_of_the_customers_of_a_worker_and_of_the_worker_itself() -> None:
    assert forecast(LOAD, COSTS).memory_bytes_a_worker == pytest.approx(2e8 + 1e9)


def test_brokers_write_the_event_its_row_and_its_score_in_all_copies() -> None:
    assert forecast(LOAD, COSTS).broker_bytes_a_second == 10_000 * (EVENT_BYTES + 600) * COPIES


def test_partitions_are_a_power_of_two_and_so_many_that_none_is_deaf_for_more_than_five_seconds() -> None:
    found = forecast(replace(LOAD, customers=20e6, partitions=None), COSTS)
    assert found.partitions == 128
    assert max(found.monday_s_a_partition, found.sweep_s_a_partition) <= 5.0
    assert found.restore_s_a_partition <= 30.0


def test_workers_are_so_many_that_none_needs_more_than_four_gigabytes() -> None:
    found = forecast(replace(LOAD, customers=20e6, partitions=None), COSTS)
    assert found.workers == 6
    assert found.memory_bytes_a_worker <= 4e9


def test_too_few_partitions_are_told_with_the_number_that_is_needed() -> None:
    assert (
        forecast(replace(LOAD, customers=20e6), COSTS).advice[0] == "4 partitions are too few: at least 80 are needed"
    )


def test_a_sweep_that_takes_more_than_half_of_its_period_is_told() -> None:
    (said,) = forecast(replace(LOAD, sweep_every_s=0.48), COSTS).advice
    assert said.startswith("a sweep takes 0 s and comes every 0 s: more partitions")


def test_the_single_learner_has_an_end_since_it_learns_a_sample_of_a_large_company() -> None:
    some, many = (forecast(replace(LOAD, customers=customers), COSTS) for customers in (MOST / 2, 200 * MOST))
    assert many.learner_s_a_week == 2 * some.learner_s_a_week
    assert many.learner_bytes == MOST * COSTS.learn_bytes


@given(st.floats(1e3, 1e9), st.floats(1, 1e6))
def test_more_customers_or_events_never_need_less(customers: float, events: float) -> None:
    less = forecast(Load(customers, events, 86_400.0), COSTS)
    more = forecast(Load(2 * customers, 2 * events, 86_400.0), COSTS)
    assert more.cores > less.cores
    assert more.partitions >= less.partitions
    assert more.workers >= less.workers
    assert less.workers <= less.partitions


def test_the_command_prints_what_the_measured_costs_give(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["capacity", "--customers", "20M", "--events-per-second", "5000", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    wanted = forecast(Load(20e6, 5e3, 86_400.0), MEASURED).as_json()
    assert found == wanted | {"advice": list(wanted["advice"])}


@pytest.mark.parametrize(
    "words", [["--customers", "0"], ["--customers", "20G"], ["--customers", "1", "--partitions", "0"]]
)
def test_wrong_numbers_are_refused(words: list[str]) -> None:
    assert main(["capacity", "--events-per-second", "1", *words]) == 2
