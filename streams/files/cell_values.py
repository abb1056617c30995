"""Columns to events: text is parsed to numbers, lists or None, and optional fields get their defaults. A cell that
cannot be parsed stays text: decoding refuses it with a reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any

import orjson

from schemas.columns import NUMBERS
from streams.files.derived_ids import DerivedIds, plain_number
from streams.files.id_cells import IdCells
from streams.files.read_options import ReadOptions

Column = Sequence[Any]
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
GROUPED = re.compile(
    r"[+-]?\d{1,3}(\.\d{3})+(,\d*)?", re.ASCII
)  # 1.234 and 1.234,50 where the comma is the decimal mark
GROUPED_BY_COMMAS = re.compile(r"[+-]?\d{1,3}(,\d{3})+\.\d*", re.ASCII)
PAIR = re.compile(r"\s*([^:;|\s]+)\s*:\s*(true|false)\s*(?:[;|]|$)")
PAIRS = re.compile(f"(?:{PAIR.pattern})+")
MOST_CACHED = 1 << 16


def _number(text: str) -> Any:
    if not NUMBER.fullmatch(text):
        return text or None
    number = float(text)
    return plain_number(number) if abs(number) < float("inf") else text


def _number_with_comma(text: str) -> Any:
    """Parses `12,50`. Two different marks are unambiguous: the last one is the decimal mark."""
    if GROUPED_BY_COMMAS.fullmatch(text):
        plain = text.replace(",", "")
    else:
        plain = (text.replace(".", "") if GROUPED.fullmatch(text) else text).replace(",", ".")
    number = _number(plain)
    return text if isinstance(number, str) else number


class ParseCache(dict[str, Any]):
    """Parsed values by cell text: each different text is parsed once."""

    def __init__(self, parse: Callable[[str], Any]) -> None:
        self.parse = parse

    def __missing__(self, text: str) -> Any:
        if len(self) >= MOST_CACHED:
            self.clear()
        self[text] = value = self.parse(text)
        return value

    def column(self, cells: Sequence[str]) -> Column:
        """Returns the parsed value of each cell."""
        return list(map(self.__getitem__, cells))


def _causes(text: str) -> list[str] | None:
    return [cause.strip() for cause in re.split(r"[|;]", text)] if text else None


def _consent(cell: Any) -> Any:
    """Returns consent by channel from `{"sms": true}`, `sms:true;mail:false`, or the pairs of a Parquet map."""
    if isinstance(cell, list) and all(isinstance(pair, tuple) for pair in cell):
        return dict(cell)
    if isinstance(cell, dict):  # a Parquet struct has every channel in each row
        return {channel: given for channel, given in cell.items() if given is not None}
    if not isinstance(cell, str):
        return cell
    try:
        return orjson.loads(cell)
    except orjson.JSONDecodeError:
        pairs = PAIR.findall(cell) if PAIRS.fullmatch(cell) else []
        given = {channel: word == "true" for channel, word in pairs}
        return given if pairs and len(given) == len(pairs) else cell


class TextColumns:
    """Parses columns of text, as in CSV: an empty cell is a missing field."""

    def __init__(self, decimal: str = ".") -> None:
        numbers = ParseCache(_number_with_comma if decimal == "," else _number)
        self.caches = dict.fromkeys((*NUMBERS, "schema_version", "cost", "value", "level"), numbers)
        self.caches["causes"] = ParseCache(_causes)

    def column(self, name: str, cells: Sequence[str]) -> Column:
        """Returns the parsed cells of a column, None where they are empty."""
        parse = self.caches.get(name)
        if parse is not None:
            return parse.column(cells)
        return cells if all(cells) else [cell or None for cell in cells]


class Completion:
    """Turns columns of one file into complete events."""

    def __init__(self, kind: str, file: str, options: ReadOptions) -> None:
        self.kind, self.file, self.ids = kind, file, DerivedIds()
        self.derives_ids, self.customers = options.derives_ids, IdCells(file)

    def objects(self, columns: Mapping[str, Column], rows: int) -> list[dict[str, Any]]:
        """Returns one object a row, without the fields that are None; (rows,) each column."""
        filled = dict(columns)
        for name, value in (("kind", self.kind), ("schema_version", 1)):
            filled[name] = _filled(filled.get(name), value, rows)
        if "customer_id" in filled:
            filled["customer_id"] = self.customers.column(filled["customer_id"])
        if "consent" in filled:
            filled["consent"] = list(map(_consent, filled["consent"]))
        objects = _objects(filled, rows)
        if self.derives_ids:
            self._complete(objects, filled)
        return objects

    def _complete(self, objects: list[dict[str, Any]], filled: Mapping[str, Column]) -> None:
        without_id = [one for one in objects if "event_id" not in one] if "event_id" in filled else objects
        for one, event_id in zip(without_id, self.ids.of(without_id), strict=True):
            one["event_id"] = event_id
        without_producer = [one for one in objects if "producer" not in one] if "producer" in filled else objects
        for one in without_producer:
            one["producer"] = self.file


def _has_gaps(column: Column) -> bool:
    """Returns whether a cell is None; for most columns the cheaper test is enough."""
    return not all(column) and None in column


def _filled(column: Column | None, value: Any, rows: int) -> Column:
    if column is None:
        return [value] * rows
    return [value if cell is None else cell for cell in column] if _has_gaps(column) else column


def _objects(columns: Mapping[str, Column], rows: int) -> list[dict[str, Any]]:
    names = tuple(columns)
    objects = list(map(dict, map(zip, repeat(names, rows), zip(*columns.values(), strict=True))))
    if any(map(_has_gaps, columns.values())):
        return [{name: cell for name, cell in one.items() if cell is not None} for one in objects]
    return objects
