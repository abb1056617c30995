"""`keepline topics create | check`."""

from __future__ import annotations

import argparse
import asyncio

from streams.kafka import settings, topics


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="create|check")
    create = actions.add_parser("create", help="create what is missing, with the right settings")
    create.add_argument(
        "--partitions",
        type=_count,
        metavar="N",
        help="of each topic that customers are spread over (default: 4)",
    )
    create.add_argument(
        "--replication",
        type=_count,
        metavar="R",
        help="copies of each partition (default: 3, or one a broker)",
    )
    actions.add_parser("check", help="name what is missing or set wrong")


def run(args: argparse.Namespace) -> int:
    """0: done, or nothing is wrong; 1: something is."""
    known = settings.from_environment()
    if args.action == "create":
        for name in asyncio.run(topics.create(known, args.partitions, args.replication)):
            print(f"created {name}")
        return 0
    wrong = asyncio.run(topics.check(known))
    print("\n".join(wrong) if wrong else f"all {len(topics.TOPICS)} topics are there and set as they should be")
    return 1 if wrong else 0


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)
