from __future__ import annotations

import argparse
import logging
import subprocess
import sys
from types import SimpleNamespace

import pytest

from schemas.errors import Failure, UsageError
from streams import cli


class Command(SimpleNamespace):
    """A command module whose behaviour the test sets."""

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--count", type=int, default=0)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    made = Command(run=lambda args: 0)
    monkeypatch.setitem(cli.COMMANDS, "try", ("tried", "a command for the tests"))
    monkeypatch.setitem(sys.modules, "tried", made)  # type: ignore[arg-type]
    return made


def raising(error: BaseException) -> object:
    def run(args: argparse.Namespace) -> int:
        raise error

    return run


def test_what_modules_of_keepline_warn_of_is_one_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    complaints = logging.Logger("of this test")
    complaints.addHandler(cli.Complaints())
    for name, level in (("keepline.connections", logging.WARNING), ("keepline.x", logging.INFO), ("aiokafka", 50)):
        complaints.handle(logging.LogRecord(name, level, "", 0, "broker \x1b[2J of\n%s", (name,), None))
    assert capsys.readouterr().err == "keepline: broker \\x1b[2J of keepline.connections\n"


def test_a_command_gets_its_options_and_gives_the_exit_code(command: Command) -> None:
    command.run = lambda args: int(args.count)
    assert cli.main(["try", "--count", "7"]) == 7


@pytest.mark.parametrize(
    ("error", "code"),
    [(UsageError("no"), 2), (Failure("no"), 1), (FileNotFoundError("no"), 1), (KeyboardInterrupt(), 130)],
)
def test_each_way_to_end_has_its_exit_code(command: Command, error: BaseException, code: int) -> None:
    command.run = raising(error)
    assert cli.main(["try"]) == code


def test_an_error_is_one_line_on_standard_error(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    command.run = raising(Failure("topics are missing:\n  surveys"))
    cli.main(["try"])
    assert capsys.readouterr() == ("", "keepline: topics are missing: surveys\n")


@pytest.mark.parametrize("argv", [[], ["nosuch"], ["try", "--nosuch"], ["try", "--count", "x"]])
def test_wrong_use_is_one_line_and_exit_code_2(
    command: Command, capsys: pytest.CaptureFixture[str], argv: list[str]
) -> None:
    assert cli.main(argv) == 2
    error = capsys.readouterr().err
    assert error.startswith("keepline: ")
    assert error.count("\n") == 1


def test_a_bug_is_one_line_that_says_where(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    command.run = raising(ZeroDivisionError("nothing there"))
    assert cli.main(["try"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("keepline: ZeroDivisionError in test_main.py line ")
    assert "KEEPLINE_TRACEBACK=1" in line


def test_a_bug_shows_its_traceback_when_asked(
    command: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command.run = raising(ZeroDivisionError())
    monkeypatch.setenv("KEEPLINE_TRACEBACK", "1")
    cli.main(["try"])
    assert "Traceback" in capsys.readouterr().err


def test_an_error_that_names_control_characters_does_not_send_them(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    command.run = raising(Failure("no case of \x1b]52;c;cm0gLXJm\x07 \u202e"))
    cli.main(["try"])
    assert capsys.readouterr().err == "keepline: no case of \\x1b]52;c;cm0gLXJm\\x07 \\u202e\n"


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("keepline 0.")


def test_a_closed_pipe_gives_no_traceback() -> None:
    body = "from streams import cli; cli._run = lambda argv: print('x' * 1_000_000) or 0"
    script = f"{body}; raise SystemExit(cli.main([]))"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_help_imports_no_command() -> None:
    body = "from streams import cli\ntry: cli.main(['-h'])\nexcept SystemExit: pass"
    script = f"{body}\nimport sys; print('numpy' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert output.splitlines()[-1] == "False"


@pytest.mark.parametrize("name", [name for name in cli.COMMANDS if name != "try"])
def test_every_command_of_the_table_is_there(name: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
