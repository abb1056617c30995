"""Progress on standard error: nothing for short work, a rewritten line on a terminal, otherwise a line now and then."""

from __future__ import annotations

import io
import threading

import pytest

from streams.cli import progress
from streams.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Work:
    """Ends when its state has been shown twice."""

    def __init__(self) -> None:
        self.shown, self.done = 0, threading.Event()

    def state(self) -> tuple[float, str]:
        self.shown += 1
        if self.shown == 2:
            self.done.set()
        return 0.25 * self.shown, "5 rows"


def test_the_line_has_the_time_left() -> None:
    assert Progress("replay", lambda: (0.25, "7 events")).line(60) == "replay: 25%, 7 events, 1:00 elapsed, 3:00 left"
    assert Progress("replay", lambda: (0.5, "")).line(7200) == "replay: 50%, 2:00:00 elapsed, 2:00:00 left"


@pytest.mark.parametrize("share", [0.0, 0.001])
def test_at_the_very_beginning_the_time_left_is_not_guessed(share: float) -> None:
    assert Progress("replay", lambda: (share, "")).line(60) == "replay: 0%, 1:00 elapsed"


def test_short_work_shows_nothing() -> None:
    stream = io.StringIO()
    with Progress("replay", lambda: (0.5, ""), stream):
        pass
    assert stream.getvalue() == ""


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["a file", "a terminal"])
def test_long_work_shows_lines(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> None:
    for name in ("QUIET_S", "TERMINAL_S", "OTHERWISE_S"):
        monkeypatch.setattr(progress, name, 0.001)
    work = Work()
    with Progress("replay", work.state, stream):
        assert work.done.wait(30)
    text = stream.getvalue()
    assert "replay: 25%, 5 rows" in text
    assert text.endswith("\r\x1b[K" if stream.isatty() else "\n")


def test_a_closed_stream_stops_the_progress_not_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "QUIET_S", 0.001)
    stream, asked = io.StringIO(), threading.Event()
    stream.close()
    with Progress("replay", lambda: (float(asked.set() or 0), ""), Open(stream)):
        assert asked.wait(30)


class Open(io.StringIO):
    """A stream that cannot be written to any more."""

    def __init__(self, closed: io.StringIO) -> None:
        super().__init__()
        self.behind = closed

    def write(self, text: str) -> int:
        return self.behind.write(text)
