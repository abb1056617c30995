"""The served versions: committed ones from the topic, or those in the folder of a replay."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from online_model.snapshot import Snapshot
from schemas.errors import Failure, UsageError
from schemas.instants import format_instant
from streams.kafka.settings import Settings
from streams.operations.cases.topic_reader import scan
from streams.units.strays import ours

FILE, TOPIC = "models.jsonl", "models"
Versions = dict[int, Snapshot]  # by number, in order


def from_folder(folder: Path) -> Versions:
    """Reads a replay's folder; raises UsageError where the file is missing, Failure for versions of another format."""
    path = folder / FILE
    if not path.is_file():
        raise UsageError(f"--dir {folder}: {FILE} missing; expected a folder that `replay --out` has written")
    try:
        return _by_number(path.read_bytes().splitlines())
    except ValueError as error:
        raise Failure(f"{path}: {error}; expected a version a line, as a finished replay writes them") from None


async def from_topic(settings: Settings) -> Versions:
    """Reads one partition: each has all versions. Raises Failure where brokers or the topic are missing. Records that
    are no versions are left out, as workers do.
    """
    values = await scan(settings, (TOPIC,), [0], lambda record: ours(TOPIC, 0, record) is not None)
    return _by_number(values[TOPIC])


def newest_weights(versions: Versions) -> Mapping[str, Mapping[str, float]]:
    """Returns the weights of strategies by tier, of the newest version."""
    return versions[max(versions)].strategy_weights if versions else {}


def find(versions: Versions, number: int) -> Snapshot:
    """Returns a version; raises Failure for one that was never served."""
    if number not in versions:
        known = f"{min(versions)} to {max(versions)}" if versions else "none yet"
        raise Failure(f"no version {number}; expected one of `keepline models list` ({known})")
    return versions[number]


def check_challenger(versions: Versions, name: str) -> None:
    """Raises Failure where the newest version has no such challenger, or it has learned too little."""
    newest = versions[max(versions)] if versions else None
    known = sorted(newest.trials.keys() & newest.shadow.keys()) if newest else []
    if newest and newest.trials.get(name, {}).get("needed", 0.0) is None:
        raise Failure(f"challenger {name} is a classifier of River: it is judged, but an engine cannot score with it")
    if name not in known:
        raise Failure(f"no challenger {name} that has learned enough; there are: {', '.join(known) or 'none yet'}")


def as_json(version: Snapshot) -> dict[str, Any]:
    """Returns a version for `--json`: everything but its parameters."""
    line = version.lineage
    return {
        "version": version.version,
        "instant": format_instant(version.instant_us),
        "model": version.model,
        "reason": line.reason,
        "parent": line.parent,
        "evidence": line.evidence,
        "profile": line.profile,
        "observed": None if line.observed is None else [format_instant(us) for us in line.observed],
        "ready": version.ready,
        "hold": version.hold,
        "learned": version.learned,
        "labels": version.labels,
        "auc": version.auc,
        "log_loss": version.log_loss,
        "least_auc": version.least_auc,
        "challengers": dict(version.trials),
        "strategy_weights": {tier: dict(shares) for tier, shares in version.strategy_weights.items()},
        "strategies_restarted": {
            tier: {name: format_instant(us) for name, us in of.items()}
            for tier, of in version.strategies_restarted.items()
        },
    }


def _by_number(lines: list[bytes]) -> Versions:
    return {version.version: version for version in map(Snapshot.loads, lines)}
