"""No transactional request is sent twice at one epoch.

aiokafka 0.14 speaks version 0 of the transaction requests and sends one again, at the same epoch, when its
answer does not come. The broker may still run the first one, and later: an EndTxn that was held up somewhere
then commits half of the next transaction (KIP-890). So a request without an answer ends the process: the next
owner's InitProducerId bumps the epoch, which fences whatever is still under way. A request that never left is
no such case, nor is one that was answered with 'not now' (the broker did nothing, or, to an EndTxn, may have
done something: that one ends the process too).
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
    """Makes every request of `producer` that is part of a transaction and stays unanswered call `lost`."""
    client = producer.client
    original_send = client.send

    async def send(node_id: int, request: Any, **options: Any) -> Any:
        if not isinstance(request, TRANSACTIONAL):
            return await original_send(node_id, request, **options)
        name = type(request).__name__
        try:
            answer = await original_send(node_id, request, **options)
        except NodeNotReadyError:  # there was no link to send it on
            raise
        except Exception as error:  # whatever it is, there was no answer
            on_unanswered(f"{name} was not answered ({error!r}); it must not be sent again at this epoch")
        if isinstance(request, EndTxnRequest) and answer.error_code:
            on_unanswered(
                f"EndTxn was answered with error {answer.error_code}; it must not be sent again at this epoch"
            )
        return answer

    client.send = send
