"""Chunks of a .csv: a header names the columns, cells are separated by commas or what the options name, and quoted with
" where needed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from schemas.errors import Failure, UsageError
from schemas.refusals import Refused
from streams.files.cell_values import Completion, TextColumns
from streams.files.chunks import CHUNK_ROWS, Chunk, MalformedRow, RowsOfKind, check_columns
from streams.files.compression import Meter, whole_lines
from streams.files.file_names import FileName
from streams.files.read_options import ReadOptions

Row = list[str]
Lines = NDArray[np.int64]


class TextLines:
    """The lines of a file as text; bytes that are not UTF-8 become surrogates and make `clean` false."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.blocks, self.clean, self.last = blocks, True, ""
        self.text, self.length = io.StringIO(), 1

    def __iter__(self) -> Iterator[str]:
        for block in self.blocks:
            try:
                text = block.decode()
            except UnicodeDecodeError:
                text, self.clean = block.decode("utf-8", "surrogateescape"), False
            lines = self.text = io.StringIO(text, newline="\n")
            self.length = len(text)
            for self.last in lines:
                yield self.last

    @property
    def share(self) -> float:
        """How much of the present block has been read, 0 to 1."""
        return self.text.tell() / self.length


class CsvRows:
    """Refuses a malformed row alone, unless a quotation mark leaves open where the row ends."""

    def __init__(self, name: FileName, options: ReadOptions, meter: Meter) -> None:
        assert name.kind is not None
        self.name, self.kind, self.delimiter, self.meter = name, name.kind, options.delimiter, meter
        self.lines = TextLines(whole_lines(name, meter, options.encoding))
        self.reader = csv.reader(iter(self.lines), strict=True, delimiter=options.delimiter)
        self.columns = self._header()
        self.texts, self.completion = TextColumns(options.decimal), Completion(name.kind, name.file, options)

    def remarks(self) -> list[str]:
        """Returns what was read otherwise than it is written."""
        return self.completion.customers.remarks()

    def chunks(self) -> Iterator[Chunk]:
        """Yields the rows below the header, without blank lines."""
        while True:
            first = self.reader.line_num + 1
            rows, broken = self._read()
            if not rows:
                return
            self.meter.inner = self.lines.share
            yield self._chunk(rows, first + self._lines_before(rows, first), broken)

    def _header(self) -> Row:
        try:
            header = next(self.reader, [])
        except csv.Error as error:
            raise UsageError(f"{self.name.path}: line 1 is no header of a CSV file ({error})") from None
        if not header:
            raise UsageError(f"{self.name.path}: has no header; expected a first line that names the columns")
        if "\0" in "".join(header) or not _is_utf8(header):
            raise UsageError(
                f"{self.name.path}: does not begin with text in UTF-8; save it as CSV in UTF-8, "
                "or name its encoding with --encoding"
            )
        try:
            check_columns(self.name.path, self.kind, header)
        except UsageError as error:
            raise UsageError(f"{error} ({self._separated(header)})") from None
        return header

    def _separated(self, header: Row) -> str:
        marks = [mark for mark in ";\t|," if mark != self.delimiter and mark in "".join(header)]
        hint = f"; --delimiter {marks[0]!r} reads those separated by it" if marks else ""
        return f"separated by {self.delimiter!r}{hint}"

    def _read(self) -> tuple[list[Row], dict[int, MalformedRow]]:
        """Returns the next rows, and by index those (empty ones) that stand for a malformed line."""
        rows: list[Row] = []
        broken: dict[int, MalformedRow] = {}
        while len(rows) < CHUNK_ROWS:
            before, known = self.reader.line_num, len(rows)
            try:
                rows.extend(islice(self.reader, CHUNK_ROWS - known))  # rows read before an error stay
                break
            except csv.Error as error:
                self._same_line(before + _lines(rows[known:]), str(error))
                broken[len(rows)] = self._malformed("csv", f"is not CSV ({error})", self.lines.last)
                rows.append([])
        return rows, broken

    def _lines_before(self, rows: list[Row], first: int) -> Lines:
        """Returns the number of lines between line `first` and each row."""
        if self.reader.line_num - first + 1 == len(rows):
            return np.arange(len(rows), dtype=np.int64)
        return np.cumsum([0] + [_lines([row]) for row in rows[:-1]])

    def _same_line(self, before: int, what: str) -> None:
        """Raises Failure where a quoted cell ran over several lines: it may contain other rows."""
        if self.reader.line_num != before + 1:
            where = f"{self.name.path}: lines {before + 1} to {self.reader.line_num}"
            raise Failure(f"{where}: a quoted cell does not end correctly ({what}); repair the file")

    def _chunk(self, rows: list[Row], starts: Lines, broken: dict[int, MalformedRow]) -> Chunk:
        if broken or not self.lines.clean or set(map(len, rows)) != {len(self.columns)}:
            kept = [i for i, row in enumerate(rows) if row or i in broken]
            rows, starts = [rows[i] for i in kept], starts[kept]
            broken = {place: broken[i] for place, i in enumerate(kept) if i in broken}
            broken |= {i: wrong for i, row in enumerate(rows) if i not in broken and (wrong := self._wrong(row))}
        places = [i for i in range(len(rows)) if i not in broken] if broken else range(len(rows))
        good = [rows[i] for i in places] if broken else rows
        parts = [RowsOfKind(self.kind, np.array(places, np.intp), self._objects(good))] if good else []
        malformed = [_at(i, one) for i, one in sorted(broken.items())]
        return Chunk(self.name.file, starts, parts, malformed)

    def _objects(self, rows: list[Row]) -> list[dict[str, object]]:
        cells = zip(self.columns, zip(*rows, strict=True), strict=True)
        return self.completion.objects({name: self.texts.column(name, column) for name, column in cells}, len(rows))

    def _wrong(self, row: Row) -> MalformedRow | None:
        if len(row) != len(self.columns):
            sentence = f"has {len(row):,} cells, the header names {len(self.columns)} columns"
            return self._malformed("width", sentence, _written(row))
        if not _is_utf8(row):
            return self._malformed("utf8", "is not text in UTF-8; name its encoding with --encoding", _written(row))
        return None

    def _malformed(self, rule: str, sentence: str, text: str) -> MalformedRow:
        return MalformedRow(Refused(0, "row", rule, f"the row {sentence}"), text.encode("utf-8", "surrogateescape"))


def _lines(rows: list[Row]) -> int:
    """Returns how many lines the rows take: a quoted cell may have several."""
    return len(rows) + sum(cell.count("\n") for row in rows for cell in row)


def _is_utf8(row: Row) -> bool:
    """Returns whether no byte of the row became a surrogate."""
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return False
    return True


def _at(place: int, one: MalformedRow) -> MalformedRow:
    refused = one.refused
    return MalformedRow(Refused(place, refused.field, refused.rule, refused.sentence), one.value)


def _written(row: Row) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(row)
    return text.getvalue()
