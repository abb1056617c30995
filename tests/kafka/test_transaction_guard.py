from __future__ import annotations

from typing import Any, NoReturn

import pytest
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError, RequestTimedOutError
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import EndTxnRequest, InitProducerIdRequest

from streams.kafka.transaction_guard import forbid_resends

END = EndTxnRequest("id", 1, 0, True)
PRODUCE = ProduceRequest(transactional_id="id", required_acks=-1, timeout=1, topics=[])
INIT = InitProducerIdRequest(transactional_id="id", transaction_timeout_ms=1)


class Halted(Exception):
    """Replaces the end of the process."""


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
        self.client = client


def halted(reason: str) -> NoReturn:
    raise Halted(reason)


async def send(outcome: object, request: Any) -> object:
    producer: Any = Producer(Client(outcome))
    forbid_resends(producer, halted)
    return await producer.client.send(1, request)


@pytest.mark.parametrize("error", [RequestTimedOutError(), KafkaConnectionError("cut")])
@pytest.mark.parametrize("request_", [END, PRODUCE])
async def test_a_transactional_request_without_an_answer_ends_the_process(error: Exception, request_: Any) -> None:
    with pytest.raises(Halted):
        await send(error, request_)


async def test_a_request_that_was_not_sent_may_be_sent_again() -> None:
    with pytest.raises(NodeNotReadyError):
        await send(NodeNotReadyError(), END)


async def test_the_request_that_bumps_the_epoch_may_be_sent_again() -> None:
    with pytest.raises(RequestTimedOutError):
        await send(RequestTimedOutError(), INIT)


async def test_an_end_of_transaction_that_was_refused_ends_the_process() -> None:
    with pytest.raises(Halted):
        await send(Answer(51), END)


async def test_an_answer_passes_unchanged() -> None:
    answer = Answer(0)
    assert await send(answer, END) is answer
