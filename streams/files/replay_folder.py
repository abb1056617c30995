"""The result folder of a replay. The same replay writes the same bytes; without summary.json the replay did not
finish."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from online_model.treatment import NO_LABEL
from schemas.errors import Failure, UsageError

Floats = NDArray[np.float64]
INTERVENTIONS = "interventions.jsonl"
UPDATES = "intervention-updates.jsonl"
WITHHELD = "interventions-withheld.jsonl"
TOUCHES = "touches.jsonl"
TASKS = "tasks.jsonl"
DEAD_LETTERS = "dead-letters.jsonl"
MODELS = "models.jsonl"
SCORES = "scores.parquet"
EXAMPLES = "examples.parquet"
SUMMARY = "summary.json"
EVALUATION, EVALUATION_PAGE = "evaluation.json", "evaluation.html"  # written by `keepline evaluate`
LINES = (INTERVENTIONS, UPDATES, WITHHELD, TOUCHES, TASKS, DEAD_LETTERS, MODELS)
FILES = (
    SUMMARY,
    *LINES,
    SCORES,
    EXAMPLES,
)  # in the order of deletion: without a summary the other files are ignored
FIRST_IN_SUMMARY = (
    "events_read", "events_rejected", "events_duplicate", "events_late", "customers", "observations",
    "labelled", "interventions", "interventions_withheld", "base_rate", "auc", "log_loss", "brier", "ece",
    "seconds", "processor_seconds", "challenger_seconds", "events_per_second", "peak_memory_bytes",
)  # fmt: skip
INSTANT = pa.timestamp("us", "UTC")
GROUP_ROWS = 1 << 16


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise Failure(f"{path}: cannot be written ({getattr(error, 'strerror', None) or error})") from error


class Table:
    """A .parquet whose row groups have GROUP_ROWS rows, whatever the sizes of the appended batches."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path, self.schema, self.rows = path, schema, 0
        self.parts: list[pa.RecordBatch] = []
        with _writing(path):
            self.writer = pq.ParquetWriter(str(path), schema, compression="zstd")

    def append(self, columns: Sequence[Any]) -> None:
        """Appends columns in the schema's order, (rows,) each."""
        arrays = [pa.array(values, one.type) for values, one in zip(columns, self.schema, strict=True)]
        batch = pa.record_batch(arrays, schema=self.schema)
        self.parts.append(batch)
        self.rows += len(batch)
        if self.rows >= GROUP_ROWS:
            self._write(self.rows - self.rows % GROUP_ROWS)

    def close(self) -> None:
        """Writes the remaining rows."""
        self._write(self.rows)
        with _writing(self.path):
            self.writer.close()

    def _write(self, rows: int) -> None:
        table = pa.Table.from_batches(self.parts, self.schema)
        with _writing(self.path):
            self.writer.write_table(table[:rows], row_group_size=GROUP_ROWS)
        self.parts = table[rows:].combine_chunks().to_batches()
        self.rows -= rows


def read_summary(folder: Path) -> dict[str, Any]:
    """Returns the summary of a finished replay; raises Failure where there is none."""
    try:
        summary = orjson.loads((folder / SUMMARY).read_bytes())
    except FileNotFoundError:
        raise Failure(f"{folder}: no {SUMMARY}, so the replay did not finish; run it again") from None
    except (OSError, orjson.JSONDecodeError) as error:
        raise Failure(f"{folder / SUMMARY}: cannot be read ({error}); run the replay again") from None
    if not isinstance(summary, dict):
        raise Failure(f"{folder / SUMMARY}: expected one JSON object; run the replay again")
    return summary


