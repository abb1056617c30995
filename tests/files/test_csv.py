"""How cells are parsed, and what happens to malformed rows."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import Failure, UsageError
from streams.files.chunks import Chunk
from streams.files.formats import open_source
from streams.files.read_options import ReadOptions
from tests.files.logs import VISIT, accepted, as_csv, decoded, letters, rows_of, written

HEADER = b"customer_id,event_time,amount,store_id\n"
GOOD = b"c1,2024-03-01T00:00:00Z,1,s\n"


def visits(tmp_path: Path, *lines: bytes) -> str:
    return written(tmp_path, "service_visits.csv", HEADER + b"".join(lines))


def test_an_empty_cell_is_absent(tmp_path: Path) -> None:
    [row] = rows_of(visits(tmp_path, b"c1,2024-03-01T00:00:00Z,,\n"))
    assert "amount" not in row
    assert "store_id" not in row


@pytest.mark.parametrize(
    ("cell", "value"),
    [("12", 12), ("12.50", 12.5), ("-3", -3), ("1e3", 1000), ("68.0", 68), ("0.1", 0.1), ("5.", 5)],
)
def test_numbers_are_read(tmp_path: Path, cell: str, value: float) -> None:
    [row] = rows_of(visits(tmp_path, f"c1,2024-03-01T00:00:00Z,{cell},s\n".encode()))
    assert (row["amount"], type(row["amount"])) == (value, type(value))


@pytest.mark.parametrize(
    "cell", ["nan", "inf", "1_000", "0x10", " 5", "5 EUR", "1e999", "\N{ARABIC-INDIC DIGIT FIVE}", "true"]
)
def test_text_that_is_no_number_is_refused_unchanged(tmp_path: Path, cell: str) -> None:
    path = visits(tmp_path, f"c1,2024-03-01T00:00:00Z,{cell},s\n".encode())
    assert letters(path) == [(2, "amount", "float_type")]
    assert rows_of(path)[0]["amount"] == cell


def test_ids_that_look_like_numbers_stay_text(tmp_path: Path) -> None:
    [row] = rows_of(visits(tmp_path, b"00017,2024-03-01T00:00:00Z,1,007\n"))
    assert (row["customer_id"], row["store_id"]) == ("00017", "007")


@pytest.mark.parametrize("cell", ["price|service", "price; service"])
def test_causes_are_separated_by_bars_or_semicolons(tmp_path: Path, cell: str) -> None:
    row = {
        "customer_id": "c",
        "event_time": "2024-03-01T00:00:00Z",
        "survey_type": "nps",
        "score": 3,
        "causes": cell,
    }
    assert rows_of(written(tmp_path, "surveys.csv", as_csv([row])))[0]["causes"] == ["price", "service"]


def test_kind_version_and_producer_are_filled_in_where_they_are_missing(tmp_path: Path) -> None:
    rows = [VISIT | {"producer": "dms"}, VISIT | {"producer": ""}]
    first, second = rows_of(written(tmp_path, "service_visits.csv", as_csv(rows)))
    assert (first["producer"], second["producer"]) == ("dms", "service_visits.csv")
    assert (first["kind"], first["schema_version"]) == ("service_visit", 1)


def test_a_given_event_id_is_kept(tmp_path: Path) -> None:
    rows = [VISIT | {"event_id": "e-1"}, VISIT | {"event_id": ""}]
    first, second = rows_of(written(tmp_path, "service_visits.csv", as_csv(rows)))
    assert first["event_id"] == "e-1"
    assert second["event_id"].endswith("-0")


def test_rows_of_another_kind_than_the_file_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "service_visits.csv", as_csv([VISIT | {"kind": "survey"}]))
    assert letters(path) == [(2, "kind", "wrong_kind")]


@pytest.mark.parametrize("row", [b"c1,2024-03-01T00:00:00Z\n", b"c1,2024-03-01T00:00:00Z,1,s,more\n"])
def test_a_row_of_another_width_is_refused_alone(tmp_path: Path, row: bytes) -> None:
    path = visits(tmp_path, GOOD, row, GOOD)
    assert letters(path) == [(3, "row", "width")]
    assert list(accepted(path)) == ["c1", "c1"]


def test_blank_lines_are_skipped_and_counted_as_lines(tmp_path: Path) -> None:
    path = visits(tmp_path, b"\n", GOOD, b"\n", b"c2,nonsense,1,s\n")
    assert [chunk.lines.tolist() for chunk in decoded(path)] == [[3, 5]]


def test_a_cell_of_several_lines_is_one_row(tmp_path: Path) -> None:
    path = visits(tmp_path, b'c1,2024-03-01T00:00:00Z,1,"a\nb"\n', GOOD)
    assert [chunk.lines.tolist() for chunk in decoded(path)] == [[2, 4]]
    assert rows_of(path)[0]["store_id"] == "a\nb"


def test_quoted_cells_may_hold_commas_and_quotes(tmp_path: Path) -> None:
    [row] = rows_of(visits(tmp_path, b'c1,2024-03-01T00:00:00Z,1,"a, ""b"""\n'))
    assert row["store_id"] == 'a, "b"'


