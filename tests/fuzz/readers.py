"""The readers of what comes from outside. Each makes a batch from a seed, reads it, and raises unless it is answered.

To fuzz another reader, add a function to READERS.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random

import orjson

from online_model.registry import Command
from online_model.snapshot import Snapshot
from schemas.decode import Decoded, Decoder
from schemas.errors import Failure, UsageError
from schemas.examples import EXAMPLES
from schemas.refusals import dead_letter
from streams.files.file_sources import FileSources
from streams.files.read_options import ReadOptions
from streams.files.survey import Plan, Survey, Terms
from streams.files.tick_reader import Ticks
from streams.operations.cases import events
from streams.operations.cases.parsing import MODELS, messages
from streams.operations.cases.words import Language
from streams.profile.layers import SHIPPED_IN, shipped
from streams.profile.loading import load_profile
from streams.units.strays import Strays
from tests.files.logs import as_csv, as_jsonl, as_parquet, gz, zst
from tests.fuzz.mutations import EVENTS, changed, damaged, record
from tests.schemas.decoded import both_ways
from tests.schemas.messages import NOW_US
from tests.units.test_strays import CHANGELOGS, LOGS, everything, healthy, owner_of
from tests.units.topics import Record

BATCH, ROWS = 200, 60
ALONE = 0.02  # share of batches whose records are read one by one too
KEYS: list[bytes | None] = [None, b"", b"c2", b'"c1"', b"c1\0", b"\0\0\0\0\1c1", b"\xff", b"\n"]
OWN_MESSAGES = {"interventions": "intervention", "interventions-withheld": "withheld_intervention"} | {
    "intervention-updates": "intervention_update"
}
DECODERS = {kind: Decoder(kind) for kind in EVENTS}
ROW = {"customer_id": "c", "event_time": "2024-03-01T08:30:00Z", "amount": 1.5, "items": 2, "store_id": "s"}
LOG = [ROW | {"customer_id": f"c{i}", "event_time": f"2024-03-{1 + i % 28:02}T08:30:00Z"} for i in range(ROWS)]
FORMS: dict[str, Callable[..., bytes]] = {"csv": as_csv, "jsonl": as_jsonl, "parquet": as_parquet}
PACKS: list[Callable[[bytes], bytes]] = [bytes, bytes, gz, zst]
FILES = {(form, pack): PACKS[pack](make(LOG)) for form, make in FORMS.items() for pack in range(len(PACKS))}


@dataclass(frozen=True, slots=True)
class Answer:
    """How a batch was answered."""

    accepted: int
    refused: int


def read_events(chance: Random) -> Answer:
    """Records of an input topic: each is accepted, a mark, a deletion or a refusal, with compiled code as without it;
    some batches also one by one.
    """
    kind = chance.choice(sorted(EVENTS))
    values = [record(kind, chance) for _ in range(BATCH)]
    keys = [b"c1" if chance.random() < 0.9 else chance.choice(KEYS) for _ in values]
    decoded = both_ways(DECODERS[kind], values, keys)
    places = [*decoded.index.tolist(), *(one.index for one in [*decoded.marks, *decoded.erased, *decoded.refused])]
    assert sorted(places) == list(range(BATCH))
    for refused in decoded.refused[:5]:
        orjson.dumps(dead_letter(refused, values[refused.index], {"topic": kind}))
    if chance.random() < ALONE:
        _check_alone(kind, values, keys, decoded)
    return Answer(BATCH - len(decoded.refused), len(decoded.refused))


def _check_alone(kind: str, values: Sequence[bytes | None], keys: Sequence[bytes | None], decoded: Decoded) -> None:
    """Raises unless each record is judged alone as in its batch."""
    refusals = {one.index: one for one in decoded.refused}
    rows = dict(zip(decoded.index.tolist(), decoded.events.rows, strict=True))
    for i, (value, key) in enumerate(zip(values, keys, strict=True)):
        alone = DECODERS[kind].decode([value], [key], NOW_US)
        assert [replace(one, index=i) for one in alone.refused] == ([refusals[i]] if i in refusals else []), (
            value,
            key,
        )
        if len(alone.events):
            mine, other = alone.events.rows[0].copy(), rows[i].copy()
            mine["details"] = other["details"] = 0
            assert mine.tobytes() == other.tobytes(), (value, key)


def read_files(chance: Random) -> Answer:
    """A damaged file, surveyed and read as it is and sorted: rows are counted once, or one sentence names the file."""
    (form, _), data = chance.choice(list(FILES.items()))
    options = ReadOptions(
        encoding=chance.choice([None, None, "gbk", "utf-16", "cp1252"]),
        delimiter=chance.choice([",", ";", "\t"]),
        decimal=chance.choice([".", ","]),
        time_zone=chance.choice([None, "Europe/Madrid"]),
        epoch=chance.choice([None, None, "ms"]),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"service_visits.{form}")
        path.write_bytes(damaged(data, chance))
        return _file(str(path), Terms(NOW_US, 0, options=options))


def _file(path: str, terms: Terms) -> Answer:
    try:
        survey = Survey([path], terms)
        plan = survey.plan()
        counts = {_counts(path, terms, one) for one in (plan, replace(plan, unsorted=frozenset({0})))}
    except (UsageError, Failure) as error:
        _check_sentence(error, Path(path).name)
        return Answer(0, 1)
    [(rows, refused)] = counts
    assert (rows, refused) == (survey.tallies[0].rows, survey.tallies[0].refused)
    return Answer(1, 0)


def _counts(path: str, terms: Terms, plan: Plan) -> tuple[int, int]:
    sources = FileSources([path], terms, plan)
    for _ in Ticks(sources, terms.tick_us):
        pass
    return sources.tallies[0].rows, sources.tallies[0].refused


def read_profiles(chance: Random) -> Answer:
    """A damaged profile: loaded, or one sentence that names it."""
    data = (SHIPPED_IN / f"{chance.choice(shipped())}.toml").read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "own.toml")
        path.write_bytes(damaged(data, chance))
        return _answer(lambda: load_profile(str(path)))


def read_case_messages(chance: Random) -> Answer:
    """Messages about cases, as `keepline cases` reads them from the topics: those that are none are counted."""
    values = {topic: list(_mutated(EXAMPLES[OWN_MESSAGES[topic]], chance)) for topic in MODELS}
    found, wrong = messages(values)
    read = len(found.interventions) + len(found.withheld) + len(found.updates)
    sent = sum(map(len, values.values()))
    assert bool(wrong) == (read < sent)
    return Answer(read, sent - read)


def read_shown_events(chance: Random) -> Answer:
    """A customer's events, as `keepline cases show` reads them."""
    sent = [record(kind, chance) for kind in EVENTS for _ in range(20)]
    found = [event for event in events.in_order([one for one in sent if one]) if type(event) in events.SENTENCES]
    for event in found:
        events.sentence(event, Language("zh", {}))
    return Answer(len(found), len(sent) - len(found))


