"""Chunks of a .parquet: typed columns, read a batch at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.columns import NUMBERS
from schemas.errors import UsageError
from schemas.events import KINDS
from schemas.instants import format_instant
from streams.files.cell_values import Column, Completion
from streams.files.chunks import CHUNK_ROWS, Chunk, RowsOfKind, check_columns
from streams.files.compression import BLOCK_BYTES, Meter, blocks, reading
from streams.files.derived_ids import plain_number
from streams.files.file_names import FileName
from streams.files.read_options import ReadOptions

KEPT = (
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_struct,
    pa.types.is_map,
)
NOT_TEXT = {*NUMBERS, "schema_version", "cost", "value", "level", "causes", "consent", "event_time"}
MOST_CALENDAR_US = 253_402_300_799_999_999  # the end of year 9999


class ParquetRows:
    """Reads rows: null and NaN are missing fields; timestamps become RFC 3339 in UTC, to the microsecond."""

    def __init__(self, name: FileName, options: ReadOptions, meter: Meter) -> None:
        assert name.kind is not None
        self.name, self.kind, self.options, self.meter = name, name.kind, options, meter
        with reading(name.path):
            file = str(name.path) if name.compression is None else _unpacked(name)
            self.file = pq.ParquetFile(file, buffer_size=BLOCK_BYTES)
            self.schema = self.file.schema_arrow
        check_columns(name.path, self.kind, self.schema.names)
        self._check_time(self.schema.field("event_time").type)
        self.texts = KINDS[self.kind].model_fields.keys() - NOT_TEXT
        self.completion = Completion(self.kind, name.file, options)

    def remarks(self) -> list[str]:
        """Returns what was read otherwise than it is written."""
        return self.completion.customers.remarks()

    def chunks(self) -> Iterator[Chunk]:
        """Yields all rows."""
        first, size = 1, self.meter.size
        with reading(self.name.path):
            for batch in self.file.iter_batches(batch_size=CHUNK_ROWS):
                columns = {
                    name: self._cells(name, column) for name, column in zip(self.schema.names, batch, strict=True)
                }
                lines = np.arange(first, first + len(batch), dtype=np.int64)
                first += len(batch)
                self.meter.next_block(size * (first - 1) // self.file.metadata.num_rows)
                objects = self.completion.objects(columns, len(batch))
                yield Chunk(self.name.file, lines, [RowsOfKind(self.kind, np.arange(len(batch)), objects)])

    def _cells(self, name: str, column: pa.Array) -> Column:
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if name not in self.texts:
            return _cells(column)
        if pa.types.is_floating(column.type) and name == "customer_id":  # how it was written is reported
            return [None if value != value else value for value in column.to_pylist()]
        if pa.types.is_integer(column.type) or pa.types.is_decimal(column.type):
            column = column.cast(pa.string())
        return [str(cell) if type(cell) is int else cell for cell in _cells(column)]

    def _check_time(self, kind: pa.DataType) -> None:
        if self.options.time_zone is None and _is_naive(kind):
            raise UsageError(
                f"{self.name.path}: event_time is {kind}, which names no time zone; write it as a "
                "timestamp with a time zone, or as text with an offset such as 2024-03-01T08:30:00Z, "
                "or name its zone with --time-zone"
            )


def _is_naive(kind: pa.DataType) -> bool:
    return pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None)


def _unpacked(name: FileName) -> IO[bytes]:
    """Unpacks a compressed file to disk first: a Parquet reader starts at the end of the file."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  the reader closes it
    for block in blocks(name, Meter()):
        file.write(block)
    return file


def _cells(column: pa.Array) -> Column:
    """Returns the cells as events have them, None where they are missing."""
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        return _instants(column)
    if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        return _numbers(column.cast(pa.float64()))
    if not any(is_kept(column.type) for is_kept in KEPT):
        column = column.cast(pa.string())
    if pa.types.is_string(column.type):
        return _listed(column.to_numpy(zero_copy_only=False))
    return _listed(column.to_pylist())


def _listed(values: Any) -> list[Any]:
    return list(values)


def _numbers(column: pa.Array) -> Column:
    values = column.to_numpy(zero_copy_only=False)
    plain = [plain_number(value) for value in values.tolist()]
    return [None if value != value else value for value in plain] if np.isnan(values).any() else plain


def _instants(column: pa.Array) -> Column:
    column = column.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.int64())
    different, index = np.unique(column.fill_null(0).to_numpy(), return_inverse=True)
    texts = np.array([_text(us) for us in different.tolist()], object)[index]
    texts[column.is_null().to_numpy(zero_copy_only=False)] = None
    return _listed(texts)


def _text(us: int) -> str:
    return format_instant(us) if abs(us) <= MOST_CALENDAR_US else f"{us} us"