def test_a_badly_quoted_line_is_refused_alone(tmp_path: Path) -> None:
    path = visits(tmp_path, GOOD, b'c2,2024-03-01T00:00:00Z,1,"s"x\n', GOOD)
    assert letters(path) == [(3, "row", "csv")]
    assert list(accepted(path)) == ["c1", "c1"]


def test_a_badly_quoted_line_after_a_cell_of_several_lines_is_refused_alone(tmp_path: Path) -> None:
    path = visits(tmp_path, b'c1,2024-03-01T00:00:00Z,1,"a\nb"\n', b'c2,2024-03-01T00:00:00Z,1,"s"x\n', GOOD)
    assert letters(path) == [(2, "store_id", "printable"), (4, "row", "csv")]


def test_a_refused_line_keeps_its_bytes(tmp_path: Path) -> None:
    line = b'c2,2024-03-01T00:00:00Z,\xff,"s"x\n'
    [letter] = decoded(visits(tmp_path, line))[0].letters
    assert base64.b64decode(letter["value"]) == line


def test_a_quotation_mark_that_never_ends_is_a_failure_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="lines 3 to 5: a quoted cell does not end"):
        decoded(visits(tmp_path, GOOD, b'c2,2024-03-01T00:00:00Z,1,"s\n', GOOD, GOOD))


def test_a_row_that_is_not_utf8_is_refused_alone(tmp_path: Path) -> None:
    path = visits(tmp_path, GOOD, b"c2,2024-03-01T00:00:00Z,1,caf\xe9\n", GOOD)
    assert letters(path) == [(3, "row", "utf8")]
    assert list(accepted(path)) == ["c1", "c1"]


def test_a_zero_byte_in_a_cell_is_refused_with_its_field(tmp_path: Path) -> None:
    assert letters(visits(tmp_path, b"c\x001,2024-03-01T00:00:00Z,1,s\n", GOOD)) == [(2, "customer_id", "printable")]


@pytest.mark.parametrize("header", [b"\0\0\0,b\n", b"caf\xe9,b\n"])
def test_a_header_that_is_not_text_is_refused(tmp_path: Path, header: bytes) -> None:
    with pytest.raises(UsageError, match="does not begin with text in UTF-8"):
        rows_of(written(tmp_path, "service_visits.csv", header))


def test_lines_that_end_in_carriage_returns_alone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="line 1 is no header"):
        rows_of(written(tmp_path, "service_visits.csv", (HEADER + GOOD).replace(b"\n", b"\r")))


def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    assert list(accepted(visits(tmp_path, GOOD, GOOD.rstrip()))) == ["c1", "c1"]


def test_line_numbers_continue_across_chunks(tmp_path: Path) -> None:
    lines = [GOOD] * 20_000
    lines[7], lines[9_000], lines[15_000] = b"\n", b"short\n", b'c1,2024-03-01T00:00:00Z,1,"a\nb"\n'
    path = visits(tmp_path, *lines, b"bad\n")
    assert letters(path) == [
        (9_002, "row", "width"),
        (15_002, "store_id", "printable"),
        (20_003, "row", "width"),
    ]


@pytest.mark.parametrize("cell", ['{"sms": true, "mail": false}', "sms:true;mail:false", " sms: true | mail: false "])
def test_consent_is_an_object_or_pairs(tmp_path: Path, cell: str) -> None:
    row = {"customer_id": "c1", "event_time": "2024-03-01T08:30:00Z", "consent": cell}
    path = written(tmp_path, "customer_profiles.csv", as_csv([row]))
    assert rows_of(path)[0]["consent"] == {"sms": True, "mail": False}


