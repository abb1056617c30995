"""Opens files of any format as chunks of rows."""

from __future__ import annotations

from collections.abc import Callable

from streams.files.chunks import Source
from streams.files.compression import Meter, first_bytes
from streams.files.csv_rows import CsvRows
from streams.files.file_names import FileName, looked_at, read_name
from streams.files.json_lines import JsonLines
from streams.files.parquet import ParquetRows
from streams.files.read_options import ReadOptions

READERS: dict[str, Callable[[FileName, ReadOptions, Meter], JsonLines | CsvRows | ParquetRows]] = {
    ".jsonl": JsonLines,
    ".csv": CsvRows,
    ".parquet": ParquetRows,
}
DEFAULT = ReadOptions()


def open_source(path: str, options: ReadOptions = DEFAULT) -> Source:
    """Opens a file of events; its rows are read lazily, in constant memory.

    Raises UsageError when the name, the header or the path is wrong; Failure when the file is unreadable, now or while
    its chunks are read. A malformed row raises nothing: its chunk has it.
    """
    name = read_name(path, options.kind)
    name = looked_at(name, first_bytes(name.path))
    meter = Meter(name.path.stat().st_size)
    reader = READERS[name.format](name, options, meter)
    return Source(name.path, name.file, name.kind, reader.chunks(), meter, reader.remarks)
