"""`keepline replay FILE... --out DIR`: the worker's engine over files, without a broker."""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from features.catalogue import NAMES
from online_model.registry import Command
from streams.cli.options import add_profile_options, profile_of
from streams.files.file_sources import FileSources
from streams.files.replay_folder import ReplayFolder
from streams.replay import Replay

KILOBYTE = 1024 if sys.platform != "darwin" else 1  # ru_maxrss is in kilobytes, on macOS in bytes


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = "example: keepline replay service_visits.csv.gz --profile e-commerce --out out"
    parser.add_argument("files", nargs="+", metavar="FILE", help=".csv, .jsonl or .parquet, plain, .gz or .zst")
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
    """Replays the files, writes the folder and prints the summary."""
    profile, started = profile_of(args), time.perf_counter()
    sources = FileSources(args.files, time.time_ns() // 1000, profile.time.max_skew_us)
    commands = [] if args.model_commands is None else _commands(args.model_commands)
    with ReplayFolder(args.out, NAMES, args.scores) as folder:
        replay = Replay(profile, sources, folder, keeps_sweeps=args.scores, commands=commands)
        with _progress() as bar:
            task = bar.add_task("replay", total=None, events=0, frontier="")
            replay.run(lambda events, frontier: bar.update(task, events=events, frontier=frontier or ""))
        seconds = time.perf_counter() - started
        summary = replay.summary() | {
            "seconds": round(seconds, 3),
            "events_per_second": round(sources.read / seconds),
            "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KILOBYTE,
        }
        folder.close(summary)
    _print(summary)
    return 0


def _commands(path: Path) -> list[bytes]:
    """Returns the commands; they are checked before anything is written."""
    return [Command.loads(line).dumps() for line in path.read_bytes().splitlines() if line]


def _progress() -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.fields[events]:,} events, {task.fields[frontier]}"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _print(summary: dict[str, object]) -> None:
    width = max(map(len, summary))
    for name, value in summary.items():
        shown = f"{value:,}" if isinstance(value, int) else f"{value:.4f}" if isinstance(value, float) else value
        print(f"{name:<{width}}  {shown}")
