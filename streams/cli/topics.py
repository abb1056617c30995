"""`keepline topics create | check`: creates the topics, or checks those that exist."""

from __future__ import annotations

import argparse
import asyncio

from streams.cli.options import count
from streams.kafka import settings, topics


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="create|check")
    parser.epilog = "example: keepline topics create --partitions 8"
    create = actions.add_parser("create", help="create missing topics with the right settings")
    create.epilog = "example: keepline topics create --partitions 64 --replication 3"
    create.add_argument(
        "--partitions",
        type=count,
        metavar="N",
        help="partitions of each topic that is keyed by customer (default: 4)",
    )
    create.add_argument(
        "--replication",
        type=count,
        metavar="R",
        help="replicas of each partition (default: 3, or the number of brokers if smaller)",
    )
    check = actions.add_parser("check", help="name topics that are missing or have wrong settings")
    check.epilog = "example: keepline topics check; exit code 1: there are problems"


def run(args: argparse.Namespace) -> int:
    """Returns 0: created, or no problem; 1: there are problems."""
    known = settings.from_environment()
    if args.action == "create":
        for name in asyncio.run(topics.create(known, args.partitions, args.replication)):
            print(f"created {name}")
        return 0
    wrong = asyncio.run(topics.check(known))
    print("\n".join(wrong) if wrong else f"all {len(topics.TOPICS)} topics exist with the right settings")
    return 1 if wrong else 0
