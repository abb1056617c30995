"""Messages and a customer's probabilities from the folder of a replay."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from schemas.errors import UsageError
from schemas.instants import EPOCH
from streams.operations.cases.fold import Message, Messages
from streams.operations.cases.parsing import MODELS, parse

FILES = {f"{topic}.jsonl": topic for topic in MODELS}
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
        return [_message(line, path, number) for number, line in enumerate(lines, 1)]


def _message(line: bytes, path: Path, number: int) -> Message:
    try:
        return parse(FILES[path.name], line)
    except ValueError as error:
        raise UsageError(f"{path} line {number}: {error}; expected a message of {FILES[path.name]} as JSON") from None
