"""An alert is the same one while its figures change, and a unit never has more of them than people read."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from schemas.alerts import MOST_OF_A_KIND, MOST_TEXT, REST, Alert, AlertKind, bounded

alerts = st.builds(
    Alert, st.sampled_from(AlertKind), st.text(max_size=9), st.text(), st.dictionaries(st.text(), st.integers())
)


def test_figures_and_sentence_do_not_make_another_alert() -> None:
    one = Alert(AlertKind.MODEL_HELD, "auc", "0.71: 2 crossings wait", {"waiting": 2})
    later = Alert(AlertKind.MODEL_HELD, "auc", "0.72: 9 crossings wait", {"waiting": 9})
    assert one.identity == later.identity != Alert(AlertKind.MODEL_HELD, "prior", one.text).identity


@given(st.builds(Alert, st.sampled_from(AlertKind), st.text("aé\U0001f600"), st.text("ab"), st.just({"waiting": 2})))
def test_an_alert_comes_back_from_json(alert: Alert) -> None:
    assert Alert.of(orjson.loads(orjson.dumps(alert.as_json()))) == alert


@given(st.lists(alerts, max_size=60))
def test_what_is_shown_is_bounded_and_nothing_is_left_out_without_a_number(found: list[Alert]) -> None:
    shown = bounded(found)
    for kind in AlertKind:
        every, kept = [one for one in found if one.kind is kind], [one for one in shown if one.kind is kind]
        assert len(kept) == min(len(every), MOST_OF_A_KIND + 1)
        if len(every) > MOST_OF_A_KIND:
            assert (kept[-1].subject, kept[-1].figures) == (REST, {"alerts": len(every) - MOST_OF_A_KIND})


def test_a_long_sentence_is_cut() -> None:
    (shown,) = bounded([Alert(AlertKind.HISTORY, "pos", "x" * 100_000)])
    assert len(shown.text) == MOST_TEXT
