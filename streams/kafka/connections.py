"""A limit for each connection of aiokafka's clients, so that an address that is silent does not use up all the time.

Clients try the bootstrap addresses in turn, each for as long as a request may take (40 s): one that accepts connections
and never answers, or swallows packets, made every command fail before the next address was tried.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import client
from aiokafka.errors import KafkaConnectionError

LIMIT_S = 5.0  # for connection, TLS, versions and login

_connect = client.create_conn


async def connect(host: str, port: int, **options: Any) -> Any:
    """As aiokafka's; raises KafkaConnectionError with the address after LIMIT_S."""
    try:
        async with asyncio.timeout(LIMIT_S):
            return await _connect(host, port, **options)
    except TimeoutError:
        raise KafkaConnectionError(f"{host}:{port} did not answer within {LIMIT_S:g} s") from None


def install() -> None:
    """Gives all clients this way to connect."""
    client.create_conn = connect
