"""What a message asks for can be done by its channel, and its script makes no other offer than its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streams.interventions.actions import Segmentation, automated_plan, plan
from streams.interventions.strategies import options
from streams.profile.layers import shipped
from streams.profile.loading import load_profile
from streams.profile.profile import Profile
from streams.profile.values import AUTOMATED_CHANNELS

SEGMENTS = ("high-value-at-risk", "high-value", "price-sensitive", "new")
CAUSES = ("distance", "price", "service", "product", None)
# words -> the channels by which that is possible
POSSIBLE = {
    ("Call", "call ", "on the phone", "致电", "电话"): {"phone"},
    ("Visit", "in person", "上门拜访", "当面", "当场"): {"visit"},
    ("Show", "show ", "展示"): set(AUTOMATED_CHANNELS),
}
UNTOLD = (
    "is due",
    "到期",
    "before others",
    "抢先",
)  # no event says what service is due, no profile promises to be first
GOODS = ("coupon", "voucher", "discount", "trade-in", "basket", "free delivery")


def actions(profile: Profile) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Every offer and script that a case or a touch may have, with the channels that may carry them."""
    whose = [Segmentation((), "growing", cause) for cause in CAUSES]
    whose += [Segmentation((segment,), "growing", None) for segment in SEGMENTS]
    for one in whose:
        for base in (*profile.tiers, *profile.steps):
            made = plan(profile, base, one)
            yield made.offer, made.script, made.channels
        for tier in profile.tiers:
            ways = options(profile, tier, plan(profile, tier, one), one, {})
            yield from ((way.plan.offer, way.plan.script, way.plan.channels) for way in ways)
        assert profile.automated_tier is not None
        if (touch := automated_plan(profile, profile.automated_tier, one)) is not None:
            yield touch.offer, touch.script, touch.channels
    yield from ((point.offer, point.script, point.channels) for point in profile.touch_points)


@pytest.mark.parametrize("name", shipped())
@pytest.mark.parametrize("words", POSSIBLE, ids=lambda words: words[0])
def test_no_message_asks_for_what_its_channel_cannot_do(name: str, words: tuple[str, ...]) -> None:
    profile, wrong = load_profile(name), set()
    for offer, script, channels in actions(profile):
        texts = (offer, script, profile.chinese(offer), profile.chinese(script))
        if any(word in text for word in words for text in texts) and not set(channels) <= POSSIBLE[words]:
            wrong.add((offer, script, channels))
    assert wrong == set()


@pytest.mark.parametrize("name", shipped())
def test_no_message_says_what_nobody_has_told_keepline(name: str) -> None:
    profile = load_profile(name)
    texts = {text for offer, script, _ in actions(profile) for text in (offer, script)}
    said = texts | {profile.chinese(text) for text in texts}
    assert {text for text in said if any(word in text for word in UNTOLD)} == set()


@pytest.mark.parametrize("name", shipped())
def test_the_script_of_a_touch_point_makes_its_own_offer_and_no_other(name: str) -> None:
    for point in load_profile(name).touch_points:
        given = {word for word in GOODS if word in point.script.replace("coupons", "coupon")}
        offered = {word for word in GOODS if word in point.offer.replace("no coupon", "").replace("coupons", "coupon")}
        assert given <= offered, (point.name, point.offer, point.script)


@pytest.mark.parametrize("name", sorted(set(shipped()) - {"after-sales"}))
def test_nobody_is_said_never_to_have_joined_a_campaign(name: str) -> None:
    """The sign holds for whoever has joined one long ago, too."""
    profile = load_profile(name)
    (scene,) = (point.scene for point in profile.touch_points if point.name == "no-activity-joined")
    assert ("lately" in scene, "近期" in profile.chinese(scene)) == (True, True)


@pytest.mark.parametrize("name", sorted(set(shipped()) - {"after-sales"}))
def test_whoever_is_new_may_have_bought_a_second_time(name: str) -> None:
    profile = load_profile(name)
    (new,) = (one for one in profile.segment_offers if one.segment == "new")
    assert "second" not in new.script
    assert "second" not in new.offer or profile.segments.new_purchases <= 3  # as the sheet has it
