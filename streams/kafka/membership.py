"""Whether this process is still a member of its consumer group.

aiokafka's coordinator stops for ever after some errors, and waits for a caller that never comes after others. Nobody
else looks at it: the worker then owns nothing and takes over nothing, while its process lives on.
"""

from __future__ import annotations

from typing import Any

from aiokafka.errors import (
    GroupAuthorizationFailedError,
    InconsistentGroupProtocolError,
    InvalidSessionTimeoutError,
    TopicAuthorizationFailedError,
)

from streams.kafka.access import denied
from streams.kafka.fatal import EXIT_FAILED, EXIT_RESTART, halt
from streams.kafka.settings import Settings

FOR_EVER_S = 10 * 365 * 86_400.0  # an idle member is no reason to leave: the watchdog looks after what hangs
MEMBER_LIMIT_S = 60.0  # of a rebalance the members wait 30 s for each other


def refuse_ended(coordinator: Any, settings: Settings) -> None:
    """Ends the process with the cause when the coordinator of its consumer does nothing any more."""
    error = coordinator._pending_exception
    if error is None and coordinator._coordination_task.done() and not coordinator._closing.done():
        task = coordinator._coordination_task
        error = task.exception() if not task.cancelled() else RuntimeError("its task was cancelled")
    if error is not None:
        halt(*explained(error, settings, f"the membership in the consumer group {settings.group} has ended: {error}"))


def forgotten(settings: Settings, instance: str, away_s: float, session_s: float) -> str:
    """Returns why the group does not know a static member any more. away_s: since its last answered heartbeat."""
    if away_s > session_s:
        return (
            f"the group {settings.group} does not know this worker any more: no heartbeat was answered for "
            f"{away_s:.0f} s (its session is {session_s:g} s), because the brokers were away or it stood still; "
            "started again, it takes part as before"
        )
    return (
        f"another worker has taken over the instance name {instance} in the group {settings.group} (or a tool has "
        "removed this one from the group): give each worker a name of its own"
    )


def explained(error: BaseException | None, settings: Settings, otherwise: str) -> tuple[str, int]:
    """Returns the cause with what to do, and the exit code: that of a failure where a restart does not help.
    otherwise: what is said of an error that needs no more than a restart.
    """
    group = settings.group
    if isinstance(error, InconsistentGroupProtocolError):
        return (
            f"another application is in the consumer group {group} (it assigns partitions in another way): give it a "
            f"group of its own; kafka-consumer-groups.sh --bootstrap-server HOST:PORT --describe --members --group "
            f"{group} names it",
            EXIT_FAILED,
        )
    if isinstance(error, (GroupAuthorizationFailedError, TopicAuthorizationFailedError)):
        return denied(settings, error, "Read"), EXIT_FAILED
    if isinstance(error, InvalidSessionTimeoutError):
        return (
            "the brokers refuse the session of the group's members (group.min.session.timeout.ms is above 6 s): "
            "set it to 6000",
            EXIT_FAILED,
        )
    return otherwise, EXIT_RESTART