@pytest.mark.parametrize("cell", ["sms", "sms:yes", "sms:true;sms:false", "sms:true mail:false", "[]", "1"])
def test_consent_that_is_neither_is_refused(tmp_path: Path, cell: str) -> None:
    row = {"customer_id": "c1", "event_time": "2024-03-01T08:30:00Z", "consent": cell}
    path = written(tmp_path, "customer_profiles.csv", as_csv([row]))
    assert [(line, field) for line, field, _ in letters(path)] == [(2, "consent")]


@pytest.mark.parametrize(("mark", "option"), [(";", "';'"), ("\t", r"'\\t'"), ("|", r"'\|'")])
def test_another_delimiter_is_named_with_its_option_and_read_with_it(tmp_path: Path, mark: str, option: str) -> None:
    data = (HEADER + GOOD).replace(b",", mark.encode())
    with pytest.raises(UsageError, match=rf"separated by ','; --delimiter {option}"):
        rows_of(written(tmp_path, "service_visits.csv", data))
    assert list(accepted(str(tmp_path / "service_visits.csv"), ReadOptions(delimiter=mark))) == ["c1"]


COMMAS = {"12,50": 12.5, "1.234,50": 1234.5, "1,234.50": 1234.5, "12.50": 12.5, "1.234": 1234, "7": 7, "-0,5": -0.5}


@pytest.mark.parametrize(("cell", "value"), COMMAS.items())
def test_decimal_commas_are_read_with_their_option(tmp_path: Path, cell: str, value: float) -> None:
    path = visits(tmp_path, f'c1,2024-03-01T00:00:00Z,"{cell}",s\n'.encode())
    options = ReadOptions(decimal=",")
    assert [row["amount"] for chunk in open_source(path, options).chunks for row in objects(chunk)] == [value]


@pytest.mark.parametrize("cell", ["1,2,3", "12,34,56.7", "1.23.4", "1,5 EUR"])
def test_what_is_no_number_with_decimal_commas_is_refused_unchanged(tmp_path: Path, cell: str) -> None:
    path = visits(tmp_path, f'c1,2024-03-01T00:00:00Z,"{cell}",s\n'.encode())
    assert letters(path, ReadOptions(decimal=",")) == [(2, "amount", "float_type")]


def test_a_decimal_comma_is_refused_with_its_option(tmp_path: Path) -> None:
    [chunk] = decoded(visits(tmp_path, b'c1,2024-03-01T00:00:00Z,"12,50",s\n'))
    assert chunk.letters[0]["sentence"].endswith("--decimal , reads decimal commas")


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "cp1252", "utf-16", "utf-16-le", "shift_jis"])
def test_text_in_another_encoding_is_read_with_its_option(tmp_path: Path, encoding: str) -> None:
    store = "caf\xe9" if encoding == "cp1252" else "\u4e0a\u6d77"
    lines = HEADER.decode() + f"c1,2024-03-01T00:00:00Z,1,{store}\n" * 3_000
    path = written(tmp_path, "service_visits.csv", lines.encode(encoding))
    chunks = open_source(path, ReadOptions(encoding=encoding)).chunks
    assert [row["store_id"] for chunk in chunks for row in objects(chunk)] == [store] * 3_000


def test_bytes_that_are_no_text_in_the_encoding_are_refused_alone(tmp_path: Path) -> None:
    path = visits(tmp_path, GOOD, b"c2,2024-03-01T00:00:00Z,1,\xff\xff\n", GOOD)
    assert letters(path, ReadOptions(encoding="gbk")) == [(3, "row", "utf8")]


def test_a_refusal_for_its_encoding_names_the_option(tmp_path: Path) -> None:
    [chunk] = decoded(visits(tmp_path, "c1,2024-03-01T00:00:00Z,1,\u4e0a\n".encode("gbk")))
    assert "--encoding" in chunk.letters[0]["sentence"]


def test_the_share_that_was_read_follows_the_rows(tmp_path: Path) -> None:
    source = open_source(visits(tmp_path, *[GOOD] * 4_000))
    shares = [source.meter.read / source.meter.size for _ in source.chunks]
    assert shares == pytest.approx([0.256, 0.512, 0.768, 1], abs=0.01)
    assert source.meter.read == source.meter.size


def objects(chunk: Chunk) -> list[dict[str, Any]]:
    return [row for part in chunk.parts for row in part.objects or []]
