"""The demo on a terminal: a bar by event time and the latest interventions; plain lines anywhere else."""

from __future__ import annotations

import time
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from schemas.instants import format_instant
from streams.demo.topic_watcher import TopicRecords

LATEST = 12
LINE_EVERY_S = 5.0
TIER_STYLES = {"extreme": "bold red", "high": "yellow", "medium": "cyan"}


class Screen:
    """Shows the progress; every call of `show` updates it."""

    def __init__(self, console: Console, start_us: int, opens_us: int, end_us: int) -> None:
        """opens_us: when the history ends, and cases may open."""
        self.console, self._start_us, self._span_us = console, start_us, max(end_us - start_us, 1)
        self._opens_us = opens_us
        columns = (
            TextColumn("the worker scores"),
            BarColumn(),
            TextColumn("{task.fields[text]}"),
            TimeElapsedColumn(),
        )
        self._bar = Progress(*columns, console=console)
        self._task = self._bar.add_task("", total=1.0, text="")
        self._live = Live(self._bar, console=console, refresh_per_second=4) if console.is_terminal else None
        self._said_at = time.monotonic()

    def __enter__(self) -> Screen:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, records: TopicRecords) -> None:
        """Shows the current state."""
        share = min(max(records.reached_us - self._start_us, 0) / self._span_us, 1.0)
        done = f"{len(records.interventions):,} interventions"
        if records.reached_us < self._opens_us:
            done = "the model learns from the history, nobody is called yet"
        text = f"{format_instant(max(records.reached_us, self._start_us))[:10]}: {done}"
        if self._live:
            self._bar.update(self._task, completed=share, text=text)
            self._live.update(Group(self._bar, table(records.interventions[-LATEST:])))
        elif time.monotonic() - self._said_at > LINE_EVERY_S:
            self._said_at = time.monotonic()
            self.console.print(text)


def table(interventions: list[dict[str, Any]]) -> Table:
    """Returns a table of interventions, as a call centre receives them."""
    found = Table(title="interventions, newest last", box=box.SIMPLE, padding=(0, 1, 0, 0), expand=True)
    for name in ("customer", "risk", "crossed", "call until", "why"):
        found.add_column(name, no_wrap=True, overflow="ellipsis", ratio=1 if name == "why" else None)
    for body in interventions:
        found.add_row(
            body["customer_id"],
            f"[{TIER_STYLES.get(body['tier'], '')}]{body['tier']} {body['probability']:.0%}[/]",
            body["crossed_at"][5:10],
            body["window_ends_at"][5:10],
            body["reasons"][0]["sentence"] if body["reasons"] else "",
        )
    return found
