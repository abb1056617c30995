"""Every text and name of a shipped profile that an adviser reads has its Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.profile.layers import read, shipped
from streams.profile.loading import load_profile
from streams.profile.profile import Profile

HAN = re.compile(r"[\u4e00-\u9fff]")


def texts(profile: Profile) -> Iterator[str]:
    """What the messages and the work list show of a profile in its own words."""
    for tier in profile.tiers:
        yield from (tier.name, tier.who, tier.offer, tier.script)
    for step in profile.steps:
        yield from (step.name, step.who, step.offer, step.script)
    for other in (*profile.remedies, *profile.segment_offers):
        yield from (other.offer, other.script)
        yield from [other.who] if other.who else []
    for strategy in profile.strategies:
        yield from (strategy.name, *(text for text in (strategy.offer, strategy.script) if text))
    for point in profile.touch_points:
        yield from (point.scene, point.offer, point.script)
    yield from (stage.name for stage in profile.roll_out.stages)
    rules = profile.complaints
    yield from (rules.who, rules.escalate_to, rules.script, *profile.case.escalate_to, profile.case.agent)


@pytest.mark.parametrize("name", shipped())
def test_every_text_of_a_shipped_profile_has_its_chinese(name: str) -> None:
    profile = load_profile(name)
    assert [text for text in texts(profile) if not HAN.search(profile.chinese(text))] == []


@pytest.mark.parametrize("name", shipped())
def test_no_chinese_is_of_a_text_that_its_profile_no_longer_has(name: str) -> None:
    own = read(name)[0].content["texts_zh"]
    assert set(own) - set(texts(load_profile(name))) == set()


def test_a_profile_of_ones_own_without_chinese_shows_its_english(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('extends = "e-commerce"\nname = "own"\n[[tiers]]\nname = "high"\nscript = "Write a letter."\n')
    profile = load_profile(str(own))
    assert profile.chinese("Write a letter.") == "Write a letter."
    assert profile.chinese("own adviser") == "专属顾问"
