"""Loading a profile: overrides, and errors that name the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import UsageError
from schemas.instants import DAY_US
from streams.profile.layers import SHIPPED_IN
from streams.profile.loading import load_profile

SHIPPED = (SHIPPED_IN / "after-sales.toml").read_text()


def refusal(name_or_path: str | Path, *overrides: str) -> str:
    with pytest.raises(UsageError) as caught:
        load_profile(str(name_or_path), overrides)
    return str(caught.value)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "mine.toml"


def test_a_duration_is_overridden_by_its_text() -> None:
    assert load_profile("after-sales", ["label.horizon=90d"]).label.horizon_us == 90 * DAY_US


def test_a_list_is_overridden_with_commas() -> None:
    p = load_profile("after-sales", ["label.retention_events=service_visit, app_activity"])
    assert p.label.retention_events == ("app_activity", "service_visit")


def test_an_entry_of_a_list_is_overridden_by_its_name() -> None:
    p = load_profile("after-sales", ["tiers.extreme.budget=900"])
    assert [tier.budget for tier in p.tiers] == [900, 300, 50, 10]


def test_a_window_is_overridden_by_its_length() -> None:
    assert load_profile("after-sales", ["case.windows.14d.saved=0.5"]).case.windows[1].saved == 0.5


def test_a_text_that_looks_like_a_number_stays_text() -> None:
    assert load_profile("after-sales", ["tiers.high.offer=100"]).tiers[1].offer == "100"


def test_a_text_may_hold_an_equals_sign() -> None:
    assert load_profile("after-sales", ["tiers.high.offer=a=b"]).tiers[1].offer == "a=b"


def test_an_optional_key_can_be_set() -> None:
    assert load_profile("after-sales", ["time.tick=12h"]).time.tick_us == DAY_US // 2


def test_the_last_override_of_a_key_wins() -> None:
    p = load_profile("after-sales", ["case.threshold=0.4", "case.threshold=0.6"])
    assert p.case.threshold == 0.6


def test_a_file_is_read_like_a_shipped_profile(written: Path) -> None:
    written.write_text(SHIPPED)
    assert load_profile(str(written)) == load_profile("after-sales")


def test_the_version_carries_the_name() -> None:
    name, _, digest = load_profile("e-commerce").version.rpartition("-")
    assert (name, len(digest)) == ("e-commerce", 8)


def test_any_override_changes_the_version() -> None:
    assert load_profile("after-sales", ["tiers.low.script=Wait."]).version != load_profile("after-sales").version


def test_comments_are_not_in_the_version(written: Path) -> None:
    written.write_text(SHIPPED.replace(" # ", " # changed: "))
    assert written.read_text() != SHIPPED
    assert load_profile(str(written)).version == load_profile("after-sales").version


def test_writing_the_same_otherwise_keeps_the_version() -> None:
    same = [
        "label.horizon=4320h",
        "label.retention_events=service_visit,service_visit",
        "customer_value=4000.0",
    ]
    assert load_profile("after-sales", same).version == load_profile("after-sales").version


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("label.horizn=90d", ["--set label.horizn: no such key", "label.horizon"]),
        ("horizon=90d", ["--set horizon: no such key", "label.horizon"]),
        ("tiers.extreme.budgt=1", ["tiers.extreme.budgt", "tiers.extreme.budget"]),
        ("tiers.extrem.budget=1", ["tiers.extrem.budget", "tiers.extreme.budget"]),
        ("qqq=1", ["qqq", "a profile has: name, currency, customer_value, label, time"]),
        ("label=1", ["label: is a table", "label.horizon, label.lapsed_after"]),
        ("label.horizon", ["label.horizon: expected KEY=VALUE"]),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest(override: str, expected: list[str]) -> None:
    message = refusal("after-sales", override)
    assert [part for part in expected if part not in message] == []


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("label.horizon=90", ["label.horizon = 90: ", "90d"]),
        ("label.horizon=0d", ["label.horizon = '0d': expected greater than 0"]),
        ("label.horizon=40000d", ["label.horizon = '40000d'", "expected at most 36525d"]),
        ("label.horizon=" + 400 * "9" + "d", ["expected at most 36525d"]),
        ("case.cool_down=-1d", ["case.cool_down = '-1d'"]),
        ("case.least_tenure=soon", ["case.least_tenure = 'soon'"]),
        ("case.backlog_a_day=0", ["case.backlog_a_day = 0", "greater than or equal to 1"]),
        ("time.sweep_every=0s", ["time.sweep_every = '0s'"]),
        ("time.observe=daily", ["time.observe = 'daily'", "'weekly'"]),
        ("model.prior_probability=1.5", ["model.prior_probability = 1.5", "less than 1"]),
        ("model.prior_probability=nan", ["model.prior_probability = nan"]),
        ("model.min_labels=2.5", ["model.min_labels = 2.5", "integer"]),
        ("model.min_labels=true", ["model.min_labels = True"]),
        ("model.forget_a_week=1.01", ["model.forget_a_week = 1.01"]),
        ("tiers.high.expected_saved=60", ["tiers.high.expected_saved = 60", "less than or equal to 1"]),
        ("tiers.high.budget=-1", ["tiers.high.budget = -1"]),
        ("customer_value=inf", ["customer_value = inf"]),
        ("currency=yuan", ["currency = 'yuan'", "three capital letters"]),
        ("name=My Profile", ["name = 'My Profile'"]),
        ("tiers.high.who=", ["tiers.high.who = ''"]),
        ("case.windows.7d.saved=0", ["case.windows.7d.saved = 0"]),
        ("label.retention_events=", ["label.retention_events = []", "came nothing"]),
        (
            "label.retention_events=visit",
            ["label.retention_events = ['visit']", "service_visit", "came visit"],
        ),
        (
            "label.retention_events=intervention_outcome",
            ["label.retention_events", "came intervention_outcome"],
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_key(override: str, expected: list[str]) -> None:
    message = refusal("after-sales", override)
    assert [part for part in ["profile after-sales: ", *expected] if part not in message] == []


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["tiers.high.above=0.7"], ["tiers.high.above = 0.7", "tiers.extreme.above = 0.7"]),
        (["tiers.low.above=0.1"], ["tiers.low.above = 0.1"]),
        (["tiers.high.name=low"], ["tiers.low occurs 2 times"]),
        (["case.windows.14d.within=7d"], ["case.windows.7d.within = 7d"]),
        (["case.windows.14d.saved=0.7"], ["case.windows.14d.saved = 0.7", "case.windows.7d.saved = 0.62"]),
        (["strategies.slot.budget=301"], ["strategies.slot.budget = 301", "tiers.high.budget = 300", "lower it"]),
        (["tiers.high.budget=100"], ["strategies.check.budget = 150", "tiers.high.budget = 100"]),
        (["case.margin=0.5"], ["case.margin = 0.5", "case.threshold = 0.5"]),
        (["time.tick=1d", "label.horizon=36h"], ["label.horizon = 36h", "time.tick = 1d"]),
        (["time.tick=1d", "time.sweep_every=6h"], ["time.sweep_every = 6h", "time.tick = 1d"]),
        (["time.tick=5d", "time.sweep_every=5d"], ["time.tick = 5d", "7d of time.observe"]),
    ],
)
def test_a_contradiction_names_both_keys_and_values(overrides: list[str], expected: list[str]) -> None:
    message = refusal("after-sales", *overrides)
    assert [part for part in expected if part not in message] == []


BUDGET = '[[limits.budgets]]\nname = "all"\namount = 1\nperiod = "day"\n'
TEAM = '[[limits.teams]]\nname = "desk"\nwho = "director"\nagents = 1\ncases_a_day = 1\n'


@pytest.mark.parametrize(("entry", "key"), [(BUDGET, "limits.budgets.all"), (TEAM, "limits.teams.desk")])
def test_two_limits_of_one_name_are_refused(written: Path, entry: str, key: str) -> None:
    written.write_text(SHIPPED + entry + entry)
    assert f"{key} occurs 2 times" in refusal(written)


def test_all_wrong_values_are_named_at_once() -> None:
    message = refusal("after-sales", "case.margin=2", "scores.min_change=2")
    assert "case.margin = 2" in message
    assert "scores.min_change = 2" in message


def test_an_error_is_one_line() -> None:
    assert "\n" not in refusal("after-sales", "case.margin=2", "scores.min_change=2")


def test_an_error_about_an_entry_whose_name_has_two_lines_is_one_line(written: Path) -> None:
    written.write_text(SHIPPED.replace('name = "extreme"', 'name = "ex\\ntreme"\nwrong = 1', 1))
    with pytest.raises(UsageError, match=r"tiers\.ex\\ntreme\.wrong: no such key") as raised:
        load_profile(str(written))
    assert "\n" not in str(raised.value)


def test_an_unknown_key_in_a_file_is_named_with_the_nearest(written: Path) -> None:
    written.write_text(SHIPPED.replace("cool_down =", "cooldown ="))
    message = refusal(written)
    assert "case.cooldown: no such key; the nearest: case.cool_down" in message
    assert "case.cool_down: missing" in message


def test_an_unknown_key_of_a_tier_is_named_by_the_tier(written: Path) -> None:
    written.write_text(SHIPPED.replace("budget = 300", "budget = 300\nbonus = 3"))
    assert "tiers.high.bonus: no such key" in refusal(written)


def test_a_missing_table_is_named_by_its_keys(written: Path) -> None:
    written.write_text(SHIPPED.replace("[scores]", "[other]"))
    message = refusal(written)
    assert "scores.min_change: missing" in message
    assert "other: no such key" in message


def test_the_attribute_of_a_key_is_no_key(written: Path) -> None:
    written.write_text(SHIPPED.replace("horizon =", "horizon_us ="))
    assert "label.horizon_us: no such key; the nearest: label.horizon" in refusal(written)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("threshold = 0.5", 'threshold = "0.5"', "case.threshold = '0.5': expected a valid number"),
        ('horizon = "180d"', "horizon = 180", "label.horizon = 180: "),
        ('retention_events = ["service_visit"]', "retention_events = [3]", "label.retention_events.0 = 3: "),
        ("[label]", "[[label]]", "label = "),
        ("[case]", "[[case]]", "case = "),
    ],
)
def test_a_wrong_type_in_a_file_is_named(written: Path, old: str, new: str, expected: str) -> None:
    written.write_text(SHIPPED.replace(old, new))
    assert expected in refusal(written)


def test_a_list_that_is_no_list_is_named(written: Path) -> None:
    written.write_text("tiers = 3\n" + SHIPPED.partition("[[tiers]]")[0])
    assert "tiers = 3" in refusal(written)


def test_a_file_that_is_not_there_is_named_with_the_shipped_ones() -> None:
    message = refusal("after-sale")
    assert "profile after-sale: cannot be read (No such file or directory)" in message
    assert "3c, after-sales, apparel, beauty, e-commerce, fresh-food" in message


def test_a_folder_is_no_profile(tmp_path: Path) -> None:
    assert "cannot be read (Is a directory)" in refusal(tmp_path)


def test_invalid_toml_is_named_with_its_place(written: Path) -> None:
    written.write_text('name = "a"\n[label\n')
    message = refusal(written)
    assert str(written) in message
    assert "line 2" in message


def test_a_file_that_is_not_utf8_is_named_with_the_byte(written: Path) -> None:
    written.write_bytes(b'name = "\xff"')
    assert "not UTF-8 at byte 8" in refusal(written)


def test_a_challenger_may_be_set_like_any_entry(written: Path) -> None:
    written.write_text(SHIPPED + '[[challengers]]\nname = "other"\nforget_a_week = 0.8\n')
    (one,) = load_profile(
        str(written), ["challengers.other.experts=base, steps", "challengers.other.prior_precision=2"]
    ).challengers
    assert (one.prior_precision, one.forget_a_week, one.experts) == (2.0, 0.8, ("base", "steps"))


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ('name = "other"', "challengers.other learns as [model] does"),
        ('name = "other"\nforget_a_week = 0.9', "challengers.other learns as [model] does"),
        ('name = "model"\nforget_a_week = 0.9', "challengers.model: this is the name of [model] itself"),
        ('name = "a"\nexperts = ["base"]\n[[challengers]]\nname = "a"\nexperts = ["base"]', "a occurs 2 times"),
        ('name = "other"\nexperts = []', "challengers.other.experts"),
        ('name = "other"\nexperts = ["tree"]', "challengers.other.experts"),
        ('name = "other"\nforget_a_week = 0', "challengers.other.forget_a_week"),
        ('name = "other"\nriver = "forest.Oak()"', "challengers.other.river"),
        ('name = "other"\nriver = "forest.ARFClassifier()"\nforget_a_week = 0.9', "challengers.other: river has no"),
    ],
)  # fmt: skip
def test_a_challenger_that_is_none_is_refused(written: Path, entries: str, expected: str) -> None:
    written.write_text(f"{SHIPPED}[[challengers]]\n{entries}\n")
    assert expected in refusal(written)


def test_a_gain_that_no_week_can_show_is_refused() -> None:
    assert "promotion.least_gain = 0.1 is not below promotion.most_a_week" in refusal(
        "after-sales", "promotion.least_gain=0.1"
    )


def test_an_event_may_not_be_later_than_ids_are_kept() -> None:
    with pytest.raises(UsageError, match=r"time\.latest = 8d is above the 7d .* give it at most 7d") as error:
        load_profile("after-sales", ["time.latest=192h"])
    assert "\n" not in str(error.value)
