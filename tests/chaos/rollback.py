"""A rollback in the middle of a run, and a promotion later; each is sent before the workers start and again among the
faults, and shows once.
"""

from __future__ import annotations

from collections.abc import Iterable

from online_model.registry import Command
from online_model.snapshot import Snapshot
from streams.kafka.settings import Settings
from streams.operations.models.send import send


def rollback_and_promotion(models: Iterable[bytes]) -> list[Command]:
    """models: the versions of a calm replay, in their order. The versions that are compared later differ from the
    first command on.
    """
    versions = [Snapshot.loads(model) for model in models]
    then, back, forth = (versions[len(versions) * eighths // 8] for eighths in (3, 4, 6))
    return [Command(back.instant_us, "a bad week", then), Command(forth.instant_us, "well again", None)]


async def send_all(settings: Settings, commands: Iterable[Command]) -> None:
    """Into the learner's log."""
    for command in commands:
        await send(settings, command)
