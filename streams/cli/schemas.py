"""`keepline schemas export`: the JSON Schemas and the AsyncAPI document."""

from __future__ import annotations

import argparse
from pathlib import Path

from schemas import export


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="export")
    parser.epilog = "example: keepline schemas export --check"
    action = actions.add_parser("export", help="write the files, or check that they are current", epilog=parser.epilog)
    action.add_argument("--out", type=Path, default=export.FOLDER, metavar="DIR", help="folder (default: schemas/v1)")
    action.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 and name files that are not current"
    )


def run(args: argparse.Namespace) -> int:
    """Returns 0: written, or all are current; 1: `--check` found files that are not current."""
    if args.check:
        stale = export.stale(args.out)
        print("\n".join(f"{name} is not current; run `keepline schemas export`" for name in stale) or "all are current")
        return 1 if stale else 0
    changed = export.export(args.out)
    print("\n".join(f"wrote {args.out / name}" for name in changed) or "all were current")
    return 0
