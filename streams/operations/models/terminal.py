"""Versions on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

COLUMNS = ("version", "since", "model", "reason", "parent", "data to", "labels", "auc", "log_loss", "ready")
VERDICT = ("rounds", "gain", "low", "high", "evidence", "needed")
MOST_FEATURES = 15
STANDING = (
    "Challengers (gain: nats of log loss by which the champion was worse; promoted when evidence reaches needed; "
    "without needed, judged only)"
)


def version_list(versions: Sequence[dict[str, Any]]) -> RenderableType:
    """Returns a line a version (each from `reader.as_json`), then the verdicts on the newest version's challengers."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name in COLUMNS:
        is_text = name in ("since", "model", "reason", "data to", "ready")
        table.add_column(name.replace("_", " "), justify="left" if is_text else "right", no_wrap=True)
    for one in versions:
        observed = one["observed"][1][:10] if one["observed"] else None
        row = one | {"since": one["instant"][:10], "data to": observed}
        table.add_row(*(_text(name, row[name]) for name in COLUMNS))
    trials = versions[-1]["challengers"] if versions else {}
    weights = versions[-1].get("strategy_weights", {}) if versions else {}
    parts: list[RenderableType] = [table]
    parts += ["", STANDING, _standing(trials)] if trials else []
    parts += ["", *(f"Strategies, {tier}: {_text('', shares)}" for tier, shares in weights.items())] if weights else []
    return Group(*parts) if len(parts) > 1 else table


def one_version(version: dict[str, Any]) -> RenderableType:
    """Returns everything about a version."""
    return _beside([version])


def two_versions(versions: list[dict[str, Any]], changes: list[tuple[str, float]]) -> RenderableType:
    """Returns two versions side by side, and the features whose contributions differ."""
    title = f"{len(changes)} features contribute differently to the log-odds"
    table = Table("feature", "by at most", box=None, pad_edge=False, header_style="bold")
    for name, change in changes[:MOST_FEATURES]:
        table.add_row(name, f"{change:.3f}")
    return Group(_beside(versions), "", title, table)


def _standing(trials: dict[str, dict[str, Any]]) -> Table:
    table = Table("challenger", *VERDICT, box=None, pad_edge=False, header_style="bold")
    for name, verdict in trials.items():
        table.add_row(name, *(_text(key, verdict[key]) for key in VERDICT))
    return table


def _beside(versions: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for name in versions[0]:
        table.add_row(name.replace("_", " "), *(_text(name, version[name]) for version in versions))
    return table


def _text(name: str, value: Any) -> str:
    if name == "observed" and value:
        return f"{value[0][:10]} to {value[1][:10]}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(key, part)}" for key, part in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}"
    return "" if value is None else str(value)
