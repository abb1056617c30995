"""`keepline publishers`: what each producer sends and how good it is; letting one go that has left without a word."""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

from schemas.instants import DAY_US, SECOND_US, format_instant, parse_duration
from streams.kafka import publish, settings, topics
from streams.operations.publishers import page, reader
from streams.operations.publishers.scorecard import Scorecard
from streams.operations.publishers.send import send
from streams.operations.terminal import print_json, show


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the actions and examples."""
    parser.epilog = "example: keepline publishers release shop-17"
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    text = "show what each producer has sent lately, what was refused and how to mend it, late, duplicate, missing"
    cards = actions.add_parser(
        "list", help=text, description=text, epilog="example: keepline publishers list --last 7d --html publishers.html"
    )
    cards.add_argument("--last", type=parse_duration, default=DAY_US, metavar="DURATION", help="period (default: 1d)")
    cards.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    cards.add_argument("--html", type=Path, metavar="FILE", help="also write a page")
    cards.add_argument("--send", action="store_true", help="also send each scorecard to the topic publisher-scores")
    text = "wait no longer for a producer that has stopped for good; its next event takes this back"
    release = actions.add_parser("release", help=text, description=text, epilog=parser.epilog)
    release.add_argument("name", metavar="NAME", help="the producer, as its events and alerts name it")


def run(args: argparse.Namespace) -> int:
    """Shows scorecards, or sends a final heartbeat in a producer's name to every partition."""
    known = settings.from_environment()
    if args.action == "list":
        return _list(args, known)
    asyncio.run(_release(known, args.name))
    print(f"released {args.name}: no decision waits for it any more")
    return 0


def _list(args: argparse.Namespace, known: settings.Settings) -> int:
    now_us = time.time_ns() // 1000
    since_us = max(now_us - args.last, 0)
    found = asyncio.run(reader.read(known, since_us)).all.values()
    cards = sorted(found, key=lambda one: (-one.refused.total(), -one.sent, one.name))
    if args.html:
        args.html.write_text(page.html(cards, since_us, now_us), "utf-8")
    if args.send:
        asyncio.run(send(known, cards, since_us, now_us))
    if args.json:
        print_json({"since": format_instant(since_us), "publishers": [one.as_json(now_us) for one in cards]})
    else:
        _show(cards, now_us)
    return 0


def _show(cards: list[Scorecard], now_us: int) -> None:
    from rich.table import Table

    if not cards:
        show("nobody has sent anything")
        return
    table = Table("producer", "events", "refused", "late", "twice", "ahead", "heartbeats", "silent (s)")
    for one in cards:
        figures = (one.sent, one.refused.total(), one.late, one.duplicates, one.ahead, one.heartbeats)
        table.add_row(one.name, *[f"{n:,}" for n in (*figures, one.silent_us(now_us) // SECOND_US)])
    mend = [(one.name, one.as_json(now_us)["refused"]) for one in cards]
    show(table, "\n".join(f"{name}, mend first: {refused[0]['fix']}" for name, refused in mend if refused))


async def _release(known: settings.Settings, name: str) -> None:
    partitions = await topics.partition_count(known)
    async with publish.open_sender(known, partitions) as sender:
        await sender.send_final(name, time.time_ns() // 1000)
        await sender.flush()
