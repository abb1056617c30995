"""Chunks of a .parquet: typed columns, read a batch at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import UsageError
from schemas.instants import format_instant
from streams.files.cell_values import Column, Completion
from streams.files.chunks import CHUNK_ROWS, Chunk, RowsOfKind, check_columns
from streams.files.compression import BLOCK_BYTES, blocks, reading
from streams.files.derived_ids import plain_number
from streams.files.file_names import FileName

KEPT = (
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_struct,
    pa.types.is_map,
)
MOST_CALENDAR_US = 253_402_300_799_999_999  # the end of year 9999


class ParquetRows:
    """Reads rows: null and NaN are missing fields; timestamps become RFC 3339 in UTC, to the microsecond."""

    def __init__(self, name: FileName) -> None:
        assert name.kind is not None
        self.name, self.kind = name, name.kind
        with reading(name.path):
            file = str(name.path) if name.compression is None else _unpacked(name)
            self.file = pq.ParquetFile(file, buffer_size=BLOCK_BYTES)
            self.schema = self.file.schema_arrow
        check_columns(name.path, self.kind, self.schema.names)
        self._check_time(self.schema.field("event_time").type)
        self.completion = Completion(self.kind, name.file)

    def chunks(self) -> Iterator[Chunk]:
        """Yields all rows."""
        first = 1
        with reading(self.name.path):
            for batch in self.file.iter_batches(batch_size=CHUNK_ROWS):
                columns = {name: _cells(column) for name, column in zip(self.schema.names, batch.columns, strict=True)}
                lines = np.arange(first, first + len(batch), dtype=np.int64)
                first += len(batch)
                objects = self.completion.objects(columns, len(batch))
                yield Chunk(self.name.file, lines, [RowsOfKind(self.kind, np.arange(len(batch)), objects)])

    def _check_time(self, kind: pa.DataType) -> None:
        if pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None):
            raise UsageError(
                f"{self.name.path}: event_time is {kind}, which names no time zone; write it as a "
                "timestamp with a time zone, or as text with an offset such as 2024-03-01T08:30:00Z"
            )


def _unpacked(name: FileName) -> IO[bytes]:
    """Unpacks a compressed file to disk first: a Parquet reader starts at the end of the file."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  the reader closes it
    for block in blocks(name):
        file.write(block)
    return file


def _cells(column: pa.Array) -> Column:
    """Returns the cells as events have them, None where they are missing."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
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
