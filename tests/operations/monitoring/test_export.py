"""The files in deploy/ are those that the code makes, and tools that read them can."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from streams.cli import main
from streams.operations.monitoring import export
from streams.operations.monitoring.dashboards import DASHBOARDS, as_json
from streams.operations.monitoring.metric_list import METRICS
from tests.operations.monitoring.promtool import DEPLOY, ROOT


def test_the_files_in_deploy_are_current() -> None:
    assert export.stale(DEPLOY) == []


def test_it_writes_what_is_missing_and_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["monitoring", "export", "--out", str(tmp_path), "--runbooks", "https://wiki.example.com/kl/"]) == 0
    assert f"wrote {tmp_path / 'prometheus/rules.yml'}" in capsys.readouterr().out
    assert "runbook_url: 'https://wiki.example.com/kl/late.md'" in (tmp_path / "prometheus/rules.yml").read_text()


def test_check_names_what_is_not_current_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export.export(tmp_path)
    (tmp_path / "grafana/keepline-model.json").write_text("{}")
    assert main(["monitoring", "export", "--out", str(tmp_path), "--check"]) == 1
    assert capsys.readouterr().out == "grafana/keepline-model.json is not current; run `keepline monitoring export`\n"
    assert (tmp_path / "grafana/keepline-model.json").read_text() == "{}"


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.uid)
def test_panels_of_a_dashboard_do_not_overlap_and_have_ids_of_their_own(dashboard: object) -> None:
    panels = as_json(dashboard)["panels"]  # type: ignore[arg-type]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for at in (panel["gridPos"] for panel in panels)
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24


def test_every_metric_is_on_a_dashboard_or_in_a_rule() -> None:
    shown = "".join(path.read_text() for path in [*DEPLOY.glob("grafana/*.json"), DEPLOY / "prometheus/rules.yml"])
    assert [one.series for one in METRICS if not re.search(rf"{one.series}\b|{one.series[:-6]}_bucket", shown)] == [
        "keepline_frontier_timestamp_seconds",
        "keepline_frontier_age_seconds_worst",
    ]


def test_the_manifests_build_and_no_container_is_root_or_writes_its_disk() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not there")
    built = subprocess.run(
        ["kubectl", "kustomize", "deploy/kubernetes"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    objects = built.stdout.split("\n---\n")
    assert sorted(re.findall(r"^kind: (\w+)", built.stdout, re.MULTILINE)) == [
        "ConfigMap", "Job", "Namespace", "PodDisruptionBudget", "Service", "ServiceMonitor", "StatefulSet",
    ]  # fmt: skip
    for one in (text for text in objects if "containers:" in text):
        for line in ("runAsNonRoot: true", "readOnlyRootFilesystem: true", "allowPrivilegeEscalation: false"):
            assert line in one


def test_the_image_and_the_compose_file_run_the_worker_as_a_user_without_rights() -> None:
    assert "USER 10001" in (ROOT / "Dockerfile").read_text()
    assert 'user: "10001"' in (ROOT / "docker-compose.yml").read_text()


def test_the_compose_file_is_valid() -> None:
    if shutil.which("docker-compose") is None:
        pytest.skip("docker-compose is not there: install Debian's package docker-compose")
    done = subprocess.run(
        ["docker-compose", "config", "--quiet"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_grafana_finds_its_data_source_and_its_dashboards() -> None:
    compose, provisioned = (ROOT / "docker-compose.yml").read_text(), DEPLOY / "grafana" / "provisioning"
    (path,) = re.findall(r"path: (\S+)", (provisioned / "dashboards/keepline.yml").read_text())
    assert f"./deploy/grafana:{path}:ro" in compose
    assert "./deploy/grafana/provisioning:/etc/grafana/provisioning:ro" in compose
    for dashboard in DASHBOARDS:
        body = json.loads((DEPLOY / "grafana" / f"{dashboard.uid}.json").read_text())
        assert body["templating"]["list"][0]["type"] == "datasource"
