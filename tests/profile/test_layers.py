"""A profile that extends another: what it takes over, what it replaces, and errors that name the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import UsageError
from schemas.instants import DAY_US
from streams.profile.layers import SHIPPED_IN
from streams.profile.loading import load_profile
from streams.profile.profile import Profile

BASE = load_profile("e-commerce")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "mine.toml"


def extended(path: Path, text: str, base: str = "e-commerce") -> Profile:
    path.write_text(f'extends = "{base}"\nname = "mine"\n{text}')
    return load_profile(str(path))


def refusal(path: Path, *overrides: str) -> str:
    with pytest.raises(UsageError) as caught:
        load_profile(str(path), overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_profile_takes_over_what_it_does_not_name(written: Path) -> None:
    found = extended(written, '[label]\nhorizon = "60d"\n')
    assert found.label.horizon_us == 60 * DAY_US
    assert found.model_dump(exclude={"name", "label"}) == BASE.model_dump(exclude={"name", "label"})
    assert found.label.lapsed_after_us == BASE.label.lapsed_after_us


def test_an_entry_of_a_list_is_merged_with_the_one_of_its_name(written: Path) -> None:
    found = extended(written, '[[tiers]]\nname = "high"\nbudget = 77\n')
    assert [tier.budget for tier in found.tiers] == [800, 77, 50, 10]
    assert found.tiers[1].model_copy(update={"budget": 300.0}) == BASE.tiers[1]


def test_an_entry_of_a_new_name_is_appended(written: Path) -> None:
    found = extended(written, '[[gate.caps]]\nname = "calls"\nchannel = "phone"\nmost = 1\nwithin = "30d"\n')
    assert [cap.name for cap in found.gate.caps] == [*(cap.name for cap in BASE.gate.caps), "calls"]


def test_an_empty_list_drops_all_entries(written: Path) -> None:
    assert extended(written, "steps = []\n").steps == ()


def test_a_list_of_values_is_replaced(written: Path) -> None:
    assert extended(written, '[gate]\nquiet_channels = ["phone"]\n').gate.quiet_channels == ("phone",)


def test_two_entries_of_one_name_are_refused(written: Path) -> None:
    entry = '[[tiers]]\nname = "high"\nbudget = 77\n'
    written.write_text(f'extends = "e-commerce"\nname = "mine"\n{entry}{entry}')
    assert "tiers.high" in refusal(written)


def test_a_file_may_extend_a_file_of_its_folder(written: Path) -> None:
    extended(written.with_name("base.toml"), "customer_value = 7\n")
    found = extended(written, "[case]\nthreshold = 0.4\n", "base.toml")
    assert (found.customer_value, found.case.threshold) == (7, 0.4)


def test_another_policy_needs_a_name_of_its_own(written: Path) -> None:
    written.write_text('extends = "e-commerce"\n')
    assert "name: missing" in refusal(written)


def test_the_version_covers_what_is_taken_over(written: Path) -> None:
    base = written.with_name("base.toml")
    extended(base, "customer_value = 7\n")
    before = extended(written, "", "base.toml").version
    extended(base, "customer_value = 8\n")
    assert load_profile(str(written)).version != before


def test_the_version_is_that_of_the_whole_written_out(written: Path) -> None:
    text = (SHIPPED_IN / "e-commerce.toml").read_text().replace('name = "e-commerce"', 'name = "mine"')
    written.write_text(text)
    assert extended(written.with_name("short.toml"), "").version == load_profile(str(written)).version


def test_an_override_is_applied_to_the_whole(written: Path) -> None:
    extended(written, "")
    assert load_profile(str(written), ["tiers.low.budget=3"]).tiers[3].budget == 3


def test_a_wrong_value_of_the_base_is_named_with_its_file(written: Path) -> None:
    text = 'extends = "e-commerce"\nname = "base"\n[label]\nhorizon = 90\n[[tiers]]\nname = "low"\nbudgt = 1\n'
    written.with_name("base.toml").write_text(text)
    written.write_text('extends = "base.toml"\nname = "mine"\n[case]\nmargin = 2\n')
    message = refusal(written)
    assert f"profile {written}: " in message
    assert "label.horizon = 90: " in message.split("(in base.toml)")[0]
    assert "tiers.low.budgt: no such key; the nearest: tiers.low.budget" in message
    assert "case.margin = 2: expected less than or equal to 1;" in f"{message};"


def test_a_wrong_override_is_not_blamed_on_the_base(written: Path) -> None:
    extended(written, "")
    assert "(in e-commerce)" not in refusal(written, "case.margin=2")


@pytest.mark.parametrize("base", ["e-comerce", "gone.toml", "..", "a\\u0000b", 300 * "long"])
def test_an_unknown_base_is_refused_by_name(written: Path, base: str) -> None:
    written.write_text(f'extends = "{base}"\nname = "mine"\n')
    assert f"profile {written}: extends = '" in refusal(written)


@pytest.mark.parametrize("base", ["3", '""', '["e-commerce"]', "{ name = 1 }"])
def test_a_base_that_is_no_name_is_refused(written: Path, base: str) -> None:
    written.write_text(f'extends = {base}\nname = "mine"\n')
    message = refusal(written)
    assert "expected a TOML file or a shipped name" in message
    assert "after-sales, " in message


@pytest.mark.parametrize("base", ["mine.toml", "./mine.toml", "other.toml"])
def test_a_cycle_is_refused(written: Path, base: str) -> None:
    (written.parent / "folder").mkdir()
    written.with_name("other.toml").write_text('extends = "folder/../mine.toml"\nname = "other"\n')
    written.write_text(f'extends = "{base}"\nname = "mine"\n')
    assert "it extends itself" in refusal(written)


def test_a_key_nested_too_deep_in_both_is_refused(written: Path) -> None:
    deep = ".".join(3000 * "a") + " = 1\n"
    written.with_name("base.toml").write_text(f'extends = "e-commerce"\nname = "base"\n{deep}')
    written.write_text(f'extends = "base.toml"\nname = "mine"\n{deep}')
    assert "nested too deep" in refusal(written)
