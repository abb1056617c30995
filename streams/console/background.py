"""What pages show besides the messages, read or computed meanwhile: the status of the group, the report, the model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.console.changes import Changes
from streams.console.live_feed import LiveFeed, of_group
from streams.console.model_feed import ModelFeed, Source
from streams.console.results_feed import Learned, ResultsFeed
from streams.files.replay_folder import EXAMPLES, SUMMARY, read_summary
from streams.kafka.settings import Settings
from streams.operations.models import reader
from streams.operations.models.reader import Versions
from streams.profile.profile import Profile


@dataclass(frozen=True, slots=True)
class Background:
    """live: of the group of workers, None: there is none, as for a replay; summary: reads that of the replay; weekly:
    the file that `keepline report --weekly` writes.
    """

    live: LiveFeed | None
    summary: Callable[[], dict[str, Any]]
    results: ResultsFeed | None = None
    model: ModelFeed | None = None
    weekly: Path | None = None

    async def run(self, changes: Changes, store: Path, change: Callable[[], int]) -> None:
        """Goes on until it is cancelled. store: the path of the copy; change: its number."""
        work = []
        if self.live:
            work.append(self.live.run(changes.tell, changes.is_shown))
        if self.results:
            work.append(self.results.run(store, change, changes.tell, changes.is_shown))
        if self.model:
            work.append(self.model.run(changes.tell, changes.is_shown))
        await asyncio.gather(asyncio.Event().wait(), *work)

    def weekly_us(self) -> int | None:
        """Returns when the weekly page was written; None: there is none."""
        if self.weekly is None or not self.weekly.is_file():
            return None
        return self.weekly.stat().st_mtime_ns // 1000

    def weekly_page(self) -> bytes:
        """Returns the weekly page."""
        return self.weekly.read_bytes() if self.weekly else b""


def of_topics(settings: Settings, profile: Profile, clock: Callable[[], int], weekly: Path | None) -> Background:
    """Returns what is read beside the topics."""

    def learned() -> Learned:
        return {}, reader.newest_weights(versions())

    def versions() -> Versions:
        return asyncio.run(reader.from_topic(settings))

    def newest() -> object:
        look = live.last
        return look and look.status.model and look.status.model.version

    live = LiveFeed(of_group(settings), clock)
    model = ModelFeed(Source(versions, newest), profile.drift.reference_weeks, clock)
    return Background(live, dict, ResultsFeed(profile, learned, clock), model, weekly)


def of_folder(folder: Path, profile: Profile, clock: Callable[[], int], weekly: Path | None) -> Background:
    """Returns what is read beside the messages of a replay's folder."""

    def summary() -> dict[str, Any]:
        return read_summary(folder) if (folder / SUMMARY).is_file() else {}

    def learned() -> Learned:
        versions = reader.from_folder(folder) if (folder / reader.FILE).is_file() else {}
        return summary(), reader.newest_weights(versions)

    def newest() -> object:
        return [path.stat().st_mtime_ns for path in (folder / reader.FILE, folder / EXAMPLES) if path.is_file()]

    source = Source(lambda: reader.from_folder(folder), newest, folder / EXAMPLES)
    model = ModelFeed(source, profile.drift.reference_weeks, clock)
    return Background(None, summary, ResultsFeed(profile, learned, clock), model, weekly)
