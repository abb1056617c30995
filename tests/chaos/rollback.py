"""A rollback in the middle of a run, and a promotion later. Each is sent before the workers start and again between
faults, and must take effect once.
"""

from __future__ import annotations

from collections.abc import Iterable

from online_model.registry import Command
from online_model.snapshot import Snapshot
from streams.kafka.settings import Settings
from streams.operations.models.send import send


def rollback_and_promotion(models: Iterable[bytes]) -> list[Command]:
    """Returns a rollback and a promotion. models: the versions of a replay without commands, in their order; later
    replays differ from the first command on.
    """
    versions = [Snapshot.loads(model) for model in models]
    then, back, forth = (versions[len(versions) * eighths // 8] for eighths in (3, 4, 6))
    return [Command(back.instant_us, "a bad week", then), Command(forth.instant_us, "well again", None)]


async def send_all(settings: Settings, commands: Iterable[Command]) -> None:
    """Sends the commands to the learner's log."""
    for command in commands:
        await send(settings, command)
