"""The files that Prometheus and Grafana read, and whether those in a folder are current."""

from __future__ import annotations

from pathlib import Path

from streams.operations.monitoring.dashboards import dashboard_files
from streams.operations.monitoring.metric_list import markdown
from streams.operations.monitoring.rules import rules_file

RUNBOOKS = "docs/runbooks"


def files(runbooks: str = RUNBOOKS) -> dict[str, str]:
    """Path within the folder -> content. runbooks: the address of docs/runbooks, as the alerts link to it."""
    return {
        "prometheus/rules.yml": rules_file(runbooks.rstrip("/")),
        "prometheus/metrics.md": markdown(),
        **{f"grafana/{name}": text for name, text in dashboard_files().items()},
    }


def stale(folder: Path, runbooks: str = RUNBOOKS) -> list[str]:
    """Returns the files that are missing or not current."""
    wanted = files(runbooks).items()
    return [
        name for name, text in wanted if not (folder / name).is_file() or (folder / name).read_text("utf-8") != text
    ]


def export(folder: Path, runbooks: str = RUNBOOKS) -> list[str]:
    """Writes the files that are not current, and returns their names."""
    changed, wanted = stale(folder, runbooks), files(runbooks)
    for name in changed:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(wanted[name], "utf-8")
    return changed
