"""Options of several commands."""

from __future__ import annotations

import argparse

from schemas.instants import parse_instant
from streams.profile.loading import load_profile
from streams.profile.profile import Profile


def add_profile_options(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """Adds `--profile` and `--set`. again: to an action of a command that has them: given before it, they hold."""
    parser.add_argument(
        "--profile",
        default=argparse.SUPPRESS if again else "after-sales",
        metavar="NAME|FILE",
        help="policy profile: a shipped one or a TOML file (default: after-sales)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=argparse.SUPPRESS if again else [],
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


def count(text: str) -> int:
    """Returns an option's whole number of 1 or more."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)
