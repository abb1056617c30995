"""`keepline monitoring export`: alert rules for Prometheus, dashboards for Grafana."""

from __future__ import annotations

import argparse
from pathlib import Path

from streams.operations.monitoring import export

FOLDER = Path("deploy")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the action, its options and an example."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="export")
    parser.epilog = "example: keepline monitoring export --runbooks https://wiki.example.com/keepline"
    action = actions.add_parser("export", help="write the files, or check that they are current", epilog=parser.epilog)
    action.add_argument("--out", type=Path, default=FOLDER, metavar="DIR", help="folder (default: deploy)")
    action.add_argument(
        "--runbooks",
        default=export.RUNBOOKS,
        metavar="URL",
        help="where your on-call reads what is in docs/runbooks: alerts link to it",
    )
    action.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 and name files that are not current"
    )


def run(args: argparse.Namespace) -> int:
    """Returns 0: written, or all are current; 1: `--check` found files that are not current."""
    if args.check:
        stale = export.stale(args.out, args.runbooks)
        print(
            "\n".join(f"{name} is not current; run `keepline monitoring export`" for name in stale) or "all are current"
        )
        return 1 if stale else 0
    changed = export.export(args.out, args.runbooks)
    print("\n".join(f"wrote {args.out / name}" for name in changed) or "all were current")
    return 0
