"""`keepline profile check DIR`: whether a policy profile fits the log of a replay."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from schemas.errors import UsageError
from streams.cli import complain
from streams.cli.options import add_profile_options, profile_of
from streams.evaluation import policy_check, policy_page
from streams.operations.terminal import print_json, show
from streams.profile.loading import load_profile

MEANS_LITTLE = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the action with its options, and an example."""
    parser.epilog = "example: keepline profile check out --profile e-commerce"
    actions = parser.add_subparsers(dest="action", metavar="check", required=True)
    one = actions.add_parser("check", help="show what threshold and tiers do to the customers of a replay")
    one.epilog = "exit code: 0, or 1 where the base rate is above the threshold, so that a case singles nobody out"
    one.add_argument("folder", type=Path, metavar="DIR", help="folder that `keepline replay --out` wrote")
    one.add_argument("--json", action="store_true", help="print the figures as JSON instead of tables")
    add_profile_options(one)


def run(args: argparse.Namespace) -> int:
    """Returns 1 where the base rate is above the threshold, else 0."""
    profile = profile_of(args)
    rows, replayed_with, opened = policy_check.read(args.folder)
    found = policy_check.check(profile, rows, replayed_with, opened)
    if found.settings:
        _refuse_unfit(args, found)
    if replayed_with != profile.version:
        complain(f"the replay ran with {replayed_with}, it is compared with {profile.version}; see --profile and --set")
    if args.json:
        print_json(asdict(found))
    else:
        for line in policy_page.lines(found):
            show(line)
    return MEANS_LITTLE if found.means_little else 0


def _refuse_unfit(args: argparse.Namespace, found: policy_check.Check) -> None:
    """Proposes nothing that the profile would refuse, such as equal tiers where many probabilities are equal."""
    try:
        load_profile(args.profile, [*args.set, *found.settings])
    except UsageError as error:
        found.settings.clear()
        found.advice.append(f"No settings are proposed: the profile would refuse them ({error}).")
