"""Why brokers cannot be used, told apart: the network, TLS, the login, or the access rules (ACLs)."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka.client import AIOKafkaClient
from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    NodeNotReadyError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from schemas.errors import Failure
from streams.kafka.requests import allowed_on_topics, may_join
from streams.kafka.settings import Settings

ANSWER_LIMIT_S = 5.0
NETWORK = (
    *(KafkaConnectionError, NodeNotReadyError, KafkaTimeoutError),
    *(TimeoutError, ConnectionError, socket.gaierror, ssl.SSLError),
)
# error -> the resource, as kafka-acls.sh names it, and the operation that is missing; None: the caller's
DENIED: dict[type[KafkaError], tuple[str, str | None]] = {
    TopicAuthorizationFailedError: ("topic", None),
    GroupAuthorizationFailedError: ("group", "Read"),
    ClusterAuthorizationFailedError: ("cluster", None),
    TransactionalIdAuthorizationFailed: ("transactional-id", "Write"),
}


@dataclass(frozen=True)
class Tried:
    """What became of an attempt to use an address. why: a clause on what went wrong, "" when nothing did; advertised:
    node ids and addresses that were named there.
    """

    why: str = ""
    advertised: Sequence[tuple[int, str]] = ()


@asynccontextmanager
async def reported(settings: Settings, operation: str = "Describe", then: str = "") -> AsyncIterator[None]:
    """Turns what brokers answer, or do not answer, into a Failure that names the cause. operation: what is done with
    topics; then: a clause on what to do.
    """
    try:
        yield
    except (KafkaError, *NETWORK) as error:
        raise Failure("; ".join(filter(None, [await reason(settings, error, operation), then]))) from None


async def reason(settings: Settings, error: BaseException, operation: str = "Describe") -> str:
    """Returns a sentence on an error. Where the network or a login is at fault, each address is tried again, since
    aiokafka's own error names the addresses alone.
    """
    if type(error) in DENIED:
        return denied(settings, error, operation)
    brokers = ",".join(settings.brokers)
    if not isinstance(error, (*NETWORK, AuthenticationFailedError)):
        return f"brokers {brokers}: {error or type(error).__name__}"
    found = await unreachable(settings)
    return found or f"brokers {brokers}: {str(error).rstrip('.') or 'no answer in time'}; each answers now, try again"


async def unreachable(settings: Settings) -> str:
    """Tries each address, and if all answer those that the brokers advertise, which clients are sent on to; returns
    what is wrong with which, "" when all answer.
    """
    tried = await asyncio.gather(*[_tried(settings, broker) for broker in settings.brokers])
    if any(one.why for one in tried):
        return "; ".join(
            f"broker {broker}: {one.why or 'answers'}" for broker, one in zip(settings.brokers, tried, strict=True)
        )
    advertised = {address: node for one in tried for node, address in one.advertised if address not in settings.brokers}
    again = await asyncio.gather(*[_tried(settings, address) for address in advertised])
    return "; ".join(
        f"broker {address}, as node.id {node} is advertised (advertised.listeners): {one.why}"
        for (address, node), one in zip(advertised.items(), again, strict=True)
        if one.why
    )


def denied(settings: Settings, error: BaseException, operation: str) -> str:
    """Returns a sentence on an access rule that is missing: who, what, on which resource, and the command."""
    resource, needed = DENIED[type(error)]
    names = sorted({part for one in error.args for part in ([one] if isinstance(one, str) else one)})
    if resource == "group":
        names = [settings.group]
    elif resource == "transactional-id":
        names = names or [settings.transactional_id("")]
    return lack(settings, needed or operation, resource, names)


def lack(settings: Settings, operation: str, resource: str, names: Sequence[str]) -> str:
    """Returns the sentence on a missing access rule of resources of one type; no names: of the cluster."""
    who, what = principal(settings), f"{resource.replace('-', ' ')} {', '.join(names)}".strip()
    options = " ".join(f"--{resource} {name}" for name in names) or f"--{resource}"
    return (
        f"{who} may not {operation} {what}: kafka-acls.sh --bootstrap-server HOST:PORT --add --allow-principal "
        f"'{who}' --operation {operation} {options}"
    )


def principal(settings: Settings) -> str:
    """Who the brokers take this client for, unless they map principals otherwise."""
    if settings.sasl_username:
        return f"User:{settings.sasl_username}"
    return "User:(subject of KEEPLINE_SSL_CERTFILE)" if settings.ssl_context else "User:ANONYMOUS"


async def missing(
    client: AIOKafkaClient, settings: Settings, needed: Mapping[str, Collection[str]], group: bool = False
) -> list[str]:
    """Returns a sentence for each access rule that is missing. needed: operations by topic (full name); group: whether
    this client is to be a member. Brokers that do not say are believed to allow everything.
    """
    allowed = await allowed_on_topics(client, needed)
    lacking: dict[str, list[str]] = {}
    for name, operations in needed.items():
        for operation in operations:
            if operation not in allowed.get(name, operations):
                lacking.setdefault(operation, []).append(name)
    lacks = [lack(settings, operation, "topic", names) for operation, names in lacking.items()]
    if group and not await may_join(client, settings.group):
        lacks.append(lack(settings, "Read", "group", [settings.group]))
    return lacks


async def _tried(settings: Settings, broker: str) -> Tried:
    """Connects to an address and asks for metadata."""
    host, _, port = broker.rpartition(":")
    options = {name: value for name, value in settings.client.items() if name != "bootstrap_servers"}
    try:
        async with asyncio.timeout(ANSWER_LIMIT_S):
            link = await create_conn(host, int(port), **options)
            try:
                answer = await link.send(MetadataRequest([]))
            finally:
                link.close()
    except (KafkaError, OSError, EOFError) as error:
        return Tried(_clause(settings, error))
    return Tried(advertised=[(node, f"{name}:{port}") for node, name, port, *_ in answer.brokers])


def _clause(settings: Settings, error: Exception) -> str:
    secure, mechanism = settings.ssl_context is not None, settings.sasl_mechanism
    tls = "whether its listener speaks TLS" if secure else "whether its listener wants TLS (KEEPLINE_SSL_CAFILE)"
    for kind, clause in (
        (socket.gaierror, "its name does not resolve"),
        (ConnectionRefusedError, "nothing listens there (connection refused): start it, its own log says why it "
                                 "stopped; or check the address"),
        (ssl.SSLCertVerificationError, f"its certificate is not trusted: {getattr(error, 'verify_message', '')}; "
                                       "KEEPLINE_SSL_CAFILE names the certificates that are"),
        (ssl.SSLError, f"TLS failed ({getattr(error, 'reason', '')}): check {tls}, and which client certificates it "
                       "takes (KEEPLINE_SSL_CERTFILE)"),
        (UnsupportedSaslMechanismError, f"it has no login by {mechanism}: check KEEPLINE_SASL_MECHANISM"),
        (IllegalSaslStateError, "its listener wants no login: unset KEEPLINE_SASL_*"),
        ((SaslAuthenticationFailed, AuthenticationFailedError),
         f"it refused the login of {principal(settings)} by {mechanism}: check KEEPLINE_SASL_USERNAME and "
         "KEEPLINE_SASL_PASSWORD"),
        (TimeoutError, f"no answer in {ANSWER_LIMIT_S:.0f} s: check address and firewall, and {tls}"),
        ((KafkaConnectionError, ConnectionError),
         f"it closed the connection: check {tls}, a login (KEEPLINE_SASL_*) or a client's certificate "
         "(KEEPLINE_SSL_CERTFILE)"),
    ):  # fmt: skip
        if isinstance(error, kind):
            return clause
    return str(error) or type(error).__name__
