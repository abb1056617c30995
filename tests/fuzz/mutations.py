"""What is done to good records and texts. All chance comes from the given `Random`."""

from __future__ import annotations

import struct
from random import Random

import orjson

from schemas.examples import EXAMPLES
from tests.schemas.messages import GOOD, MARKS

MOST_CHANGES = 3
TOKENS: list[bytes] = [
    *b"null true false 0 -0 -0.0 1 -1 1.5 1e308 1e400 1e-400 9007199254740993 NaN Infinity [] {} [[]]".split(),
    *(b'""', b'"\\u0000"', b'"\\ud800"', b'"\xff"', b'"\\n"', b'"c1"', b'"c2"', b'"\xe2\x80\xae"', b'"heartbeat"'),
    *(b'"end"', b"-Infinity"),
    *(b'"nps"', b'"csat"', b'["price"]', b'["x"]', b'{"sms":true}', b'{"sms":1}', b'"survey"', b'"\xf0\x9f\x98\x80"'),
    *(b'"2024-03-01T08:30:00Z"', b'"9999-12-31T23:59:59Z"', b'"1969-12-31T23:59:59Z"', b'"2024-02-30T00:00:00Z"'),
    *(b'"2024-03-01T08:30:00.9999999999Z"', b'"Asia/Shanghai"', b'"../UTC"', b"1" * 400, b'"' + b"x" * 300 + b'"'),
    *(b"[" * 40 + b"]" * 40, b'{"a":' * 40 + b"1" + b"}" * 40, b'{"a":1,"a":2}', b'"\\u0041"'),
    b"[" + b"1," * 200 + b"1]",
]  # fmt: skip
PIECES = [
    b"\0",
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\\",
    b"\n",
    b"\xff",
    b"\xed\xa0\x80",
    b" ",
    b"e",
    b"-",
    b"9",
]
NAMES = [b"payload", b"schema", b"specversion", b"data", b"op", b"after", b"x", b"\\u006bind", b"schema_version"]
EVENTS = {
    kind: [orjson.dumps(good), orjson.dumps(EXAMPLES[kind]), *map(orjson.dumps, MARKS)] for kind, good in GOOD.items()
}


def damaged(value: bytes, chance: Random) -> bytes:
    """Returns bytes with a few places replaced, removed, repeated, or cut off behind."""
    found = bytearray(value)
    for _ in range(chance.randint(1, MOST_CHANGES)):
        at = int(chance.random() * (len(found) + 1))
        length = int(chance.random() * 4)
        match int(chance.random() * 5):
            case 0:
                found[at : at + length] = PIECES[int(chance.random() * len(PIECES))]
            case 1:
                del found[at : at + length]
            case 2:
                found[at:at] = found[at : at + 16 * length]
            case 3:
                found[at : at + length] = chance.randbytes(length)
            case _ if chance.random() < 0.3:
                del found[at:]
    return bytes(found)


def changed(value: bytes, chance: Random) -> bytes:
    """Returns a flat JSON object with a field's value replaced, a field added, or one sent twice."""
    fields = list(orjson.loads(value).items())
    parts = [[orjson.dumps(name), orjson.dumps(one)] for name, one in fields]
    for _ in range(chance.randint(1, MOST_CHANGES)):
        token = TOKENS[int(chance.random() * len(TOKENS))]
        at = int(chance.random() * len(parts))
        match int(chance.random() * 4):
            case 0 | 1:
                parts[at][1] = token
            case 2:
                parts.append([b'"' + NAMES[int(chance.random() * len(NAMES))] + b'"', token])
            case _ if len(parts) > 1:
                parts.pop(at)
    return b"{" + b",".join(map(b":".join, parts)) + b"}"


def wrapped(value: bytes, chance: Random) -> bytes:
    """Returns a record in one of the envelopes of `schemas.envelopes`, or in one that is none."""
    match int(chance.random() * 5):
        case 0:
            return struct.pack(">bI", 0, chance.getrandbits(32)) + value
        case 1:
            return b'{"schema":{"type":"struct"},"payload":' + value + b"}"
        case 2:
            return b'{"specversion":"1.0","type":"t","source":"/s","id":"1","data":' + value + b"}"
        case 3:
            return b'{"before":null,"after":' + value + b',"op":"c","source":{}}'
        case _:
            return chance.choice([b"[%s]", b'{"data":%s}', b'"%s"', b"%s%s", b"\0%s"]).replace(b"%s", value)


def record(kind: str, chance: Random) -> bytes | None:
    """Returns a mutated record of a kind; now and then a good one, or none."""
    value = EVENTS[kind][int(chance.random() ** 2 * len(EVENTS[kind]))]
    way = chance.random()
    if way < 0.02:
        return None
    if way > 0.95:
        return value
    if way < 0.6:
        value = changed(value, chance)
    if way > 0.5:
        value = damaged(value, chance)
    return wrapped(value, chance) if chance.random() < 0.15 else value
