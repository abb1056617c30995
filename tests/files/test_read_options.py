"""Values of options that no file can be read with are refused with what is expected."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schemas.errors import UsageError
from streams.files.read_options import check_delimiter, check_encoding, check_kind, check_time_zone

WRONG = [
    (check_kind, "visit", "expected one of app_activity"),
    (check_encoding, "klingon", "no such encoding"),
    (check_encoding, "hex", "no such encoding"),
    (check_encoding, "undefined", "no such encoding"),
    (check_encoding, "\0", "no such encoding"),
    (check_delimiter, "", "expected one character"),
    (check_delimiter, ";;", "expected one character"),
    (check_delimiter, '"', "expected one character"),
    (check_delimiter, "x", "expected one character"),
    (check_time_zone, "Madrid", "no such zone"),
    (check_time_zone, "../etc/passwd", "no such zone"),
]


@pytest.mark.parametrize(("check", "text", "expected"), WRONG)
def test_a_wrong_value_is_refused(check: Callable[[str], str], text: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        check(text)


@pytest.mark.parametrize(
    ("check", "text", "value"),
    [
        (check_kind, "service-visit", "service_visit"),
        (check_encoding, "GBK", "GBK"),
        (check_delimiter, "tab", "\t"),
        (check_delimiter, ";", ";"),
        (check_time_zone, "Asia/Shanghai", "Asia/Shanghai"),
    ],
)
def test_a_right_value_is_taken(check: Callable[[str], str], text: str, value: str) -> None:
    assert check(text) == value