def read_commands(chance: Random) -> Answer:
    """Commands to the model."""
    sent = Command(NOW_US, "slow", Snapshot.initial(0.2) if chance.random() < 0.5 else None)
    answers = [_answer(lambda one=one: Command.loads(one)) for one in _mutated(orjson.loads(sent.dumps()), chance)]
    return Answer(sum(one.accepted for one in answers), sum(one.refused for one in answers))


def read_internal_records(chance: Random) -> Answer:
    """Records between units: each is one of ours, or is counted as a stray."""
    topic, strays = chance.choice(LOGS), Strays()
    sent = [value for value in (record.value for record in healthy().records[topic, 0]) if value]
    values = [_broken(chance.choice(sent), chance) for _ in range(BATCH)]
    bodies = [strays.body(topic, 0, Record(i, None, value)) for i, value in enumerate(values)]
    refused = bodies.count(None)
    assert sum(found.count for found in strays.found.values()) == refused
    return Answer(BATCH - refused, refused)


def read_changelogs(chance: Random) -> Answer:
    """Damaged rows in a changelog: none takes the place of one of ours, or one sentence says why the unit stops."""
    number = chance.randrange(len(CHANGELOGS))
    records = healthy().records[CHANGELOGS[number], 0]
    rows = [record for record in records if record.value]
    strays = [(one.key, _broken(one.value or b"", chance)) for one in chance.choices(rows, k=BATCH)]
    unit = owner_of(number).make()
    try:
        unit.load([*records, *(Record(len(records) + i, *stray) for i, stray in enumerate(strays))])
    except Failure as error:
        _check_sentence(error, f"{CHANGELOGS[number]}/0, offset ")
        return Answer(0, BATCH)
    unit.loaded()
    assert everything(unit) == _calm(number)
    return Answer(0, BATCH)


@cache
def _calm(number: int) -> dict[str, object]:
    unit = owner_of(number).make()
    unit.load(healthy().records[CHANGELOGS[number], 0])
    unit.loaded()
    return everything(unit)


def _broken(value: bytes, chance: Random) -> bytes:
    """Returns a record that is not the same."""
    found = value
    while found == value:
        found = damaged(value, chance)
    return found


def _mutated(example: dict[str, object], chance: Random) -> Iterable[bytes]:
    value = orjson.dumps(example)
    for _ in range(20):
        yield changed(value, chance) if chance.random() < 0.5 else damaged(value, chance)


def _answer(read: Callable[[], object]) -> Answer:
    try:
        read()
    except (UsageError, Failure) as error:
        _check_sentence(error)
        return Answer(0, 1)
    return Answer(1, 0)


def _check_sentence(error: Exception, named: str = "") -> None:
    """Raises unless an error is one line that names what it is about."""
    if not str(error).strip() or "\n" in str(error) or named not in str(error):
        raise AssertionError(f"not one sentence: {error!r}")


READERS: dict[str, tuple[Callable[[Random], Answer], float]] = {  # with the share of the time
    "events": (read_events, 0.55),
    "files": (read_files, 0.12),
    "profiles": (read_profiles, 0.06),
    "case messages": (read_case_messages, 0.04),
    "shown events": (read_shown_events, 0.04),
    "commands": (read_commands, 0.04),
    "between units": (read_internal_records, 0.1),
    "changelogs": (read_changelogs, 0.05),
}
