"""What pages show besides the messages, read meanwhile: the status of the group, the model, the report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.console.changes import Changes
from streams.console.live_feed import LiveFeed, of_group
from streams.files.replay_folder import SUMMARY, read_summary
from streams.kafka.settings import Settings


@dataclass(frozen=True, slots=True)
class Background:
    """live: of the group of workers, None: there is none, as for a replay; summary: reads that of the replay."""

    live: LiveFeed | None
    summary: Callable[[], dict[str, Any]]

    async def run(self, changes: Changes) -> None:
        """Goes on until it is cancelled."""
        work = [part.run(changes.tell, changes.is_shown) for part in (self.live,) if part is not None]
        await asyncio.gather(asyncio.Event().wait(), *work)


def of_topics(settings: Settings, clock: Callable[[], int]) -> Background:
    """Returns what is read beside the topics."""
    return Background(LiveFeed(of_group(settings), clock), dict)


def of_folder(folder: Path) -> Background:
    """Returns what is read beside the messages of a replay's folder."""
    return Background(None, lambda: read_summary(folder) if (folder / SUMMARY).is_file() else {})
