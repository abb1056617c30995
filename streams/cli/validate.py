"""`keepline validate FILE...`: what `publish` and `replay` would refuse and why, and which files they would sort."""

from __future__ import annotations

import argparse

from schemas.printable import printable
from streams.cli.file_options import add_file_options, report, surveyed, terms_of
from streams.cli.options import add_profile_options, profile_of

FOUND_SOME = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = (
        "example: keepline validate service_visits_2023-01.csv --time-zone Europe/Madrid; exit code 1: refused"
    )
    add_file_options(parser)
    add_profile_options(parser)


def run(args: argparse.Namespace) -> int:
    """Returns 1 when a row would be refused."""
    survey, _ = surveyed(args.files, terms_of(args, profile_of(args)))
    report(survey.remarks)
    for sentence in survey.out_of_order():
        print(printable(sentence))
    for tally in survey.tallies:
        for sentence in tally.sentences() or [f"{tally.file}: {tally.rows:,} rows, none refused"]:
            print(printable(sentence))
    return FOUND_SOME if any(tally.refused for tally in survey.tallies) else 0
