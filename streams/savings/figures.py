"""Figures of the report as text, and its tables."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape

from streams.savings.comparison import Compared

NONE = "-"
Rows = Sequence[Sequence[str]]


def table(lines: Rows) -> str:
    """Returns a table; the first row is its head."""
    head, *body = ["".join(f"<{cell}>{escape(text)}</{cell}>" for text in row) for cell, row in _cells(lines)]
    rows = "".join(f"<tr>{row}</tr>" for row in body)
    return f'<div class="scroll" tabindex="0"><table><tr>{head}</tr>{rows}</table></div>'


def _cells(rows: Rows) -> list[tuple[str, Sequence[str]]]:
    return [("td" if number else "th", row) for number, row in enumerate(rows)]


def paragraph(text: str) -> str:
    """Returns a paragraph of text."""
    return f"<p>{escape(text)}</p>"


def whole(number: float | None) -> str:
    """`1,234`"""
    return NONE if number is None else f"{number:,.0f}"


def one(number: float | Decimal | None) -> str:
    """`3.4`"""
    return NONE if number is None else f"{number:,.1f}"


def two(number: float | None) -> str:
    """`0.85`"""
    return NONE if number is None else f"{number:.2f}"


def amount(money: Decimal | None) -> str:
    """`1,234,567`: to the unit; the cents are in report.json."""
    return NONE if money is None else f"{money:,.0f}"


def percent(share: float | Decimal | None) -> str:
    """`45 %`"""
    return NONE if share is None else f"{100 * share:,.0f}\N{NO-BREAK SPACE}%"


def of(share: float | None, n: int) -> str:
    """`45 % (120)`"""
    return NONE if share is None else f"{percent(share)} ({n:,})"


def pooled(parts: Sequence[tuple[float | None, int]]) -> str:
    """Returns the share of all groups together."""
    n = sum(count for _, count in parts)
    return of(sum((share or 0.0) * count for share, count in parts) / n if n else None, n)


def lift(compared: Compared) -> str:
    """`+8.1 (2.0 … 14.0)`"""
    if compared.lift is None or compared.low is None or compared.high is None:
        return NONE
    return f"{100 * compared.lift:+.1f} ({100 * compared.low:.1f} … {100 * compared.high:.1f})"
