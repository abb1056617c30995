"""The tables of the cases, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from rich import box
from rich.table import Table

from streams.demo.case_outcomes import Case, DelayRow, TierRow

TIERS = (
    *("tier", "sent", "called", "in time", "saved", "lost", "expired", "withdrawn", "open"),
    *("% back", "holdout", "published"),
)
DIGITS = (*"0123456789-", "")
DELAYS = ("days to the call", "calls", "% came back", "of true leavers", "published")


@dataclass(frozen=True)
class Grid:
    """A title, column heads, and lines of cells."""

    title: str
    head: Sequence[str]
    lines: Sequence[Sequence[str]]

    def html(self) -> str:
        """Returns an HTML table."""
        head = "".join(f"<th>{escape(cell)}</th>" for cell in self.head)
        lines = ("".join(f"<td>{escape(cell)}</td>" for cell in line) for line in self.lines)
        return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"

    def rich(self) -> Table:
        """Returns a table for a terminal."""
        table = Table(title=self.title, box=box.SIMPLE, padding=(0, 1, 0, 0))
        for head, *cells in zip(self.head, *self.lines, strict=True):
            figures = all(cell[:1] in DIGITS for cell in cells)
            table.add_column(head, justify="right" if figures else "left")
        for line in self.lines:
            table.add_row(*line)
        return table


def tiers(rows: Iterable[TierRow]) -> Grid:
    """Returns cases by tier, against the holdout and the published rate."""
    lines = [
        [
            row.tier,
            *(f"{n:,}" for n in (row.sent, row.contacted, row.contacted_in_time, row.saved, row.lost, row.expired)),
            *(f"{n:,}" for n in (row.withdrawn, row.live)),
            str(row.returned),
            str(row.holdout),
            f"{row.published * 100:.0f}",
        ]
        for row in rows
    ]
    return Grid("Cases by tier", TIERS, lines)


def delays(rows: Iterable[DelayRow]) -> Grid:
    """Returns calls by their delay, with the published save rates."""
    lines = [
        [row.days, f"{row.contacts:,}", str(row.came_back), str(row.saved), f"{row.published * 100:.0f}"]
        for row in rows
    ]
    return Grid("Calls by days since the crossing", DELAYS, lines)


def history(case: Case) -> Grid:
    """Returns the updates of a case."""
    lines = [[update["updated_at"][:10], update["status"], update["state"], _detail(update)] for update in case.updates]
    return Grid(f"Case of customer {case.customer_id}", ("known on", "update", "state", ""), lines)


def _detail(update: dict[str, object]) -> str:
    names = (
        "why",
        "to",
        "agent_id",
        "channel",
        "cost",
        "contacted_at",
        "saved_at",
        "returned",
        "bought_again",
        "stayed",
    )
    details = {name: update[name] for name in names if update.get(name) is not None}
    return ", ".join(
        f"{name.removesuffix('_at').replace('_', ' ')}: {_short(value)}" for name, value in details.items()
    )


def _short(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)[:10] if str(value).endswith("Z") else str(value).replace("_", " ")
