"""The work list in English and in Chinese: every code that a message may carry has its words."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from string import Formatter
from typing import get_args

import pytest

from schemas.columns import ACTIVITY_TYPES, CAUSES, SURVEY_TYPES
from schemas.instants import parse_instant
from schemas.outputs import InterventionUpdate, Rule
from streams.interventions.actions import LIFECYCLES
from streams.interventions.case_states import CaseTrigger, State, why_ignored
from streams.interventions.gate import RULES as GATE
from streams.interventions.opening import Withheld
from streams.operations.cases import words
from streams.operations.cases.events import in_order
from streams.operations.cases.fold import Messages, fold
from streams.operations.cases.terminal import one_case, update_line, work_list
from streams.operations.cases.words import Language, Table
from streams.operations.terminal import PlainConsole
from streams.profile.case_sections import SegmentName
from streams.profile.contact_sections import TouchPointName
from streams.profile.layers import shipped
from streams.profile.loading import load_profile
from tests.docs.pages import ROOT
from tests.operations.cases.messages import Message, intervention, update, withheld
from tests.operations.cases.test_events import event

PROFILE = load_profile("after-sales")
CHINESE, ENGLISH = (Language(name, PROFILE.texts_zh) for name in ("zh", "en"))
TABLES = {name: table for name, table in vars(words).items() if name.isupper() and isinstance(table, dict)}
HAN = re.compile(r"[\u3001-\u9fff\uff0c\uff1a\uff1b]")
LATIN = {"App", "CRM", "UTC", "CNY"}  # as a Chinese reader writes them
STATUSES = get_args(InterventionUpdate.model_fields["status"].annotation)
NOW_US = parse_instant("2024-03-05T00:00:00Z")


def sources() -> Iterator[ast.AST]:
    for room in ("interventions", "cases", "operations/cases"):
        for path in (ROOT / "streams" / room).glob("*.py"):
            yield from ast.walk(ast.parse(path.read_text()))


def whys() -> set[str]:
    """Every reason for an update that the code writes as a text, and those that the table of states gives."""
    found = {why_ignored(state, trigger) for state in State for trigger in CaseTrigger}
    for node in sources():
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            given = [value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "why"]
        else:
            given = node.args if isinstance(node, ast.Call) and "ignored" in ast.unparse(node.func) else []
        found |= {value.value for value in given if isinstance(value, ast.Constant) and isinstance(value.value, str)}
    return found


def tasks() -> set[str]:
    calls = [node for node in sources() if isinstance(node, ast.Call) and ast.unparse(node.func) == "Due"]
    return {str(ast.literal_eval(node.args[0])) for node in calls}


def channels() -> set[str]:
    profiles = [load_profile(name) for name in shipped()]
    return {channel for one in profiles for part in (*one.tiers, *one.steps) for channel in part.channels}


def shown(*content: object) -> str:
    out = io.StringIO()
    PlainConsole(file=out, width=100).print(*content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (words.STATES, set(State)),
        (words.STATUSES, set(STATUSES)),
        (words.RULES, {*get_args(Rule), *GATE, *(one.name.lower() for one in Withheld if one)}),
        (words.WHYS, whys()),
        (words.TASKS, tasks()),
        (words.CHANNELS, channels()),
        (words.CAUSES, set(CAUSES)),
        (words.LIFECYCLES, set(LIFECYCLES)),
        (words.SEGMENTS, set(get_args(SegmentName))),
        (words.POINTS, set(get_args(TouchPointName))),
        (words.ACTIVITIES, set(ACTIVITY_TYPES)),
        (words.SURVEYS, set(SURVEY_TYPES)),
    ],
)
def test_every_code_has_its_words(table: Table, codes: set[str]) -> None:
    assert codes
    assert codes - set(table) == set()


def test_the_reasons_are_found_in_the_code() -> None:
    assert {"came_back", "unknown_case", "before_the_case", "overtaken", "higher_tier"} <= whys()


@pytest.mark.parametrize("name", sorted(TABLES))
def test_an_entry_says_the_same_in_both_languages(name: str) -> None:
    for code, (english, chinese) in TABLES[name].items():
        fields = [{field for _, field, _, _ in Formatter().parse(text)} - {None} for text in (english, chinese)]
        assert fields[0] == fields[1], code
        assert HAN.search(chinese) or chinese in ("{}", *LATIN), code
        assert not HAN.search(english), code


@pytest.mark.parametrize("status", STATUSES)
def test_an_update_in_chinese_has_no_english_word(status: str) -> None:
    causes, to = ["price", "vehicle_sold"], "service manager"
    body = update(status, why="not_contacted", outcome="saved", to=to, channel="phone", causes=causes, returned=True)
    found = set(re.findall("[A-Za-z]+", update_line(body | {"tier": "extreme"}, CHINESE)))
    assert found <= LATIN


@pytest.mark.parametrize("why", sorted(words.WHYS))
def test_a_reason_in_english_is_no_code(why: str) -> None:
    assert "_" not in update_line(update("ignored", why=why), ENGLISH)


def test_a_code_of_a_later_release_is_shown_as_it_is() -> None:
    assert "moon phase" in update_line(update("ignored", why="moon_phase"), CHINESE)


def told(case: Message) -> tuple[str, str]:
    """The work list and the case, in Chinese."""
    kind = "withheld" if "withheld_reason" in case else "interventions"
    updates = [update("escalated", why="not_contacted", to="director", state="open")]
    followed = fold(Messages(**{kind: [case], "updates": updates}))[0]["i1"]
    events = in_order(
        [event(store_id="s1", wait_minutes=3), event(name="a", kind="app_activity", activity_type="browse")]
    )
    one = one_case(PROFILE.case, followed, [(NOW_US, 0.5)], events, NOW_US, CHINESE)
    return shown(work_list(PROFILE.case, [followed], 2, NOW_US, CHINESE)), shown(one)


@pytest.mark.parametrize("make", [intervention, withheld])
def test_a_case_in_chinese_has_no_english_word(make: type) -> None:
    tier = PROFILE.tiers[1]
    action = {"who": tier.who, "channel": "phone", "offer": tier.offer, "script": tier.script}
    point = {"name": "no-purchase", "risk": 0.9, "contribution": 0.1, "scene": "No purchase."}
    groups = {"segments": ["high-value", "new"], "touch_points": [point], "cause": "vehicle_sold"}
    chinese = {f"{name}_zh": PROFILE.chinese(action[name]) for name in ("offer", "script")}
    for text in told(make(action=action | chinese, **groups)):
        words_left = set(re.findall(r"(?<![\w-])[A-Za-z]{2,}(?![\w-])", text))
        assert words_left <= LATIN | {"anna", "bert", "pilot"}


def test_a_message_of_an_earlier_release_is_shown_with_its_english_texts() -> None:
    assert "package" in told(intervention())[1]
