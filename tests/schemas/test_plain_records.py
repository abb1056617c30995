"""Compiled code reads what the careful decoder accepts, to the same rows, and most of what ordinary clients send."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.columns import ACTIVITY_TYPES, CAUSES, CUSTOMER_ACTION_KINDS, OTHER_ACTIVITY
from schemas.decode import Decoder
from schemas.native import compilers
from schemas.native.loading import loaded
from schemas.plain_records import MOST_PRODUCERS, Plain
from tests.fuzz import compiled
from tests.schemas.decoded import both_ways, parts
from tests.schemas.messages import GOOD, MARKS, NOW_US, Message, good, messages

pytestmark = pytest.mark.skipif(loaded().compiled is None, reason=loaded().told)
KIND = st.sampled_from(CUSTOMER_ACTION_KINDS)
CHINESE = "上海门店"


def read(kind: str, *values: bytes, keys: list[bytes | None] | None = None) -> Plain:
    """What compiled code alone says of records."""
    plain = Decoder(kind).plain
    assert plain is not None
    return plain.read(values, keys, NOW_US)


def is_plain(kind: str, value: bytes) -> bool:
    return not read(kind, value).doubtful


STYLES = {
    "orjson": orjson.dumps,
    "json.dumps": lambda message: json.dumps(message).encode(),
    "JSON.stringify": lambda message: json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode(),
    "indented": lambda message: json.dumps(message, indent=2).encode() + b"\r\n",
    "sorted": lambda message: json.dumps(message, sort_keys=True).encode(),
    "backwards": lambda message: orjson.dumps(dict(reversed(message.items()))),
    "with fields of their own": lambda message: orjson.dumps({"v": 2, **message, "trace": "é", "ok": True, "no": None}),
    "with numbers of their own": lambda message: orjson.dumps({**message, "lat": -33.25, "zero": 0}),
    "with nulls": lambda message: orjson.dumps({**message, "schema_version": None}),
    "without what may be missing": lambda message: orjson.dumps({**message} | {"schema_version": 1}),
}


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
@pytest.mark.parametrize("kind", CUSTOMER_ACTION_KINDS)
def test_what_ordinary_clients_send_is_plainly_good(kind: str, style: compiled.Style) -> None:
    ordinary = style(good(kind, event_id="0f8fad5b-d9cb-469f-a165-70867728950e"))
    assert is_plain(kind, ordinary)
    chinese = style(good(kind, producer=CHINESE, customer_id="客户-1"))
    assert is_plain(kind, chinese)
    both_ways(Decoder(kind), [ordinary, chinese])


@given(KIND.flatmap(lambda kind: st.tuples(st.just(kind), st.lists(messages(kind), max_size=6))))
def test_a_batch_is_decoded_alike_with_and_without_compiled_code(batch: tuple[str, list[Message]]) -> None:
    kind, sent = batch
    for style in (orjson.dumps, STYLES["indented"]) if all(map(_has_json, sent)) else (STYLES["json.dumps"],):
        both_ways(Decoder(kind), [style(message) for message in sent])


def _has_json(message: Message) -> bool:
    try:
        return bool(orjson.dumps(message))
    except orjson.JSONEncodeError:
        return False


@pytest.mark.parametrize("seed", range(6))
def test_mutated_records_are_decoded_alike_with_and_without_compiled_code(seed: int) -> None:
    tally = compiled.run(Random(seed), 400)
    assert 0.1 < tally.plain / tally.records < 0.9


@given(KIND, st.text(min_size=1, max_size=130), st.text(min_size=1, max_size=130))
def test_the_id_by_which_duplicates_are_found_is_the_same(kind: str, customer: str, event: str) -> None:
    try:
        value = orjson.dumps(good(kind, customer_id=customer, event_id=event))
    except orjson.JSONEncodeError:  # half a surrogate
        return
    both_ways(Decoder(kind), [value], [customer.encode()])


@pytest.mark.parametrize("size", range(1, 129))
def test_ids_of_every_length_are_plainly_good_up_to_that_of_two_long_ones(size: int) -> None:
    value = orjson.dumps(good("survey", customer_id="c" * (size // 2 + 1), event_id="e" * size))
    assert is_plain("survey", value)
    both_ways(Decoder("survey"), [value])


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,16})(\.[0-9]{1,17})?([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_numbers_are_those_of_the_parser(number: str) -> None:
    value = orjson.dumps(good("service_visit", amount=77_777)).replace(b"77777", number.encode())
    both_ways(Decoder("service_visit"), [value])
    digits = sum(map(str.isdigit, number))
    if digits <= 15 and "e" not in number.lower() and not number.startswith("-") and float(number) <= 1e12:
        assert is_plain("service_visit", value)


@given(st.text("0123456789-+:TZtz. ", min_size=18, max_size=34) | st.datetimes().map(lambda at: at.isoformat() + "Z"))
def test_instants_are_those_of_the_careful_decoder(text: str) -> None:
    both_ways(Decoder("survey"), [orjson.dumps(good("survey", event_time=text))])


@pytest.mark.parametrize(
    "offset", ["Z", "+00:00", "-00:00", "+05:45", "-09:30", "+23:59", "+24:00", "+08", "+0800", ""]
)
@pytest.mark.parametrize("second", ["00", "59", "60", "30.5", "30.123456", "30.1234567", "30."])
def test_instants_of_every_form_are_decoded_alike(second: str, offset: str) -> None:
    both_ways(Decoder("survey"), [orjson.dumps(good("survey", event_time=f"2024-02-29T23:59:{second}{offset}"))])


@pytest.mark.parametrize(
    "text",
    [
        *("2024-02-29T24:00:00Z", "2024-02-29T23:60:00Z", "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z"),
        *("2000-02-29T00:00:00Z", "2024-04-31T00:00:00Z", "2024-00-10T00:00:00Z", "2024-13-10T00:00:00Z"),
        *("2024-12-00T00:00:00Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00+00:01"),
        *("2024-03-01t08:30:00Z", "2024-03-01 08:30:00Z", "2024-03-01T08:30:00z", "2024-03-01T08:30:00Z ", "1970"),
    ],
)
def test_instants_that_a_calendar_may_lack_are_decoded_alike(text: str) -> None:
    both_ways(Decoder("survey"), [orjson.dumps(good("survey", event_time=text))])


UTF8 = [
    b"\xc0\x80",
    b"\xc1\xbf",
    b"\xc3",
    b"\xc3\xa9",
    b"\xdf\xbf",
    b"\xe0\x80\x80",
    b"\xe0\x81\x81",
    b"\xe0\x9f\xbf",
    b"\xe0\xa0\x80",
]
UTF8 += [
    b"\xe4\xb8",
    b"\xe4\xb8\xad",
    b"\xed\xa0\x80",
    b"\xef\xbf\xbd",
    b"\xf0\x9f\x98\x80",
    b"\xf5\x80\x80\x80",
    b"\x80",
    b"\xff",
]


@pytest.mark.parametrize("text", UTF8)
@pytest.mark.parametrize("name", ["store_id", "unknown"])
def test_texts_that_are_no_utf8_or_the_rare_part_of_it_are_decoded_alike(name: str, text: bytes) -> None:
    value = orjson.dumps(good("service_visit", **{name: "?"})).replace(b"?", text)
    both_ways(Decoder("service_visit"), [value, value[: value.index(text) + len(text)]])


ESCAPES = [
    r"\"",
    r"\\\\",
    r"\/",
    r"\u0041",
    r"\u00e9",
    r"\u4E2d",
    r"\u4e2D\u6587 x",
    r"é\u00e9é",
    r"\n",
    r"\u0000",
    r"\u007f",
    r"\u00ad",
]
ESCAPES += [
    r"\ud800",
    r"\ud83d\ude00",
    r"\u",
    r"\u4e2",
    r"\u4e2g",
    r"\u 4e2",
    r"\x41",
    "\\",
    r"\u200b",
    r"\U0041",
    r"\u4e2d" * 128,
    r"\u4e2d" * 129,
]


@pytest.mark.parametrize("text", ESCAPES)
@pytest.mark.parametrize("name", ["store_id", "unknown", "customer_id", "producer", "event_id", "service_type"])
def test_texts_with_escapes_are_decoded_alike(name: str, text: str) -> None:
    value = orjson.dumps(good("service_visit", **{name: "?"})).replace(b"?", text.encode())
    both_ways(Decoder("service_visit"), [value, value[: value.index(text.encode()) + len(text)]])


@pytest.mark.parametrize("kind", CUSTOMER_ACTION_KINDS)
def test_what_json_dumps_makes_of_chinese_is_plainly_good(kind: str) -> None:
    value = json.dumps(good(kind, producer=CHINESE, customer_id="客户-1", event_id='"1"', note="中文 \\ /")).encode()
    assert b"\\u" in value
    assert is_plain(kind, value)
    found = both_ways(Decoder(kind), [value, orjson.dumps(good(kind, producer="a"))], ["客户-1".encode(), b"c1"])
    assert list(found.events.producers) == [CHINESE, "a"]


def test_more_text_with_escapes_than_there_is_room_for_is_left_to_the_careful_decoder() -> None:
    value = json.dumps(good("survey", a="中" * 300, b="中" * 300, c="中" * 300)).encode()
    assert not is_plain("survey", value)
    both_ways(Decoder("survey"), [value])


def test_a_name_with_an_escape_is_left_to_the_careful_decoder() -> None:
    value = orjson.dumps(good("survey")).replace(b'"score"', b'"sc\\u006fre"')
    assert not is_plain("survey", value)
    both_ways(Decoder("survey"), [value, value.replace(b"{", b'{"score":1,')])


def test_the_latest_instant_is_plainly_good_and_the_next_one_is_left_to_the_careful_decoder() -> None:
    values = [orjson.dumps(good("survey", event_time=f"2027-01-15T08:00:00.00000{us}Z")) for us in (0, 1)]
    plain = Decoder("survey", max_skew_us=0).plain
    assert plain is not None
    assert plain.read(values, None, NOW_US).doubtful == [1]
    both_ways(Decoder("survey", max_skew_us=0), values)


@pytest.mark.parametrize("activity", [*ACTIVITY_TYPES, "what nobody knows"])
def test_every_type_of_activity_has_its_number(activity: str) -> None:
    [row] = read("app_activity", orjson.dumps(good("app_activity", activity_type=activity))).events.rows
    expected = ACTIVITY_TYPES.index(activity) if activity in ACTIVITY_TYPES else OTHER_ACTIVITY
    assert row["code"] == expected


@pytest.mark.parametrize("causes", [[], *([cause] for cause in CAUSES), [*CAUSES], [CAUSES[0]] * 100])
def test_causes_are_plainly_good(causes: list[str]) -> None:
    value = orjson.dumps(good("survey", causes=causes))
    assert is_plain("survey", value)
    both_ways(Decoder("survey"), [value])


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("survey", {"score": 10.5}),
        ("survey", {"survey_type": "csat", "score": 100.5}),
        ("survey", {"causes": ["price"] * 101}),
        ("survey", {"causes": ["weather"]}),
        ("survey", {"score": None}),
        ("app_activity", {"count": 0}),
        ("app_activity", {"count": 1.5}),
        ("app_activity", {"activity_type": None}),
        ("service_visit", {"items": -1}),
        ("service_visit", {"amount": 1e13}),
        ("service_visit", {"store_id": "x" * 257}),
        ("service_visit", {"store_id": "\u200b"}),
        ("service_visit", {"customer_id": ""}),
        ("service_visit", {"producer": "a\x7f"}),
    ],
)
def test_what_a_model_refuses_is_doubtful(kind: str, wrong: Message) -> None:
    value = orjson.dumps(good(kind, **wrong))
    assert not is_plain(kind, value)
    assert both_ways(Decoder(kind), [value]).refused


def test_a_score_is_judged_by_its_type_wherever_the_type_stands() -> None:
    first, last = {"survey_type": "nps", "score": 11}, {"score": 11, "survey_type": "csat"}
    rest = {name: value for name, value in GOOD["survey"].items() if name not in first}
    assert not is_plain("survey", orjson.dumps({**first, **rest}))
    assert is_plain("survey", orjson.dumps({**rest, **last}))


def test_doubtful_records_marks_and_good_ones_stay_in_order() -> None:
    sent = [b"{", good("survey"), MARKS[0], good("survey", event_id="\\"), good("survey", event_id="e2", x=1), MARKS[1]]
    values = [one if isinstance(one, bytes) else orjson.dumps(one) for one in sent]
    found = both_ways(Decoder("survey"), [*values, None], [b"c1", b"c1", None, b"c1", b"c1", None, b"c1"])
    assert found.index.tolist() == [1, 3, 4]
    assert [mark.index for mark in found.marks] == [2, 5]
    assert [refused.index for refused in found.refused] == [0, 6]


def test_a_key_that_is_not_the_customer_is_left_to_the_careful_decoder() -> None:
    value = orjson.dumps(good("survey"))
    keys: list[bytes | None] = [b"c1", b"c2", b"c", b"c11", None, b""]
    assert read("survey", *[value] * len(keys), keys=keys).doubtful == [1, 2, 3, 4, 5]
    both_ways(Decoder("survey"), [value] * len(keys), keys)


def test_amounts_in_another_currency_are_left_to_the_careful_decoder() -> None:
    decoder = Decoder("service_visit", currency="CNY")
    values = [orjson.dumps(good("service_visit", currency=own)) for own in ("CNY", "cny", "USD", None)]
    found = both_ways(decoder, values)
    np.testing.assert_array_equal(np.isnan(found.events.rows["amount"]), [False, False, True, False])
    assert decoder.other_currencies == {"USD"}


def test_more_producers_than_a_batch_has_room_for_lose_nothing() -> None:
    names = [f"store {i}" for i in range(MOST_PRODUCERS + 50)]
    values = [orjson.dumps(good("survey", producer=name)) for name in names + names]
    assert len(read("survey", *values).doubtful) == 100
    assert list(both_ways(Decoder("survey"), values).events.producers) == names + names


def test_a_field_that_the_table_of_rules_does_not_have_makes_its_records_doubtful(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("schemas.decode.LABELS", ("store_id", "currency"))
    sent = good("service_visit")
    assert not is_plain("service_visit", orjson.dumps(sent))
    del sent["service_type"]
    assert is_plain("service_visit", orjson.dumps(sent))


def test_the_table_lives_as_long_as_its_reader() -> None:
    plain = Decoder("survey").plain
    assert plain is not None
    gc.collect()
    _ = [os.urandom(size) for size in range(2_000)]
    assert len(plain.read([orjson.dumps(good("survey"))], None, NOW_US).events) == 1


def test_an_empty_batch_is_empty() -> None:
    assert parts(Decoder("survey").decode([], [], NOW_US)) == parts(Decoder("survey").decode_carefully([], [], NOW_US))


def test_compiled_code_with_sanitizers_reads_mutated_records_without_a_complaint(tmp_path: Path) -> None:
    compiler = compilers.find()
    if compiler is None:
        pytest.skip("no compiler is here: memory errors of compiled code stay unseen")
    ask = [compiler.command[0], "-print-file-name=libasan.so"]
    sanitizer = Path(subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip())
    if not sanitizer.is_absolute():
        pytest.skip(f"{compiler.version} has no AddressSanitizer to load: memory errors of compiled code stay unseen")
    environ = {
        "XDG_CACHE_HOME": str(tmp_path),
        "LD_PRELOAD": str(sanitizer),
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONMALLOC": "malloc",  # so that each record ends where its memory ends
    }
    command = [sys.executable, "-m", "tests.fuzz.compiled", "--sanitize", "--records", "4000"]
    ended = subprocess.run(command, env=os.environ | environ, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "-fsanitize=address,undefined" in ended.stdout


def test_without_compiled_code_a_decoder_has_no_plain_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.plain_records.compiled_code", lambda: None)
    assert Decoder("survey").plain is None
