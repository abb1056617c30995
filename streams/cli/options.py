"""Options of several commands."""

from __future__ import annotations

import argparse

from schemas.instants import parse_instant
from streams.profile.loading import load_profile
from streams.profile.profile import Profile


def add_profile_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--profile` and `--set`."""
    parser.add_argument(
        "--profile",
        default="after-sales",
        metavar="NAME|FILE",
        help="policy profile: a shipped one or a TOML file (default: after-sales)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override a key of the profile, such as label.horizon=90d; may be repeated",
    )


def profile_of(args: argparse.Namespace) -> Profile:
    """Returns the policy profile; raises UsageError that names a wrong key."""
    return load_profile(args.profile, args.set)


def instant(text: str) -> int:
    """Returns an option's instant in us."""
    try:
        return parse_instant(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None
