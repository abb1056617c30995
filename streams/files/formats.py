"""Opens files of any format as chunks of rows."""

from __future__ import annotations

from collections.abc import Callable

from streams.files.chunks import Source
from streams.files.compression import check_readable
from streams.files.csv_rows import CsvRows
from streams.files.file_names import FileName, read_name
from streams.files.json_lines import JsonLines
from streams.files.parquet import ParquetRows

READERS: dict[str, Callable[[FileName], JsonLines | CsvRows | ParquetRows]] = {
    ".jsonl": JsonLines,
    ".csv": CsvRows,
    ".parquet": ParquetRows,
}


def open_source(path: str) -> Source:
    """Opens a file of events; its rows are read lazily, in constant memory.

    Raises UsageError when the name, the header or the path is wrong; Failure when the file is unreadable, now or while
    its chunks are read. A malformed row raises nothing: its chunk has it.
    """
    name = read_name(path)
    check_readable(name.path)
    return Source(name.path, name.file, name.kind, READERS[name.format](name).chunks())
