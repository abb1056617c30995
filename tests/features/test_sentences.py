"""Every feature has sentences in English and in Chinese."""

from __future__ import annotations

from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import FEATURES
from features.computed import CAUSES_ZH
from features.feature import Feature
from schemas.columns import CAUSES

every_feature = pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)


def placeholders(sentence: str) -> set[tuple[str, str | None]]:
    return {(name, form) for _, name, form, _ in Formatter().parse(sentence) if name is not None}


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= sign <= "\u9fff" for sign in text)


@every_feature
def test_a_feature_has_a_sentence_in_both_languages(feature: Feature) -> None:
    assert feature.sentence.isascii()
    assert is_chinese(feature.sentence_zh)


@every_feature
def test_both_languages_have_the_same_numbers_in_the_same_format(feature: Feature) -> None:
    assert placeholders(feature.sentence) == placeholders(feature.sentence_zh)


@every_feature
def test_a_sentence_for_zero_is_in_both_languages_or_in_neither(feature: Feature) -> None:
    assert bool(feature.zero_sentence) == is_chinese(feature.zero_sentence_zh)
    assert not placeholders(feature.zero_sentence) | placeholders(feature.zero_sentence_zh)


@given(st.sampled_from(FEATURES), st.floats(0, 1e9))
def test_both_languages_use_the_sentence_for_zero_at_the_same_values(feature: Feature, value: float) -> None:
    assert (feature.say(value) == feature.zero_sentence) == (feature.say_zh(value) == feature.zero_sentence_zh)


def test_every_cause_has_a_chinese_name() -> None:
    assert set(CAUSES_ZH) == set(CAUSES)
