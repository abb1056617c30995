"""A day's columns as lines of JSON or CSV: one template a kind, filled once a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import orjson

from schemas.columns import ACTIVITY_TYPES, CAUSES, SURVEY_TYPES
from streams.simulation.blocks import SERVICE_TYPES, Block, Rows
from streams.simulation.customer_profiles import CHANNELS, WEST


@dataclass(frozen=True)
class Format:
    """Templates of one file format: a line is `head` and the tail of its kind."""

    head: str  # letter, day and kind are filled once; number, customer and time a row
    visit: str
    activity: str
    survey: str
    profile: str
    duration: str  # of an activity that has one
    causes: tuple[str, ...]  # by bit mask
    consent: tuple[str, ...]  # by bit mask
    preferred: str  # of a customer who has such a channel
    titles: tuple[bytes, ...] = (b"",) * 4  # first lines, in the order of FILES


CONSENT = [
    orjson.dumps({channel: bool(mask >> bit & 1) for bit, channel in enumerate(CHANNELS)}).decode()
    for mask in range(1 << len(CHANNELS))
]
NAMED = [[name for bit, name in enumerate(CAUSES) if mask >> bit & 1] for mask in range(1 << len(CAUSES))]
COMMON = "event_id,kind,schema_version,customer_id,event_time,producer"

FORMATS = {
    "jsonl": Format(
        head='{"event_id":"%s-%d-%%d","kind":"%s","schema_version":1,"customer_id":"c%%07d",'
        '"event_time":"%%sZ","producer":"simulator",',
        visit='"service_type":"%s","store_id":"s%02d","amount":%.2f,"currency":"CNY","items":%d,"wait_minutes":%d}\n',
        activity='"activity_type":"%s","count":%d%s}\n',
        survey='"survey_type":"%s","score":%d%s}\n',
        profile='"scope":"city-%d","time_zone":"%s","agent_id":"adviser-%02d-%d","value":%.2f,"consent":%s%s}\n',
        duration=',"duration_seconds":%d',
        causes=tuple(f',"causes":{orjson.dumps(named).decode()}' if named else "" for named in NAMED),
        consent=tuple(CONSENT),
        preferred=',"preferred_channel":"%s"',
    ),
    "csv": Format(
        head="%s-%d-%%d,%s,1,c%%07d,%%sZ,simulator,",
        visit="%s,s%02d,%.2f,CNY,%d,%d\n",
        activity="%s,%d,%s\n",
        survey="%s,%d,%s\n",
        profile="city-%d,%s,adviser-%02d-%d,%.2f,%s,%s\n",
        duration="%d",
        causes=tuple("|".join(named) for named in NAMED),
        consent=tuple('"{}"'.format(text.replace('"', '""')) for text in CONSENT),
        preferred="%s",
        titles=(
            f"{COMMON},service_type,store_id,amount,currency,items,wait_minutes\n".encode(),
            f"{COMMON},activity_type,count,duration_seconds\n".encode(),
            f"{COMMON},survey_type,score,causes\n".encode(),
            f"{COMMON},scope,time_zone,agent_id,value,consent,preferred_channel\n".encode(),
        ),
    ),
}


def visit_lines(block: Block, form: Format) -> bytes:
    """Returns the visits of a day; event ids are unique over all days."""
    rows = block.visits
    service = [SERVICE_TYPES[code] for code in rows["service"].tolist()]
    columns = (rows[name].tolist() for name in ("store", "amount", "items", "wait_minutes"))
    return _lines(form.head % ("v", block.day, "service_visit") + form.visit, rows, service, *columns)


def activity_lines(block: Block, form: Format) -> bytes:
    """Returns the app activity of a day."""
    rows, duration = block.activity, form.duration
    types = [ACTIVITY_TYPES[code] for code in rows["code"].tolist()]
    lasts = [duration % seconds if seconds >= 0 else "" for seconds in rows["duration_seconds"].tolist()]
    template = form.head % ("a", block.day, "app_activity") + form.activity
    return _lines(template, rows, types, rows["count"].tolist(), lasts)


def survey_lines(block: Block, form: Format) -> bytes:
    """Returns the surveys of a day."""
    rows = block.surveys
    types = [SURVEY_TYPES[code] for code in rows["code"].tolist()]
    causes = [form.causes[mask] for mask in rows["causes"].tolist()]
    template = form.head % ("s", block.day, "survey") + form.survey
    return _lines(template, rows, types, rows["score"].tolist(), causes)


def profile_lines(block: Block, form: Format) -> bytes:
    """Returns the customer profiles of a day."""
    rows = block.profiles
    scope = rows["scope"].tolist()
    zones = ["Asia/Urumqi" if city == WEST else "Asia/Shanghai" for city in scope]
    numbers = (rows[name].tolist() for name in ("store", "adviser", "value"))
    consent = [form.consent[mask] for mask in rows["consent"].tolist()]
    preferred = [form.preferred % CHANNELS[place] if place >= 0 else "" for place in rows["preferred"].tolist()]
    template = form.head % ("p", block.day, "customer_profile") + form.profile
    return _lines(template, rows, scope, zones, *numbers, consent, preferred)


# file name -> function that writes its lines
FILES: dict[str, Callable[[Block, Format], bytes]] = {
    "service_visits": visit_lines,
    "app_activity": activity_lines,
    "surveys": survey_lines,
    "customer_profiles": profile_lines,
}


def _lines(template: str, rows: Rows, *columns: Iterable[object]) -> bytes:
    times = np.datetime_as_string(rows["time_us"].view("M8[us]").astype("M8[s]")).tolist()
    values = zip(range(len(rows)), rows["customer"].tolist(), times, *columns, strict=True)
    return "".join(map(template.__mod__, values)).encode()
