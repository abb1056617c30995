"""Partitions that no broker leads are found in what brokers say of topics, with the brokers that have copies."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import NodeNotReadyError

from streams.kafka.leaderless import leaderless
from streams.kafka.requests import described

ID = bytes(16)


def partition(number: int, leader: int, *copies: int) -> tuple[Any, ...]:
    return 0, number, leader, 0, list(copies), [], [], {}


class Client:
    """Answers with two topics; one is not there. gone: brokers that it knows and cannot reach."""

    def __init__(self, *gone: int) -> None:
        self.gone = gone
        self.cluster = SimpleNamespace(brokers=lambda: [SimpleNamespace(nodeId=node) for node in (1, *gone)])

    async def send(self, node: int, request: object) -> object:
        if node in self.gone:
            raise NodeNotReadyError
        visits = 0, "visits", ID, False, [partition(0, 1, 1), partition(1, -1, 3, 2)], 0, {}
        return SimpleNamespace(topics=[visits, (3, "gone", ID, False, [], 0, {})])


async def test_a_partition_without_a_leader_is_named_with_the_brokers_that_have_copies() -> None:
    client: Any = Client()
    found = leaderless(await described(client, ["visits", "gone"]))
    assert list(found) == [TopicPartition("visits", 1)]
    (alert,) = found.values()
    assert alert.subject == "visits/1"
    assert "visits/1 has no leader" in alert.text
    assert "(node.id 2, 3); start one" in alert.text


async def test_a_broker_that_has_gone_away_is_no_reason_not_to_find_it_out() -> None:
    client: Any = Client(2, 3, 4, 5, 6, 7, 8, 9)  # asked in any order: one asks the first alone in eight of nine runs
    assert list(await described(client, ["visits"])) == ["visits"]
