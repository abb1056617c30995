"""Log lines: text on a terminal, JSON anywhere else."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import orjson

from schemas.instants import format_instant
from schemas.printable import printable

NOISY = ("faust", "aiokafka", "mode", "asyncio", "streams.kafka")  # they log each step of a start at INFO


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


def is_news(record: logging.LogRecord) -> bool:
    """Whether a record says something: not that a connection was dropped whose client was cancelled while it started,
    as a rebalance does; it is closed by then.
    """
    return not (record.name == "asyncio" and record.getMessage().startswith("Unclosed AIOKafkaConnection"))


def set_up(stream: TextIO = sys.stderr) -> None:
    """Sends all logs of this process to `stream`."""
    handler = logging.StreamHandler(stream)
    on_terminal = stream.isatty()
    handler.setFormatter(PlainText("%(asctime)s %(message)s", "%H:%M:%S") if on_terminal else JsonLines())
    handler.addFilter(is_news)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
