"""What stands on the pages, in both languages, whatever the messages hold."""

from __future__ import annotations

from html import unescape
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.instants import DAY_US, HOUR_US
from streams.console.drawing import clock, curve
from streams.console.site import url, words_of
from streams.console.words import WORDS
from tests.console.consoles import NOW_US, serving
from tests.console.copies import PROFILE, store_in, write
from tests.operations.cases.messages import intervention, reason, update, withheld

SCRIPT = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'"
ODD = ["a/b", "it's", '"quoted"', "🚗 客户", "\u202eevil", "x" * 128, "../../etc", "a&id=b#c?d", "%2e%2e%2f", "a+b"]


def test_both_languages_fill_in_the_same_values() -> None:
    for key, both in WORDS.items():
        fields = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in both]
        assert fields[1] <= fields[0], key
        assert all(both), key


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_no_text_of_a_message_is_markup(tmp_path: Path, lang: str) -> None:
    action = {"who": SCRIPT, "channel": SCRIPT, "offer": SCRIPT, "offer_zh": SCRIPT, "script": SCRIPT}
    hostile = {
        "customer_id": SCRIPT, "scope": SCRIPT, "agent_id": SCRIPT, "cause": SCRIPT, "strategy": SCRIPT, "tier": SCRIPT,
        "strategies": {SCRIPT: 0.5, "b": 0.5}, "segments": [SCRIPT], "policy_version": SCRIPT, "action": action,
        "budget": {"amount": 1.0, "currency": SCRIPT}, "reasons": [reason(SCRIPT) | {"sentence_zh": SCRIPT}],
    }  # fmt: skip
    store = store_in(tmp_path)
    write(store, intervention(SCRIPT, **hostile), withheld("w", customer_id=SCRIPT, why="consent"))
    said = {
        "why": SCRIPT,
        "agent_id": SCRIPT,
        "step": SCRIPT,
        "channel": SCRIPT,
        "causes": [SCRIPT],
        "probability": 0.7,
    }
    write(store, update("contacted", SCRIPT, state="contacted", customer_id=SCRIPT, **said))
    async with serving(store) as served:
        browser = served.browser()
        for path in ("/work?show=all_open", url("/case", id=SCRIPT), url("/work", scope=SCRIPT, after="1 " + SCRIPT)):
            answer = await browser.get(path, headers={"Accept-Language": lang})
            text = await answer.text()
            assert answer.status == 200, path
            assert "<script>" not in text, path
            assert "<img" not in text, path
            assert "&lt;script&gt;" in text, path


@pytest.mark.parametrize("name", ODD)
async def test_links_lead_to_cases_of_any_id(tmp_path: Path, name: str) -> None:
    write(store := store_in(tmp_path), intervention(name, customer_id=name), intervention("other"))
    async with serving(store) as served:
        browser = served.browser()
        listed = await (await browser.get("/work")).text()
        link = next(part for part in listed.split('"') if part.startswith("/case?") and "other" not in part)
        answer = await browser.get(unescape(link))
        assert answer.status == 200
        assert f"<bdi>{name}</bdi>" in unescape(await answer.text())


async def test_the_work_list_says_what_is_late_and_what_is_left(tmp_path: Path) -> None:
    write(store := store_in(tmp_path), intervention(emitted_at="2024-03-01T00:00:00Z"))
    async with serving(store) as served:
        text = await (await served.browser().get("/work")).text()
        assert "Acknowledge 12 h late" in text
        assert "5 d left of 7 d" in text
        served.clock.forward(hours=24 * 7)
        assert "window over for 1 d 12 h" in await (await served.browser().get("/work")).text()


@pytest.mark.parametrize("query", ["show=nothing", "after=x y", "after=nan y"])
async def test_a_query_that_no_page_sends_is_refused_or_empty(tmp_path: Path, query: str) -> None:
    write(store := store_in(tmp_path), intervention())
    async with serving(store) as served:
        assert (await served.browser().get(f"/work?{query}")).status in (200, 400)


async def test_a_case_shows_what_happened_the_newest_first(tmp_path: Path) -> None:
    write(store := store_in(tmp_path), intervention(), update("contacted", state="contacted", agent_id="bert"))
    async with serving(store) as served:
        text = await (await served.browser().get("/case?id=i1")).text()
        assert text.index("contacted: agent bert") < text.index("Case sent")


async def test_a_message_that_lacks_what_a_page_needs_breaks_no_page(tmp_path: Path) -> None:
    store, broken = store_in(tmp_path), intervention("broken", customer_id="bert")
    del broken["budget"], broken["action"]["script"]
    write(store, broken, intervention(), update("contacted", "broken", customer_id="bert"))
    async with serving(store) as served:
        browser = served.browser()
        paths = ("/work?show=all_open", "/case?id=broken", "/customer?id=bert", "/case?id=i1")
        assert [(await browser.get(path)).status for path in paths] == [200, 404, 404, 200]


@given(
    points=st.lists(st.tuples(st.integers(0, 10**15), st.floats(0, 1)), min_size=1, max_size=9).map(sorted),
    crossed=st.integers(0, 10**15),
)
def test_a_curve_stays_in_its_frame(points: list[tuple[int, float]], crossed: int) -> None:
    drawn = curve(points, 0.5, crossed, [(points[0][0], "<visit>")], ("1", "2"), 'a "b"')
    assert "nan" not in drawn
    assert "<visit>" not in drawn
    assert 'aria-label="a &#34;b&#34;"' in drawn or "a &quot;b&quot;" in drawn


@given(now=st.integers(0, 10**15), window=st.integers(1, 10**14))
def test_a_clock_is_filled_as_far_as_its_window_is_over(now: int, window: int) -> None:
    drawn = clock(10**14, window, now)
    over = (now - 10**14) / window
    assert ('class="gone"' in drawn) == (over > 0.0005)
    assert ("over" in drawn) == (over >= 0.9995)


def test_days_end_at_midnight_of_the_profile_s_zone() -> None:
    words = words_of("en", PROFILE)  # Asia/Shanghai is eight hours ahead
    assert words.moment(NOW_US) == "2 Mar 2024 20:00"
    assert words.tomorrow_us(NOW_US) == NOW_US + 4 * HOUR_US
    assert words_of("zh", PROFILE).day(NOW_US) == "2024年3月2日"
    assert [words.span(us) for us in (9 * DAY_US, 25 * HOUR_US, 3 * HOUR_US, 60_000_000)] == [
        "9 d",
        "1 d 1 h",
        "3 h",
        "1 min",
    ]
