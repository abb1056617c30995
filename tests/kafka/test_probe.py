"""`keepline probe`: the round trip of an event through a live worker, and none where nobody works."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.errors import Failure
from schemas.partitioner import partition_of
from streams.cli import main
from streams.kafka.settings import Settings
from streams.operations.probe import customers, probe
from tests.kafka.apache import free_ports
from tests.kafka.city import LIMIT_S, wait_for
from tests.kafka.group import Group, metrics, new_group
from tests.kafka.test_live_faults import live

PARTITIONS = 2


async def are_erased(group: Group) -> bool:
    """Whether the newest score of each partition is a deletion."""
    newest = {place.partition: value for place, value in await group.city.read("churn-scores")}
    return list(newest.values()) == [None] * PARTITIONS


@pytest.mark.parametrize("partitions", [1, 2, 7, 64])
def test_each_partition_has_a_customer_of_its_own(partitions: int) -> None:
    found = customers(partitions)
    assert sorted(found.values()) == list(range(partitions))
    assert all(partition_of(name, partitions) == partition for name, partition in found.items())


async def test_a_live_worker_answers_again_and_again_and_keeps_nothing_of_it(brokers: str, tmp_path: Path) -> None:
    with live(brokers, tmp_path, PARTITIONS) as (group, port):
        await wait_for(lambda: len(metrics(port, "unit_ready")) > PARTITIONS, LIMIT_S)
        for _ in range(2):
            code, said = group.tried("probe", "--limit", "60s", "--json")
            assert code == 0, said
            seconds = json.loads(said)["seconds"]
            assert sorted(seconds) == ["0", "1"]
            assert all(0.0 < one < 60.0 for one in seconds.values())
        await wait_for(lambda: are_erased(group))
    beats = [json.loads(value) for _, value in await group.city.read("surveys")]
    assert {(one["producer"], one["final"]) for one in beats} == {("keepline-probe", True)}


async def test_a_probe_that_was_killed_does_not_keep_the_next_ones_from_an_answer(
    brokers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object) -> None:
        """Erases nobody."""

    with live(brokers, tmp_path, PARTITIONS) as (group, _):
        with monkeypatch.context() as patch:
            patch.setattr("streams.operations.probe._erase", killed)
            assert None not in (await probe(group.city.settings, LIMIT_S)).values()
        for _ in range(2):  # the second one at once after the first
            assert None not in (await probe(group.city.settings, LIMIT_S)).values()


async def test_probes_that_go_on_have_metrics_by_partition(brokers: str, tmp_path: Path) -> None:
    with live(brokers, tmp_path, PARTITIONS) as (group, _):
        (port,) = free_ports(1)
        with group.started("probe", "--every", "1s", "--limit", "60s", "--http", str(port)) as process:
            await wait_for(lambda: sum(0.0 < one < 60.0 for one in metrics(port, "probe_seconds").values()) == 2)
            assert sum(metrics(port, "probe_unanswered_total").values()) == 0
            process.terminate()
            assert process.wait(LIMIT_S) == 130
    assert len(await group.city.read("surveys")) == PARTITIONS  # no probe follows


def test_probes_go_on_when_brokers_do_not_answer(
    known: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter([{0: 0.5, 1: 0.4}, Failure("no broker answers"), KeyboardInterrupt()])

    async def answer(*_: object) -> dict[int, float | None]:
        if isinstance(found := next(answers), BaseException):
            raise found
        return dict(found)

    monkeypatch.setattr("streams.cli.probe.probe", answer)
    capsys.readouterr()
    assert main(["probe", "--every", "10ms"]) == 130
    out, err = capsys.readouterr()
    assert out.splitlines() == ["0.50 s at most, 2 partitions", "no answer; no score within 10s of partitions 0, 1"]
    assert "no broker answers" in err


@pytest.mark.parametrize("words", [["--limit", "0s"], ["--every", "0s"]])
def test_no_time_at_all_is_refused(words: list[str], known: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", *words]) == 2
    assert "expected more than 0" in capsys.readouterr().err


def test_a_page_of_a_single_probe_makes_no_sense(known: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "--http", "9101"]) == 2
    assert "--http: expected --every DURATION beside it" in capsys.readouterr().err


def test_without_a_worker_it_says_which_partitions_have_not_answered(brokers: str, tmp_path: Path) -> None:
    group = new_group(brokers, PARTITIONS, tmp_path)
    code, said = group.tried("probe", "--limit", "1s")
    assert code == 1
    assert "no answer; no score within 1s of partitions 0, 1" in said
