"""The scorecards as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from schemas.instants import format_instant
from streams.operations.publishers.scorecard import Scorecard
from streams.page import fill, numbers

TEMPLATE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Publishers</title><style>$style</style>
<h1>Publishers</h1><p class="note">From $since to $until.</p>
<div class="numbers">$numbers</div>
$cards
"""
CARD = """<h2>$name</h2><div class="numbers">$numbers</div>
<div class="wide"><table>$rows</table></div>
"""


def html(cards: Sequence[Scorecard], since_us: int, now_us: int) -> str:
    """Returns the page, the producers with the most refused records first."""
    sent, refused = sum(one.sent for one in cards), sum(one.refused.total() for one in cards)
    facts = [(f"{len(cards):,}", "producers"), (f"{sent:,}", "events"), (f"{refused:,}", "refused")]
    return fill(
        TEMPLATE,
        since=format_instant(since_us),
        until=format_instant(now_us),
        numbers=numbers(facts),
        cards="".join(_card(one, now_us) for one in cards),
    )


def _card(one: Scorecard, now_us: int) -> str:
    body = one.as_json(now_us)
    facts = [
        (f"{one.sent:,}", "events"),
        (f"{body['refused_share']:.1%}", "refused"),
        (f"{one.duplicates:,}", "duplicates"),
        (f"{one.late:,}", "late"),
        (f"{body['mean_delay_seconds']:,.0f} s", "from event to record, mean"),
        (f"{one.heartbeats:,}", "heartbeats"),
    ]
    rows = [
        (f"refused: {fault['field']} ({fault['rule']})", f"{fault['records']:,}", fault["fix"])
        for fault in body["refused"]
    ]
    rows += [
        (f"without {name}", f"{share:.0%}", "features that use it know less") for name, share in body["missing"].items()
    ]
    if one.ahead:
        rows.append(
            (
                "ahead of its record",
                f"{one.ahead:,}",
                f"by {body['most_ahead_seconds']:,.0f} s at most: set the clock by NTP",
            )
        )
    if body["silent_beyond_it_seconds"]:
        pause = f"{body['longest_pause_seconds']:,} s"
        rows.append(("silent", f"{body['silent_beyond_it_seconds']:,} s", f"beyond its longest pause of {pause}"))
    rows.append(("schema versions", ", ".join(body["schema_versions"]), ""))
    cells = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return fill(CARD, name=escape(one.name), numbers=numbers(facts), rows=cells)
