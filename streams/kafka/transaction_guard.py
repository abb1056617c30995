"""No transactional request is sent twice at one epoch.

aiokafka 0.14 uses version 0 of the transaction requests and sends a request again, at the same epoch, when no answer
comes. The broker may still execute the first one, later: a delayed EndTxn then commits half of the next transaction
(KIP-890). So a request without an answer ends the producer: nothing more goes out, and the next owner's InitProducerId
bumps the epoch, which fences requests still on their way. A request that was never sent does not end it, nor does an
answer with a retriable error (the broker did nothing) - except to an EndTxn, which the broker may have executed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidProducerEpoch, NodeNotReadyError
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    TxnOffsetCommitRequest,
)

from streams.kafka.giving_up import Fenced

TRANSACTIONAL = (
    ProduceRequest,
    AddPartitionsToTxnRequest,
    AddOffsetsToTxnRequest,
    TxnOffsetCommitRequest,
    EndTxnRequest,
)


FENCED = {InvalidProducerEpoch.errno, 90}  # PRODUCER_FENCED; aiokafka has no number for it


class Unanswered(RuntimeError):
    """The producer has ended: a request was not answered, or its unit was given up. No KafkaError: aiokafka sends again
    after those.
    """


class TransactionGuard:
    """Wraps the client of a producer. `ended`: why nothing transactional goes out any more; None: it does."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self.ended: Exception | None = None
        self._producer, self._send = producer, producer.client.send
        producer.client.send = self.send

    def close(self) -> None:
        """Lets nothing more out."""
        self.ended = self.ended or Unanswered("the unit was released")

    async def send(self, node_id: int, request: Any, **options: Any) -> Any:
        """Sends a request; raises what ended the producer instead of a transactional one."""
        if not isinstance(request, TRANSACTIONAL):
            return await self._send(node_id, request, **options)
        if self.ended:
            raise self.ended
        name = type(request).__name__
        try:
            answer = await self._send(node_id, request, **options)
        except NodeNotReadyError:  # there was no connection to send it on
            raise
        except Exception as error:  # any error: there was no answer
            raise self._end(Unanswered(f"{name} was not answered ({error!r})")) from error
        if isinstance(request, EndTxnRequest) and answer.error_code in FENCED:
            raise self._end(Fenced(f"{name} was answered with error {answer.error_code}"))
        if isinstance(request, EndTxnRequest) and answer.error_code:
            raise self._end(Unanswered(f"{name} was answered with error {answer.error_code}"))
        return answer

    @contextmanager
    def cause(self) -> Iterator[None]:
        """Raises what ended the transaction, not the assertion in which aiokafka's later calls fail then."""
        try:
            yield
        except Exception as error:
            raise self.ended or self._refused() or error from None

    def _refused(self) -> BaseException | None:
        """Returns what the brokers answered that aiokafka has ended the transaction with."""
        waiter = self._producer._txn_manager.wait_for_transaction_end()
        return waiter.exception() if waiter is not None and waiter.done() and not waiter.cancelled() else None

    def _end(self, error: Exception) -> Exception:
        self.ended = error
        return error
