"""A limit for each connection of aiokafka's clients, so that an address that is silent does not use up all the time.

Clients try the bootstrap addresses in turn, each for as long as a request may take (40 s): one that accepts connections
and never answers, or swallows packets, made every command fail before the next address was tried.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from typing import Any

from aiokafka import client
from aiokafka.errors import KafkaConnectionError

LIMIT_S = 5.0  # for connection, TLS, versions and login
AGAIN_S = 60.0  # between two lines about one address

log = logging.getLogger("keepline.connections")
_connect = client.create_conn
_silent: set[str] = set()  # addresses that did not answer
_told: dict[str, float] = {}  # address -> when a line said so, monotonic


async def connect(host: str, port: int, **options: Any) -> Any:
    """As aiokafka's; raises KafkaConnectionError with the address after LIMIT_S."""
    try:
        async with asyncio.timeout(LIMIT_S):
            link = await _connect(host, port, **options)
    except TimeoutError:
        _silent.add(f"{host}:{port}")
        raise KafkaConnectionError(f"{host}:{port} did not answer within {LIMIT_S:g} s") from None
    _tell()
    return link


def _tell() -> None:
    """Says which addresses were silent: another one answers, so no error will, and everything takes longer."""
    while _silent:
        address, now = _silent.pop(), time.monotonic()
        if now - _told.get(address, -math.inf) > AGAIN_S:
            _told[address] = now
            log.warning("broker %s did not answer within %g s, another one did: check that address", address, LIMIT_S)


def install() -> None:
    """Gives all clients this way to connect."""
    client.create_conn = connect
