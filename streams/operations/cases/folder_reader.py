"""Messages and a customer's probabilities from the folder of a replay."""

from __future__ import annotations

from pathlib import Path

import orjson
import pyarrow.parquet as pq

from schemas.errors import UsageError
from schemas.instants import EPOCH
from streams.operations.cases.fold import Message, Messages

FILES = ("interventions.jsonl", "interventions-withheld.jsonl", "intervention-updates.jsonl")
# the first file that exists has the customer's curve: every sweep, or every observation
CURVES = (("scores.parquet", "scored_at"), ("examples.parquet", "observed_at"))


def read_folder(folder: Path) -> Messages:
    """Returns all messages about cases; raises UsageError where files are missing or a line is no message."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise UsageError(
            f"--dir {folder}: {', '.join(missing)} missing; expected a folder that `replay --out` has written"
        )
    interventions, withheld, updates = (_lines(folder / name) for name in FILES)
    return Messages(interventions, withheld, updates)


def read_curve(folder: Path, customer: str) -> list[tuple[int, float]]:
    """Returns (us, probability) of the customer as the replay wrote it, in order of time."""
    for name, at in CURVES:
        if (folder / name).is_file():
            columns = pq.read_table(
                folder / name, columns=[at, "probability"], filters=[("customer_id", "==", customer)]
            ).to_pydict()
            micros = [round((instant - EPOCH).total_seconds() * 1e6) for instant in columns[at]]
            return sorted(zip(micros, columns["probability"], strict=True))
    return []


def _lines(path: Path) -> list[Message]:
    with path.open("rb") as lines:
        return [_message(line, f"{path} line {number}") for number, line in enumerate(lines, 1)]


def _message(line: bytes, place: str) -> Message:
    try:
        body = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{place}: {error}; expected a message as JSON") from None
    if not isinstance(body, dict) or "intervention_id" not in body:
        raise UsageError(f"{place}: {line[:40]!r}; expected a message with an intervention_id")
    return body
