"""Log lines: text on a terminal, JSON anywhere else."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import orjson

from schemas.instants import format_instant
from schemas.printable import printable

NOISY = ("faust", "aiokafka", "mode", "asyncio", "streams.kafka")  # they log each step of a start at INFO

AGAIN_S, MOST_LINES = 60.0, 1_000


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns time (RFC 3339), level, logger, message; exception where there is one."""
        line: dict[str, object] = {
            "time": format_instant(int(record.created * 1e6)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


class PlainText(logging.Formatter):
    """Text that cannot steer the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line of the base class with all but printable characters as escapes."""
        return printable(super().format(record))


class News(logging.Filter):
    """Drops what is none: a line that a library has logged in the last minute (without brokers they log the same 150
    times a second), and the end of a client that was cancelled while it started.
    """

    def __init__(self) -> None:
        super().__init__()
        self._logged: dict[str, float] = {}  # line -> when

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is logged."""
        if not record.name.startswith(NOISY[:-1]):
            return True
        line, at = record.getMessage(), record.created
        if line.startswith("Unclosed AIOKafka") or at - self._logged.get(line, -AGAIN_S) < AGAIN_S:
            return False
        if len(self._logged) > MOST_LINES:
            self._logged.clear()
        self._logged[line] = at
        return True


def set_up(stream: TextIO = sys.stderr) -> None:
    """Sends all logs of this process to `stream`."""
    handler = logging.StreamHandler(stream)
    on_terminal = stream.isatty()
    handler.setFormatter(PlainText("%(asctime)s %(message)s", "%H:%M:%S") if on_terminal else JsonLines())
    handler.addFilter(News())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