class ReplayFolder:
    """Writes the files of a replay while it runs. `features`: names of the examples' columns f_NAME.

    Raises UsageError when `path` is a folder with other files, Failure when it cannot be written to.
    """

    def __init__(self, path: str, features: Sequence[str], with_scores: bool = False) -> None:
        self.path = Path(path)
        _prepare(self.path)
        self.tables = {EXAMPLES: Table(self.path / EXAMPLES, _examples_schema(features))}
        if with_scores:
            self.tables[SCORES] = Table(self.path / SCORES, _scores_schema())
        self.lines: dict[str, IO[bytes]] = {}
        for file in LINES:
            with _writing(self.path / file):
                self.lines[file] = (self.path / file).open("wb")

    def interventions(self, values: Sequence[bytes]) -> None:
        """Appends messages, JSON each."""
        self._append(INTERVENTIONS, values)

    def updates(self, values: Sequence[bytes]) -> None:
        """Appends messages, JSON each."""
        self._append(UPDATES, values)

    def withheld(self, values: Sequence[bytes]) -> None:
        """Appends messages, JSON each."""
        self._append(WITHHELD, values)

    def touches(self, values: Sequence[bytes]) -> None:
        """Appends messages, JSON each."""
        self._append(TOUCHES, values)

    def tasks(self, values: Sequence[bytes]) -> None:
        """Appends messages, JSON each."""
        self._append(TASKS, values)

    def dead_letters(self, values: Sequence[bytes]) -> None:
        """Appends dead letters, JSON each."""
        self._append(DEAD_LETTERS, values)

    def models(self, values: Sequence[bytes]) -> None:
        """Appends the versions that were served, JSON each."""
        self._append(MODELS, values)

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
        treatment: NDArray[np.uint8] | None = None,
    ) -> None:
        """Appends observations of one instant. probability, label, treatment: (customers,); features: (customers,
        features); label and treatment are None where they have not matured, and a label of NO_LABEL is none."""
        n = len(customers)
        labels = pa.nulls(n, pa.int8()) if label is None else pa.array(label.astype(np.int8), mask=label == NO_LABEL)
        matured = [labels, pa.nulls(n, pa.int8()) if treatment is None else treatment.astype(np.int8)]
        at, version = np.full(n, observed_at_us), np.full(n, model_version)
        self.tables[EXAMPLES].append([customers, at, probability, version, *matured, *np.ascontiguousarray(features.T)])

    def close(self, summary: dict[str, Any]) -> None:
        """Finishes all files, summary.json last."""
        for table in self.tables.values():
            table.close()
        for file, stream in self.lines.items():
            with _writing(self.path / file):
                stream.close()
        first = {name: summary[name] for name in FIRST_IN_SUMMARY if name in summary}
        body = orjson.dumps(first | summary, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY)
        with _writing(self.path / SUMMARY):
            (self.path / SUMMARY).write_bytes(body + b"\n")

    def __enter__(self) -> ReplayFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the files after an error; without a summary they are ignored."""
        if error is not None:
            for stream in (*(table.writer for table in self.tables.values()), *self.lines.values()):
                with suppress(OSError):  # the first error is being raised already
                    stream.close()

    def _append(self, file: str, values: Sequence[bytes]) -> None:
        with _writing(self.path / file):
            self.lines[file].writelines(value + b"\n" for value in values)


def _prepare(path: Path) -> None:
    """Makes the folder, or deletes the files of an older replay in it."""
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path}: is not a folder; name a folder for the replay's files")
    with _writing(path):
        path.mkdir(parents=True, exist_ok=True)
        found = sorted(one.name for one in path.iterdir())
    if found and INTERVENTIONS not in found:
        raise UsageError(f"{path}: has files that no replay wrote ({found[0]}, ...); name a new folder")
    for file in (*FILES, EVALUATION, EVALUATION_PAGE):
        with _writing(path / file):
            (path / file).unlink(missing_ok=True)


def _scores_schema() -> pa.Schema:
    return pa.schema([("customer_id", pa.string()), ("scored_at", INSTANT), ("probability", pa.float64())])


def _examples_schema(features: Sequence[str]) -> pa.Schema:
    fixed = [
        ("customer_id", pa.string()),
        ("observed_at", INSTANT),
        ("probability", pa.float64()),
        ("model_version", pa.int64()),
        ("label", pa.int8()),
        ("treatment", pa.int8()),  # of online_model.treatment
    ]
    return pa.schema(fixed + [(f"f_{name}", pa.float64()) for name in features])
