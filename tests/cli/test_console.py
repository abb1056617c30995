"""`keepline console` as a command: its link, its end, and what it refuses."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from streams.cli import main
from tests.console.browsers import console
from tests.console.copies import lines
from tests.kafka.apache import free_ports
from tests.operations.cases.messages import intervention


def test_it_prints_a_link_that_opens_once_and_ends_on_a_signal(tmp_path: Path) -> None:
    folder, (port,) = lines(tmp_path / "replay", [intervention()]), free_ports(1)
    with console(os.environ, "--dir", str(folder), "--http", str(port), "--agent", "mia") as (process, link):
        assert link.startswith(f"http://127.0.0.1:{port}/enter?key=")
        with pytest.raises(HTTPError, match="403"):  # urlopen keeps no cookie: it is led on, and stands outside
            urlopen(link, timeout=20)
        assert process.stdout
        assert process.stdout.readline().strip() not in ("", link)  # the next one
    with console(os.environ, "--dir", str(folder), "--http", str(port)) as (process, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_nothing_but_the_loopback_is_served_without_a_sign_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = lines(tmp_path / "replay", [intervention()])
    assert main(["console", "--dir", str(folder), "--http", "0.0.0.0:0"]) == 2
    assert "without [console.auth] in the profile only the loopback is served" in capsys.readouterr().err


def test_a_folder_that_no_replay_has_written_and_a_port_that_is_taken_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["console", "--dir", str(tmp_path)]) == 2
    assert "interventions.jsonl" in capsys.readouterr().err
    folder, (port,) = lines(tmp_path / "replay", []), free_ports(1)
    with console(os.environ, "--dir", str(folder), "--http", str(port)):
        assert main(["console", "--dir", str(folder), "--http", str(port)]) == 1
    assert f"--http 127.0.0.1:{port}: cannot listen there" in capsys.readouterr().err
