from __future__ import annotations

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    KafkaConnectionError,
    NodeNotReadyError,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
)
from aiokafka.producer.transaction_manager import TransactionManager
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import EndTxnRequest, InitProducerIdRequest

from streams.kafka.giving_up import Fenced
from streams.kafka.transaction_guard import TransactionGuard, Unanswered

END = EndTxnRequest("id", 1, 0, True)
PRODUCE = ProduceRequest(transactional_id="id", required_acks=-1, timeout=1, topics=[])
INIT = InitProducerIdRequest(transactional_id="id", transaction_timeout_ms=1)


class Answer:
    def __init__(self, error_code: int) -> None:
        self.error_code = error_code


class Client:
    """Sends nothing: raises or returns `outcome`."""

    def __init__(self, outcome: object) -> None:
        self.outcome, self.sent = outcome, 0

    async def send(self, node_id: int, request: object, **options: object) -> object:
        self.sent += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Producer:
    def __init__(self, client: Client) -> None:
        self.client, self._txn_manager = client, TransactionManager("id", 1)


def guarded(outcome: object) -> tuple[Client, TransactionGuard]:
    client = Client(outcome)
    producer: Any = Producer(client)
    return client, TransactionGuard(producer)


async def send(outcome: object, request: Any) -> object:
    client, _ = guarded(outcome)
    return await client.send(1, request)


@pytest.mark.parametrize("error", [RequestTimedOutError(), KafkaConnectionError("cut")])
@pytest.mark.parametrize("request_", [END, PRODUCE])
async def test_a_transactional_request_without_an_answer_ends_the_producer(error: Exception, request_: Any) -> None:
    client, guard = guarded(error)
    for _ in range(2):
        with pytest.raises(Unanswered, match="was not answered"):
            await guard.send(1, request_)
    assert client.sent == 1


async def test_a_request_that_was_not_sent_may_be_sent_again() -> None:
    with pytest.raises(NodeNotReadyError):
        await send(NodeNotReadyError(), END)


async def test_the_request_that_bumps_the_epoch_may_be_sent_again() -> None:
    with pytest.raises(RequestTimedOutError):
        await send(RequestTimedOutError(), INIT)


@pytest.mark.parametrize(("code", "error"), [(51, Unanswered), (47, Fenced), (90, Fenced)])
async def test_an_end_of_transaction_that_was_refused_ends_the_producer(code: int, error: type[Exception]) -> None:
    client, guard = guarded(Answer(code))
    for request in (END, PRODUCE):
        with pytest.raises(error):
            await guard.send(1, request)
    assert client.sent == 1


async def test_nothing_is_sent_for_a_unit_that_was_released() -> None:
    client, guard = guarded(Answer(0))
    guard.close()
    with pytest.raises(Unanswered, match="released"):
        await client.send(1, PRODUCE)
    assert client.sent == 0


async def test_what_ended_a_producer_first_is_its_reason() -> None:
    _, guard = guarded(RequestTimedOutError())
    with pytest.raises(Unanswered):
        await guard.send(1, PRODUCE)
    guard.close()
    assert "not answered" in str(guard.ended)


async def test_an_answer_passes_unchanged() -> None:
    answer = Answer(0)
    assert await send(answer, END) is answer


async def test_what_brokers_refused_is_raised_not_the_assertion_that_later_calls_fail_in() -> None:
    _, guard = guarded(Answer(0))
    transactions: Any = guard._producer._txn_manager
    transactions.set_pid_and_epoch(1, 0)
    transactions.begin_transaction()
    transactions.error_transaction(TopicAuthorizationFailedError({"state"}))
    with pytest.raises(TopicAuthorizationFailedError, match="state"), guard.cause():
        transactions.maybe_add_partition_to_txn(TopicPartition("models", 0))


async def test_an_error_of_our_own_stays_what_it_is() -> None:
    _, guard = guarded(Answer(0))
    with pytest.raises(ValueError, match="too large"), guard.cause():
        raise ValueError("too large")
