"""`keepline evaluate DIR`: the evaluation of a replay against baselines."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from schemas.errors import Failure
from schemas.instants import format_instant
from streams.cli import complain
from streams.evaluation import (
    baselines,
    effect,
    influence,
    lead_time,
    lightgbm_baseline,
    observation_rows,
    page,
    report,
    tables,
    targets,
)
from streams.files.replay_folder import EVALUATION, EVALUATION_PAGE
from streams.operations.models import reader

if TYPE_CHECKING:
    from rich.table import Table

PERIODS = ("overall", "second half")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = "example: keepline evaluate out"
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder that `keepline replay --out` wrote")
    parser.add_argument("--json", action="store_true", help="print the report as JSON instead of tables")
    parser.add_argument(
        "--lightgbm",
        action="store_true",
        help="add LightGBM, retrained every week, as a baseline (takes minutes; needs the package lightgbm)",
    )


def run(args: argparse.Namespace) -> int:
    """Returns 0 when evaluation.json and evaluation.html are in the folder."""
    if args.lightgbm and (missing := lightgbm_baseline.missing()):
        raise Failure(f"--lightgbm: {missing}")
    found, summary = observation_rows.read(args.folder)
    serve = [baselines.recency, baselines.rfm_b, baselines.base_rate] + [
        lightgbm_baseline.retrained_weekly
    ] * args.lightgbm
    served = [of(found, time.process_time) for of in serve]
    cases, effects = lead_time.read(args.folder, found), effect.read(args.folder)
    versions = _versions(args.folder)
    influences = influence.influence(versions[max(versions)] if versions else None, found)
    learned = [one.instant_us for one in versions.values() if one.learned]
    took_over = format_instant(min(learned)) if learned else None
    followed = targets.read(args.folder)
    whole = report.evaluate(found, summary, cases, served, effects, followed, influences, took_over)
    body = orjson.dumps(whole, option=orjson.OPT_INDENT_2)
    (args.folder / EVALUATION).write_bytes(body + b"\n")
    (args.folder / EVALUATION_PAGE).write_text(page.render(whole), "utf-8")
    if args.json:
        print(body.decode())
    else:
        _show(whole, args.folder)
    return 0


def _versions(folder: Path) -> reader.Versions:
    """Returns the models; none, which is told, where they cannot be read: the predictions are judged without them."""
    try:
        return reader.from_folder(folder) if (folder / reader.FILE).is_file() else {}
    except Failure as error:
        complain(f"{error}; what the model looks at is left out")
        return {}


def _show(whole: report.Report, folder: Path) -> None:
    from rich.console import Console

    log = whole.log
    console = Console()
    console.print(
        f"{log.labelled:,} of {log.observations:,} predictions have matured; {whole.comparison.rows:,} compared"
    )
    console.print(_methods(whole))
    for line in page.bars(whole):
        console.print(line)
    if whole.crossings:
        console.print(_table(*tables.crossing_rows(whole.crossings)))
    if whole.thresholds:
        console.print(_table(*tables.threshold_rows(whole.thresholds, page.precision_goal(whole))))
    if whole.warnings:
        console.print(page.early(whole.warnings), _table(*tables.warning_rows(whole.warnings)), sep="\n")
    if whole.targets:
        head = ["goal of the profile", "goal", "measured", "of", "met", "what"]
        console.print(_table(head, *tables.target_rows(whole.targets)))
    console.print(f"{folder / EVALUATION_PAGE}\n{folder / EVALUATION}", soft_wrap=True)


def _methods(whole: report.Report) -> Table:
    head = ["method", *(f"{title}: all, 2nd half" for title in ("AUC", "log loss", "ECE")), "seconds"]
    rows = [
        [
            one.name,
            *(
                ", ".join(tables.number(one.periods[period][metric]) for period in PERIODS)
                for metric in ("auc", "log_loss", "ece")
            ),
            tables.number(one.seconds, 1),
        ]
        for one in whole.comparison.methods
    ]
    return _table(head, *rows)


def _table(head: Sequence[str], *rows: Sequence[str]) -> Table:
    from rich.table import Table

    table = Table(*head)
    for row in rows:
        table.add_row(*row)
    return table
