"""`keepline evaluate`: from the folder of a replay to figures and a page, for any folder."""

from __future__ import annotations

import json
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from schemas.instants import format_instant
from streams.cli import main
from tests.evaluation.folders import Observation, case, crowd, write
from tests.replay.runs import city, replay, write_jsonl

OUTSIDE = ("src", "href", "srcset", "data", "action")
VOID = {"meta", "link", "br", "img"}


class Page(HTMLParser):
    """Collects what a browser would fetch, and checks that every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [f"{tag} {name}" for name, _ in attrs if name in OUTSIDE]
        self.open += [tag] if tag not in VOID else []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Closed at once."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def evaluated(folder: Path) -> dict[str, Any]:
    assert main(["evaluate", str(folder)]) == 0
    page = Page((folder / "evaluation.html").read_text())
    assert (page.fetched, page.open) == ([], [])
    body: dict[str, Any] = json.loads((folder / "evaluation.json").read_bytes())
    return body


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("city")
    log = write_jsonl(base / "log" / "events.jsonl", city(base / "city", 180, 190))
    return replay(base / "out", [log], scores=False).folder


def test_figures_of_a_replay_are_those_of_its_summary(replayed: Path) -> None:
    summary, found = json.loads((replayed / "summary.json").read_bytes()), evaluated(replayed)
    assert (found["log"]["observations"], found["log"]["labelled"]) == (summary["observations"], summary["labelled"])
    for metric in ("auc", "log_loss", "brier", "ece"):
        assert found["course"]["overall"][metric]["value"] == pytest.approx(summary[metric], abs=2e-3), metric


def test_it_names_the_bars_of_the_profile_that_are_met(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = [
        Observation(f"c{i}", week, int(i < 10), 0.9 - 0.02 * i if i != 9 else 0.5)
        for week in range(8)
        for i in range(40)
    ]
    found = evaluated(write(tmp_path / "out", seen))["bars"]
    assert {bar["name"]: bar["met"] for bar in found} == {"model.least_auc": True, "goals.auc": False}
    assert "model.least_auc (0.6) is met, goals.auc (1) is not met" in " ".join(capsys.readouterr().out.split())


def test_all_cases_of_a_replay_are_there(replayed: Path) -> None:
    summary, found = json.loads((replayed / "summary.json").read_bytes()), evaluated(replayed)
    assert found["cases"]["segments"][0]["cases"] == summary["interventions"]


def test_it_says_how_many_leavings_had_a_case_in_time(replayed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = evaluated(replayed)["warnings"]
    assert [rule["name"] for rule in found["rules"]] == ["cases", "riskiest 3%", "riskiest 11%", "riskiest 23%"]
    assert (found["grace_days"], found["ahead_days"], found["goal"]) == (60, 30, 0.5)
    in_time = [rule["in_time"] for rule in found["rules"][1:]]
    assert in_time == sorted(in_time)
    assert in_time[-1] > 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"Of {found['rules'][0]['leavings']:,} leavings" in said
    assert "goals.in_time: 50%" in said
    assert "goals.lead_time: 30" in said


def test_drift_is_listed_by_month_the_worst_first(replayed: Path) -> None:
    drift = evaluated(replayed)["drift"]
    worst = [max(one["psi"]) for one in drift["moved"]]
    assert drift["months"] == ["2024-03", "2024-04", "2024-05", "2024-06", "2024-07"]
    assert worst == sorted(worst, reverse=True)
    assert all(len(one["psi"]) == len(drift["months"]) for one in drift["moved"])
    assert 'class="number moved"' in (replayed / "evaluation.html").read_text()


def test_a_log_of_two_months_has_no_drift(tmp_path: Path) -> None:
    assert evaluated(write(tmp_path / "out", crowd(6, 40)))["drift"] == {"months": [], "moved": []}


def test_the_same_folder_gives_the_same_figures(replayed: Path) -> None:
    first, second = evaluated(replayed), evaluated(replayed)
    for body in (first, second):
        for method in body["comparison"]["methods"]:
            del method["seconds"]
    assert first == second


def test_a_new_replay_deletes_the_evaluation_of_the_old_one(tmp_path: Path) -> None:
    evaluated(write(tmp_path / "out", crowd(4, 20)))
    write(tmp_path / "out", crowd(4, 20))
    assert not [path.name for path in (tmp_path / "out").iterdir() if path.name.startswith("evaluation")]


def test_the_json_on_standard_output_is_that_of_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "out", crowd(6, 40))
    assert main(["evaluate", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((folder / "evaluation.json").read_bytes())


def test_the_table_names_every_method(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(write(tmp_path / "out", crowd(6, 40)))]) == 0
    output = capsys.readouterr().out
    assert all(name in output for name in ("Keepline", "recency alone", "RFM-B", "AUC"))


def test_an_empty_replay_is_a_page_that_says_so(tmp_path: Path) -> None:
    found = evaluated(write(tmp_path / "out", []))
    assert (found["log"]["observations"], found["course"]["weeks"]) == (0, [])


def test_without_matured_labels_there_are_no_metrics(tmp_path: Path) -> None:
    found = evaluated(write(tmp_path / "out", crowd(2, 30, matured=0), [case("c0001", 3)]))
    assert (found["log"]["labelled"], found["log"]["unlabelled"], found["comparison"]["rows"]) == (0, 60, 0)


def test_where_nobody_left_there_is_no_auc(tmp_path: Path) -> None:
    found = evaluated(
        write(tmp_path / "out", [Observation(f"c{i}", week, 0, 0.1) for i in range(20) for week in range(6)])
    )
    assert found["course"]["overall"]["auc"]["value"] is None
    assert found["comparison"]["methods"][0]["periods"]["overall"]["log_loss"] == pytest.approx(0.10536, abs=1e-4)


def test_where_everybody_left_there_is_no_auc(tmp_path: Path) -> None:
    found = evaluated(
        write(tmp_path / "out", [Observation(f"c{i}", week, 1, 0.9) for i in range(20) for week in range(6)])
    )
    assert found["course"]["overall"]["auc"]["value"] is None


def test_one_observation_is_enough_for_a_page(tmp_path: Path) -> None:
    assert evaluated(write(tmp_path / "out", [Observation("only", 0, 1, 0.9)]))["log"]["labelled"] == 1


def test_without_interventions_the_rest_is_there(tmp_path: Path) -> None:
    folder = write(tmp_path / "out", crowd(6, 40))
    (folder / "interventions.jsonl").unlink()
    found = evaluated(folder)
    assert found["cases"] is None
    assert found["course"]["weeks"]


def test_names_that_look_like_html_do_not_become_html(tmp_path: Path) -> None:
    folder = write(tmp_path / "out", crowd(4, 20), [case("c0001", 3, scope="<script>x</script>")])
    evaluated(folder)
    assert "<script>" not in (folder / "evaluation.html").read_text()


def test_a_folder_that_is_no_replay_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(tmp_path)]) == 2
    assert "keepline replay --out" in capsys.readouterr().err


def test_a_replay_that_did_not_end_has_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "out", [Observation("a", 0, 1)])
    (folder / "summary.json").unlink()
    assert main(["evaluate", str(folder)]) == 1
    assert "did not finish" in capsys.readouterr().err


def test_a_replay_of_an_older_version_must_be_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "out", [Observation("a", 0, 1)])
    (folder / "summary.json").write_text("{}")
    assert main(["evaluate", str(folder)]) == 1
    assert "label_horizon" in capsys.readouterr().err


def test_examples_that_are_no_parquet_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "out", [Observation("a", 0, 1)])
    (folder / "examples.parquet").write_bytes(b"nothing")
    assert main(["evaluate", str(folder)]) == 1
    assert "examples.parquet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        ("ModuleNotFoundError(name='lightgbm')", "lightgbm is not installed; run `pip install"),
        (
            "OSError('libgomp.so.1: no such file')",
            "libgomp.so.1: no such file; on Debian and Ubuntu: `apt install libgomp1`",
        ),
    ],
)
def test_where_lightgbm_cannot_be_imported_one_line_says_what_to_install(
    raised: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lightgbm.py").write_text(f"raise {raised}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "lightgbm", raising=False)
    assert main(["evaluate", str(tmp_path), "--lightgbm"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_the_page_says_since_when_the_model_is_served(replayed: Path) -> None:
    models = [json.loads(line) for line in (replayed / "models.jsonl").read_text().splitlines()]
    first = format_instant(next(one["instant_us"] for one in models if one["learned"]))
    assert evaluated(replayed)["log"]["took_over"] == first
    assert f"from {first[:10]} on the model is served" in (replayed / "evaluation.html").read_text()


@pytest.mark.parametrize("line", ["{", "", '{"format": 99}'])
def test_predictions_are_judged_without_models_that_cannot_be_read(
    line: str, replayed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(replayed, tmp_path / "damaged")
    with (folder / "models.jsonl").open("a") as models:
        models.write(f"{line}\n")
    assert evaluated(folder)["influence"] == []
    assert "; what the model looks at is left out" in capsys.readouterr().err
