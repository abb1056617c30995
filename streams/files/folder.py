"""The folder that a replay leaves behind. The same replay writes the same bytes; a folder without summary.json is one of
a replay that did not come to its end."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import IO, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from schemas.errors import Failure, UsageError

Floats = NDArray[np.float64]
INTERVENTIONS, UPDATES, WITHHELD = (
    "interventions.jsonl",
    "intervention-updates.jsonl",
    "interventions-withheld.jsonl",
)
DEAD_LETTERS, SCORES, EXAMPLES, SUMMARY = (
    "dead-letters.jsonl",
    "scores.parquet",
    "examples.parquet",
    "summary.json",
)
LINES = (INTERVENTIONS, UPDATES, WITHHELD, DEAD_LETTERS)
FILES = (
    SUMMARY,
    *LINES,
    SCORES,
    EXAMPLES,
)  # summary.json is deleted first: without it the rest counts for nothing
FIRST_IN_SUMMARY = (
    "events_read", "events_rejected", "events_duplicate", "events_late", "customers", "observations", "labelled",
    "interventions", "interventions_withheld", "base_rate", "auc", "log_loss", "brier", "ece", "seconds",
    "events_per_second", "peak_memory_bytes",
)  # fmt: skip
INSTANT = pa.timestamp("us", "UTC")
GROUP_ROWS = 1 << 16


@contextmanager
def _writing(path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise Failure(f"{path}: cannot be written ({getattr(error, 'strerror', None) or error})") from error


class Table:
    """A .parquet whose row groups have GROUP_ROWS rows, however they come."""

    def __init__(self, path: str, schema: pa.Schema) -> None:
        self.path, self.schema, self.rows = path, schema, 0
        self.parts: list[pa.RecordBatch] = []
        with _writing(path):
            self.writer = pq.ParquetWriter(path, schema, compression="zstd")

    def append(self, columns: Sequence[Any]) -> None:
        """Columns in the schema's order, (rows,) each."""
        arrays = [pa.array(values, one.type) for values, one in zip(columns, self.schema, strict=True)]
        batch = pa.record_batch(arrays, schema=self.schema)
        self.parts.append(batch)
        self.rows += len(batch)
        if self.rows >= GROUP_ROWS:
            self._write(self.rows - self.rows % GROUP_ROWS)

    def close(self) -> None:
        """Writes what is left."""
        self._write(self.rows)
        with _writing(self.path):
            self.writer.close()

    def abandon(self) -> None:
        """Closes the file as it is."""
        self.writer.close()

    def _write(self, rows: int) -> None:
        table = pa.Table.from_batches(self.parts, self.schema)
        with _writing(self.path):
            self.writer.write_table(table[:rows], row_group_size=GROUP_ROWS)
        self.parts = table[rows:].combine_chunks().to_batches()
        self.rows -= rows


class ReplayFolder:
    """The files of a replay while it runs. `features`: names of the examples' columns f_NAME.

    Raises UsageError when `path` is a folder that something else is in, Failure when it cannot be written to.
    """

    def __init__(self, path: str, features: Sequence[str], with_scores: bool = False) -> None:
        self.path = path
        _prepare(path)
        self.tables = {EXAMPLES: Table(self._file(EXAMPLES), _examples_schema(features))}
        if with_scores:
            self.tables[SCORES] = Table(self._file(SCORES), _scores_schema())
        self.lines: dict[str, IO[bytes]] = {}
        for file in LINES:
            with _writing(self._file(file)):
                self.lines[file] = open(self._file(file), "wb")

    def interventions(self, values: Sequence[bytes]) -> None:
        """Appends messages, JSON each."""
        self._append(INTERVENTIONS, values)

    def updates(self, values: Sequence[bytes]) -> None:
        """Appends messages, JSON each."""
        self._append(UPDATES, values)

    def withheld(self, values: Sequence[bytes]) -> None:
        """Appends messages, JSON each."""
        self._append(WITHHELD, values)

    def dead_letters(self, values: Sequence[bytes]) -> None:
        """Appends dead letters, JSON each."""
        self._append(DEAD_LETTERS, values)

    def scores(self, customers: Sequence[str], scored_at_us: int, probability: Floats) -> None:
        """Appends the scores of one sweep, (customers,); the folder was opened `with_scores`."""
        n = len(customers)
        self.tables[SCORES].append([customers, np.full(n, scored_at_us), probability])

    def examples(
        self,
        customers: Sequence[str],
        observed_at_us: int,
        model_version: int,
        probability: Floats,
        label: NDArray[np.uint8] | None,
        features: Floats,
    ) -> None:
        """Appends observations of one instant: probability and label (customers,), label None where not matured;
        features (customers, features)."""
        n = len(customers)
        labels = pa.nulls(n, pa.int8()) if label is None else label.astype(np.int8)
        at, version = np.full(n, observed_at_us), np.full(n, model_version)
        self.tables[EXAMPLES].append(
            [customers, at, probability, version, labels, *np.ascontiguousarray(features.T)]
        )

    def close(self, summary: dict[str, Any]) -> None:
        """Finishes all files, summary.json last."""
        for table in self.tables.values():
            table.close()
        for file, stream in self.lines.items():
            with _writing(self._file(file)):
                stream.close()
        first = {name: summary[name] for name in FIRST_IN_SUMMARY if name in summary}
        body = orjson.dumps(first | summary, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY)
        with _writing(self._file(SUMMARY)), open(self._file(SUMMARY), "wb") as stream:
            stream.write(body + b"\n")

    def __enter__(self) -> ReplayFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lets the files go after an error; without a summary they count for nothing."""
        if error is not None:
            for one in (*self.tables.values(), *self.lines.values()):
                _let_go(one)

    def _append(self, file: str, values: Sequence[bytes]) -> None:
        with _writing(self._file(file)):
            self.lines[file].writelines(value + b"\n" for value in values)

    def _file(self, file: str) -> str:
        return os.path.join(self.path, file)


def _let_go(one: Table | IO[bytes]) -> None:
    try:
        one.abandon() if isinstance(one, Table) else one.close()
    except OSError:  # what went wrong is on its way already
        pass


def _prepare(path: str) -> None:
    """An empty folder, or one whose old replay is gone."""
    if os.path.exists(path) and not os.path.isdir(path):
        raise UsageError(f"{path}: is not a folder; name one for the replay's files")
    with _writing(path):
        os.makedirs(path, exist_ok=True)
        found = os.listdir(path)
    if found and INTERVENTIONS not in found:
        raise UsageError(
            f"{path}: holds something else than a replay ({sorted(found)[0]}, ...); name a new folder"
        )
    for file in FILES:
        if file in found:
            with _writing(os.path.join(path, file)):
                os.unlink(os.path.join(path, file))


def _scores_schema() -> pa.Schema:
    return pa.schema([("customer_id", pa.string()), ("scored_at", INSTANT), ("probability", pa.float64())])


def _examples_schema(features: Sequence[str]) -> pa.Schema:
    fixed = [
        ("customer_id", pa.string()),
        ("observed_at", INSTANT),
        ("probability", pa.float64()),
        ("model_version", pa.int64()),
        ("label", pa.int8()),
    ]
    return pa.schema(fixed + [(f"f_{name}", pa.float64()) for name in features])
