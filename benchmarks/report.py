"""Measures as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.measure import Measure

HEADER = ("benchmark", "figure", "ours", "peer", "ratio", "claim", "holds")
PACKAGES = ("aiokafka", "faust-streaming", "river", "numpy", "orjson", "pydantic", "lightgbm", "pandas", "pyarrow")
Results = Mapping[str, Sequence[Measure]]
Load = tuple[float, float, float]


def table(results: Results) -> str:
    """Returns aligned columns, a line a measure."""
    rows = [_row(name, measure) for name, measures in results.items() for measure in measures]
    widths = [max(map(len, column)) for column in zip(HEADER, *rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (HEADER, *rows)]
    return "\n".join(line.rstrip() for line in lines)


def line(name: str, measure: Measure) -> str:
    """Returns one measure as a line."""
    return "  ".join(cell for cell in _row(name, measure) if cell)


def failed(results: Results) -> list[str]:
    """Returns the claims that do not hold."""
    return [
        f"{name}: {measure.figure}: {measure.claim.text}"
        for name, measures in results.items()
        for measure in measures
        if measure.claim and not measure.claim.holds
    ]


def write_json(
    path: Path, results: Results, skipped: Mapping[str, str], before: Load, about: Mapping[str, object]
) -> None:
    """Writes measures and machine as JSON. before: the load at the start of the run."""
    body = {
        **about,
        "load_before": before,
        "load_after": os.getloadavg(),
        "processors": os.cpu_count(),
        "platform": platform.platform(),
        "versions": {"python": platform.python_version(), **_versions()},
        "benchmarks": {name: [_object(measure) for measure in measures] for name, measures in results.items()},
        "skipped": dict(skipped),
    }
    path.write_text(json.dumps(body, indent=2) + "\n")


def number(value: float) -> str:
    """Returns four significant digits, or all digits of a large number."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _row(name: str, measure: Measure) -> tuple[str, ...]:
    peer = f"{number(measure.peer_value)} {measure.peer}" if measure.peer_value is not None else ""
    ratio = f"{measure.ratio:.3f}" if measure.ratio is not None else ""
    claim = (measure.claim.text, "yes" if measure.claim.holds else "NO") if measure.claim else ("", "")
    return (name, measure.figure, f"{number(measure.value)} {measure.unit}", peer, ratio, *claim)


def _object(measure: Measure) -> dict[str, object]:
    claim = measure.claim
    return {
        "figure": measure.figure,
        "value": measure.value,
        "unit": measure.unit,
        "peer": measure.peer or None,
        "peer_value": measure.peer_value,
        "ratio": measure.ratio,
        "claim": claim.text if claim else None,
        "holds": claim.holds if claim else None,
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
