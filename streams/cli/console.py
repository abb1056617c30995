"""`keepline console`: the work list, cases and customers on live pages in a browser."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from streams.cli.options import add_profile_options, profile_of
from streams.console import background
from streams.console.folder_feed import FolderFeed
from streams.console.intake import Feed
from streams.console.run import Options, serve
from streams.console.topic_feed import TopicFeed
from streams.console.topic_sender import TopicSender
from streams.kafka import settings
from streams.operations.cases.folder_reader import read_curve
from streams.operations.pages import parse_address
from streams.profile.profile import Profile

ADDRESS = "127.0.0.1:8080"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = "example: keepline console --dir result"
    parser.add_argument("--http", metavar="[HOST:]PORT", default=ADDRESS, help=f"where to listen (default: {ADDRESS})")
    parser.add_argument("--dir", type=Path, help="read the folder of a replay, not the topics of KEEPLINE_BROKERS")
    parser.add_argument(
        "--store", type=Path, metavar="FILE",
        help="keep what was read in this file, which may be deleted at any time (default: each start reads all)",
    )  # fmt: skip
    parser.add_argument(
        "--clock", choices=("wall", "event"),
        help="what is now: the clock, or the last message (default: the clock; with --dir: the last message)",
    )  # fmt: skip
    parser.add_argument(
        "--weekly", type=Path, metavar="FILE", help="link to the page that `report --weekly` writes there"
    )
    parser.add_argument("--agent", metavar="NAME", help="agent_id of who comes by the link (default: the login name)")
    add_profile_options(parser)


def run(args: argparse.Namespace) -> int:
    """Returns 0 when it was stopped."""
    profile, address = profile_of(args), parse_address(args.http)
    if args.store:
        return asyncio.run(_serve(args, profile, address, args.store))
    with TemporaryDirectory(prefix="keepline-console-") as folder:
        return asyncio.run(_serve(args, profile, address, Path(folder) / "console.sqlite"))


async def _serve(args: argparse.Namespace, profile: Profile, address: tuple[str, int], store: Path) -> int:
    follows_messages = (args.clock or ("event" if args.dir else "wall")) == "event"
    feed: Feed
    if args.dir:
        feed, sender, beside = FolderFeed(args.dir), None, background.of_folder(args.dir, profile, _now_us, args.weekly)
    else:
        known = settings.from_environment()
        feed, sender = TopicFeed(known), TopicSender(known, None if follows_messages else _now_us)
        beside = background.of_topics(known, profile, _now_us, args.weekly)
    options = Options(
        *address,
        store=store,
        name=args.agent or getpass.getuser(),
        clock=_now_us,
        say=partial(print, flush=True),
        follows_messages=follows_messages,
        sender=sender,
        secret=os.environ.get("KEEPLINE_CONSOLE_CLIENT_SECRET"),
        read_curve=partial(read_curve, args.dir) if args.dir else None,
        background=beside,
    )
    await serve(feed, profile, options)
    return 0


def _now_us() -> int:
    return time.time_ns() // 1000
