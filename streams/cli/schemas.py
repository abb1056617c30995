"""`keepline schemas export`: the JSON Schemas and the AsyncAPI document."""

from __future__ import annotations

import argparse
from pathlib import Path

from schemas import export


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="export")
    action = actions.add_parser("export", help="write them, or check that those in the tree are current")
    action.add_argument("--out", type=Path, default=export.FOLDER, metavar="DIR", help="where to (default: schemas/v1)")
    action.add_argument("--check", action="store_true", help="write nothing; exit 1 naming what is not current")


def run(args: argparse.Namespace) -> int:
    """0: done, or all are current; 1: `--check` found some that are not."""
    if args.check:
        stale = export.stale(args.out)
        print("\n".join(f"{name} is not current; run `keepline schemas export`" for name in stale) or "all are current")
        return 1 if stale else 0
    changed = export.export(args.out)
    print("\n".join(f"wrote {args.out / name}" for name in changed) or "all were current")
    return 0
