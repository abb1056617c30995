"""`keepline models` on the folder of a replay, and a replay with its commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.instants import DAY_US, format_instant, parse_instant
from streams.cli import main
from streams.profile.layers import SHIPPED_IN
from tests.replay.runs import SHORT, city, write_jsonl

SET = [word for one in SHORT for word in ("--set", one)]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("log")
    return write_jsonl(base / "events.jsonl", city(base / "city", 80, 150))


@pytest.fixture(scope="module")
def folder(log: Path) -> Path:
    out = log.parent / "calm"
    assert main(["replay", str(log), "--out", str(out), *SET]) == 0
    return out


def json_output(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert main(["models", *words, "--json"]) == 0
    return orjson.loads(capsys.readouterr().out)


def learned(capsys: pytest.CaptureFixture[str], folder: Path) -> list[dict[str, Any]]:
    return [one for one in json_output(capsys, "list", "--dir", str(folder))["models"] if one["learned"]]


def test_a_torn_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "models.jsonl").write_bytes(b'{"format":')
    assert main(["models", "list", "--dir", str(tmp_path)]) == 1
    assert "models.jsonl" in capsys.readouterr().err


def test_every_version_has_its_parent(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = json_output(capsys, "list", "--dir", str(folder))["models"]
    assert [(one["version"], one["parent"]) for one in models] == [(i + 1, i) for i in range(len(models))]


def test_a_version_has_its_data_and_profile(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    last = learned(capsys, folder)[-1]
    one = json_output(capsys, "show", str(last["version"]), "--dir", str(folder))
    horizon_us = parse_instant(one["instant"]) - parse_instant(one["observed"][1])
    assert (one["profile"], horizon_us) == (
        orjson.loads((folder / "summary.json").read_bytes())["policy_version"],
        14 * DAY_US,
    )


def test_a_version_differs_from_itself_in_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    number = str(learned(capsys, folder)[-1]["version"])
    assert json_output(capsys, "diff", number, number, "--dir", str(folder))["features"] == []


def test_the_features_that_changed_most_come_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, *_, last = (str(one["version"]) for one in learned(capsys, folder))
    changes = [one["change"] for one in json_output(capsys, "diff", first, last, "--dir", str(folder))["features"]]
    assert changes == sorted(changes, reverse=True) != []


def test_the_terminal_lists_and_compares(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    assert main(["models", "list", "--dir", str(folder)]) == 0
    assert "learned" in capsys.readouterr().out
    assert main(["models", "diff", "1", "2", "--dir", str(folder)]) == 0
    assert "contribute differently to the log-odds" in capsys.readouterr().out


def test_a_replay_applies_a_rollback(log: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, *_, last = learned(capsys, folder)
    back = ["rollback", str(first["version"]), "--why", "test", "--at", last["instant"], "--dir", str(folder)]
    assert main(["models", *back]) == 0
    commands, out = log.parent / "model_commands.jsonl", log.parent / "rolled"
    commands.write_text(capsys.readouterr().out)
    assert main(["replay", str(log), "--out", str(out), "--model-commands", str(commands), *SET]) == 0
    rolled = json_output(capsys, "show", str(last["version"]), "--dir", str(out))
    assert (rolled["reason"], rolled["parent"], rolled["evidence"]["why"]) == ("rollback", first["version"], "test")
    assert rolled["evidence"]["event_time"] == format_instant(parse_instant(last["instant"]))
    assert json_output(capsys, "diff", str(first["version"]), str(last["version"]), "--dir", str(out))["features"] == []


def test_a_version_that_was_never_served_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", "9999", "--dir", str(folder)]) == 1
    assert capsys.readouterr().err.startswith("keepline: no version 9999")


def test_a_folder_of_something_else_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--dir", str(tmp_path)]) == 2
    assert "models.jsonl" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    ["{", "{}", "[]", '{"kind":"mark","action":"promote","event_time":"2024-01-01T00:00:00Z","why":"","model":null}'],
)
def test_a_line_that_is_no_command_is_refused_before_anything_is_written(
    line: str, log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "commands").write_text(line)
    words = ["replay", str(log), "--out", str(tmp_path / "out"), "--model-commands", str(tmp_path / "commands")]
    assert main(words) == 1
    assert not (tmp_path / "out").exists()


CHALLENGED = """
[[challengers]]
name = "stiff"
prior_precision = 1000.0
"""
TREE = """
[[challengers]]
name = "tree"
river = "tree.HoeffdingTreeClassifier()"
"""


@pytest.fixture(scope="module")
def challenged(log: Path) -> Path:
    profile, out = log.parent / "challenged.toml", log.parent / "challenged"
    profile.write_text((SHIPPED_IN / "after-sales.toml").read_text() + CHALLENGED)
    rule = ["--set", "promotion.alpha=0.9"]  # half a year shows little
    assert main(["replay", str(log), "--profile", str(profile), "--out", str(out), *SET, *rule]) == 0
    return out


def test_the_list_says_which_model_is_served_and_how_challengers_stand(
    challenged: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    models = json_output(capsys, "list", "--dir", str(challenged))["models"]
    assert models[0]["model"] == "model"
    ((name, verdict),) = models[-1]["challengers"].items()
    assert {name, models[-1]["model"]} == {"model", "stiff"}
    assert -0.02 <= verdict["low"] <= verdict["high"] <= 0.02
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["models", "list", "--dir", str(challenged)]) == 0
    last = capsys.readouterr().out.splitlines()[-1].split()
    assert last[:2] == [name, str(verdict["rounds"])]


def test_a_challenger_promoted_by_hand_is_served_by_the_replay(
    log: Path, challenged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = learned(capsys, challenged)
    (name,) = models[-1]["challengers"]
    promote = ["promote", "--challenger", name, "--why", "test", "--at", models[-1]["instant"]]
    assert main(["models", *promote, "--dir", str(challenged)]) == 0
    commands, out = log.parent / "promote.jsonl", log.parent / "promoted"
    commands.write_text(capsys.readouterr().out)
    words = ["replay", str(log), "--profile", str(log.parent / "challenged.toml"), "--out", str(out)]
    assert main([*words, "--model-commands", str(commands), *SET, "--set", "promotion.alpha=0.9"]) == 0
    last = json_output(capsys, "show", str(models[-1]["version"]), "--dir", str(out))
    assert (last["model"], last["reason"], last["evidence"]["challenger"]) == (name, "promotion", name)


def test_a_classifier_of_river_is_judged_with_its_cost_and_not_promoted(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile, out = log.parent / "river.toml", log.parent / "river"
    profile.write_text((SHIPPED_IN / "after-sales.toml").read_text() + TREE)
    assert main(["replay", str(log), "--profile", str(profile), "--out", str(out), *SET]) == 0
    assert orjson.loads((out / "summary.json").read_bytes())["challenger_seconds"]["tree"] > 0.0
    capsys.readouterr()
    verdict = json_output(capsys, "list", "--dir", str(out))["models"][-1]["challengers"]["tree"]
    assert verdict["rounds"] > 0
    assert verdict["needed"] is None
    assert main(["models", "promote", "--challenger", "tree", "--why", "test", "--dir", str(out)]) == 1
    assert capsys.readouterr().err.startswith("keepline: challenger tree is a classifier of River: it is judged")


def test_an_unknown_challenger_is_not_promoted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "promote", "--challenger", "ghost", "--why", "test", "--dir", str(folder)]) == 1
    assert capsys.readouterr().err.startswith("keepline: no challenger ghost that has learned enough; there are: none")
