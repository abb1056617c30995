"""`keepline publishers release NAME`: lets a producer go that has left without a word."""

from __future__ import annotations

import argparse
import asyncio
import time

from streams.kafka import publish, settings, topics


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the action and an example."""
    parser.epilog = "example: keepline publishers release shop-17"
    actions = parser.add_subparsers(dest="action", required=True, metavar="release")
    text = "wait no longer for a producer that has stopped for good; its next event takes this back"
    release = actions.add_parser("release", help=text, description=text, epilog=parser.epilog)
    release.add_argument("name", metavar="NAME", help="the producer, as its events and alerts name it")


def run(args: argparse.Namespace) -> int:
    """Sends a final heartbeat in the producer's name to every partition."""
    known = settings.from_environment()
    asyncio.run(_release(known, args.name))
    print(f"released {args.name}: no decision waits for it any more")
    return 0


async def _release(known: settings.Settings, name: str) -> None:
    partitions = await topics.partition_count(known)
    async with publish.open_sender(known, partitions) as sender:
        await sender.send_final(name, time.time_ns() // 1000)
        await sender.flush()
