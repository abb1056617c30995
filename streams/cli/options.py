"""Options that several commands have."""

from __future__ import annotations

import argparse
from typing import Any

import orjson

from schemas.instants import parse_instant
from streams.profile.loading import load_profile
from streams.profile.profile import Profile


def add_profile_options(parser: argparse.ArgumentParser) -> None:
    """`--profile` and `--set`."""
    parser.add_argument(
        "--profile",
        default="after-sales",
        metavar="NAME|FILE",
        help="a shipped profile or a TOML file (default: after-sales)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override one key of the profile, such as label.horizon=90d; may be given again",
    )


def profile_of(args: argparse.Namespace) -> Profile:
    """The profile that was asked for; raises UsageError that names the key that is wrong."""
    return load_profile(args.profile, args.set)


def instant(text: str) -> int:
    """An option's value in us."""
    try:
        return parse_instant(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None


def print_json(body: dict[str, Any]) -> None:
    """What `--json` shows."""
    print(orjson.dumps(body, option=orjson.OPT_INDENT_2).decode())
