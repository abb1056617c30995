"""Options of the commands that read files of events, and what they report about the files."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Sequence

from schemas.errors import Failure, UsageError
from schemas.instants import DAY_US, format_duration, parse_duration
from streams.cli import complain
from streams.cli.progress import Progress
from streams.files import read_options
from streams.files.read_options import DECIMAL_MARKS, EPOCH_UNITS_NS, ReadOptions
from streams.files.survey import Plan, Survey, Terms
from streams.files.tally import Tally, excess
from streams.files.time_order import LONGEST_GAP_US
from streams.profile.profile import Profile
from streams.units.engine_unit import tick_us

ALLOWED = 0.01
OPTIONS = ("kind", "encoding", "delimiter", "decimal", "time_zone", "epoch")


def add_file_options(parser: argparse.ArgumentParser) -> None:
    """Adds the files and how they are read."""
    parser.add_argument("files", nargs="+", metavar="FILE", help=".csv, .jsonl or .parquet, plain, .gz or .zst")
    add = parser.add_argument_group("files that are not RFC 3339, UTF-8 and comma-separated").add_argument
    add("--kind", type=_checked(read_options.check_kind), help="kind of the rows of files whose name names none")
    add("--encoding", type=_checked(read_options.check_encoding), metavar="NAME", help="such as gbk (default: UTF-8)")
    delimiter_help = "character between the cells of a .csv, such as ';' or tab (default: comma)"
    add("--delimiter", type=_checked(read_options.check_delimiter), metavar="CHARACTER", help=delimiter_help)
    add("--decimal", choices=DECIMAL_MARKS, help="decimal mark of a .csv (default: .)")
    zone_help = "zone of times without an offset, such as Europe/Madrid"
    add("--time-zone", type=_checked(read_options.check_time_zone), metavar="NAME", help=zone_help)
    add("--epoch", choices=tuple(EPOCH_UNITS_NS), help="unit of times that are counts since 1970")
    gap_help = (
        f"a few rows beyond a longer gap in time are refused as runaway (default: {format_duration(LONGEST_GAP_US)})"
    )
    add("--longest-gap", type=_gap, default=LONGEST_GAP_US, metavar="DURATION", help=gap_help)


def add_allow_refused(parser: argparse.ArgumentParser) -> None:
    """Adds `--allow-refused`."""
    allowed_help = f"share of a file's rows that may be refused, 0 to 1 (default: {ALLOWED:g})"
    parser.add_argument("--allow-refused", type=_share, default=ALLOWED, metavar="SHARE", help=allowed_help)


def terms_of(args: argparse.Namespace, profile: Profile) -> Terms:
    """Returns how the files are read and judged."""
    given = {name: value for name in OPTIONS if (value := getattr(args, name)) is not None}
    options = ReadOptions(**given, currency=profile.currency)
    return Terms(time.time_ns() // 1000, profile.time.max_skew_us, tick_us(profile, "event"), options, args.longest_gap)


def surveyed(paths: Sequence[str], terms: Terms) -> tuple[Survey, Plan]:
    """Reads all files once and returns what was found."""
    survey = Survey(paths, terms)
    with Progress("checking", lambda: (survey.share, f"{survey.rows:,} rows")):
        plan = survey.plan()
    return survey, plan


def checked(args: argparse.Namespace, profile: Profile, paths: Sequence[str]) -> tuple[Terms, Plan]:
    """Returns how files are read that are to be sent: in order, without rows that run away; reports what it found.

    Raises Failure when more than `--allow-refused` of a file would be refused.
    """
    terms = terms_of(args, profile)
    survey, plan = surveyed(paths, terms)
    report(survey.remarks + survey.out_of_order())
    raise_excess(survey.tallies, args.allow_refused, "nothing was sent")
    report(sentence for tally in survey.tallies for sentence in tally.sentences())
    return terms, plan


def raise_excess(tallies: Sequence[Tally], allowed: float, and_so: str) -> None:
    """Raises Failure when too large a share of a file was refused."""
    sentence = excess(tallies, allowed)
    if sentence is not None:
        raise Failure(f"{sentence}; {and_so}")


def report(sentences: Iterable[str]) -> None:
    """Prints sentences on standard error, a line each."""
    for sentence in sentences:
        complain(sentence)


def _checked(check: Callable[[str], str]) -> Callable[[str], str]:
    """Turns the UsageError of an option's check into the error of its parser."""

    def run(text: str) -> str:
        try:
            return check(text)
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return run


def _gap(text: str) -> int:
    try:
        gap_us = parse_duration(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if gap_us < DAY_US:
        raise argparse.ArgumentTypeError(f"{text!r}: expected at least a day, as in 90d")
    return gap_us


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a share from 0 to 1, as in 0.05")
    return share
