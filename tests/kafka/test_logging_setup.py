"""What gets into the log."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import orjson
import pytest

from streams.kafka.logging_setup import set_up


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_a_connection_of_a_cancelled_client_is_no_news_and_other_errors_of_the_loop_are() -> None:
    stream = io.StringIO()
    set_up(stream)
    logging.getLogger("asyncio").error("Unclosed AIOKafkaConnection\nconn: <AIOKafkaConnection host=a port=1>")
    logging.getLogger("asyncio").error("Task exception was never retrieved")
    (line,) = stream.getvalue().splitlines()
    assert orjson.loads(line)["message"] == "Task exception was never retrieved"
