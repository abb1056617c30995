"""`keepline replay FILE... --out DIR`: the worker's engine over files, without a broker."""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from features.catalogue import NAMES
from online_model.registry import Command
from streams.cli.file_options import add_allow_refused, add_file_options, raise_excess, report, terms_of
from streams.cli.options import add_profile_options, profile_of
from streams.cli.progress import Progress, State
from streams.files.file_sources import FileSources, OutOfOrder
from streams.files.replay_folder import ReplayFolder
from streams.profile.profile import Profile
from streams.replay import Replay

KILOBYTE = 1024 if sys.platform != "darwin" else 1  # ru_maxrss is in kilobytes, on macOS in bytes


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = "example: keepline replay service_visits.csv.gz --profile e-commerce --out out"
    add_file_options(parser)
    add_allow_refused(parser)
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--scores", action="store_true", help="also write every customer's score at every sweep")
    parser.add_argument(
        "--model-commands",
        type=Path,
        metavar="FILE",
        help="commands printed by `keepline models rollback --dir`, applied at their time",
    )
    add_profile_options(parser)


def run(args: argparse.Namespace) -> int:
    """Replays the files, writes the folder and prints the summary.

    Raises Failure when more than `--allow-refused` of a file was refused; the folder is complete then too.
    """
    profile = profile_of(args)
    terms = terms_of(args, profile)
    sources = FileSources(args.files, terms, watches=True)
    commands = [] if args.model_commands is None else _commands(args.model_commands)
    try:
        summary = _replayed(args, profile, sources, commands)
    except OutOfOrder as found:
        report(found.survey.out_of_order() + found.survey.runaways())
        sources = FileSources(args.files, terms, found.plan)
        summary = _replayed(args, profile, sources, commands)
    _print(summary)
    report(sources.remarks)
    raise_excess(sources.tallies, args.allow_refused, f"the other rows were replayed into {args.out}")
    return 0


def _replayed(
    args: argparse.Namespace, profile: Profile, sources: FileSources, commands: Sequence[bytes]
) -> dict[str, object]:
    """Returns the summary of a replay."""
    started, spent = time.perf_counter(), time.process_time()
    with ReplayFolder(args.out, NAMES, args.scores) as folder:
        replay = Replay(profile, sources, folder, keeps_sweeps=args.scores, commands=commands)
        with Progress("replay", lambda: _state(replay)):
            replay.run()
        seconds = time.perf_counter() - started
        summary = replay.summary() | {
            "seconds": round(seconds, 3),
            "processor_seconds": round(time.process_time() - spent, 3),
            "events_per_second": round(sources.read / seconds),
            "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KILOBYTE,
        }
        if replay.challenger_seconds:
            summary["challenger_seconds"] = {name: round(s, 3) for name, s in replay.challenger_seconds.items()}
        folder.close(summary)
    return summary


def _state(replay: Replay) -> State:
    sources = replay.sources
    return sources.share, sources.doing or f"{sources.read:,} events, {replay.unit.frontier or 'start'}"


def _commands(path: Path) -> list[bytes]:
    """Returns the commands; they are checked before anything is written."""
    return [Command.loads(line).dumps() for line in path.read_bytes().splitlines() if line]


def _print(summary: dict[str, object]) -> None:
    width = max(map(len, summary))
    for name, value in summary.items():
        shown = f"{value:,}" if isinstance(value, int) else f"{value:.4f}" if isinstance(value, float) else value
        print(f"{name:<{width}}  {shown}")
