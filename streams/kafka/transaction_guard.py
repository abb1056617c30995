"""No transactional request is sent twice at one epoch.

aiokafka 0.14 uses version 0 of the transaction requests and sends a request again, at the same epoch, when no answer
comes. The broker may still execute the first one, later: a delayed EndTxn then commits half of the next transaction
(KIP-890). So a request without an answer ends the process: the next owner's InitProducerId bumps the epoch, which
fences requests still on their way. A request that was never sent does not end it, nor does an answer with a retriable
error (the broker did nothing) - except to an EndTxn, which the broker may have executed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from aiokafka import AIOKafkaProducer
from aiokafka.errors import NodeNotReadyError
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    TxnOffsetCommitRequest,
)

TRANSACTIONAL = (
    ProduceRequest,
    AddPartitionsToTxnRequest,
    AddOffsetsToTxnRequest,
    TxnOffsetCommitRequest,
    EndTxnRequest,
)


def forbid_resends(producer: AIOKafkaProducer, on_unanswered: Callable[[str], NoReturn]) -> None:
    """Calls `on_unanswered` for each transactional request of `producer` that gets no answer."""
    client = producer.client
    original_send = client.send

    async def send(node_id: int, request: Any, **options: Any) -> Any:
        if not isinstance(request, TRANSACTIONAL):
            return await original_send(node_id, request, **options)
        name = type(request).__name__
        try:
            answer = await original_send(node_id, request, **options)
        except NodeNotReadyError:  # there was no connection to send it on
            raise
        except Exception as error:  # any error: there was no answer
            on_unanswered(f"{name} was not answered ({error!r}); it must not be sent again at this epoch")
        if isinstance(request, EndTxnRequest) and answer.error_code:
            on_unanswered(
                f"EndTxn was answered with error {answer.error_code}; it must not be sent again at this epoch"
            )
        return answer

    client.send = send
