"""What gets into the log."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import orjson
import pytest

from streams.kafka.logging_setup import AGAIN_S, News, set_up


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


def test_a_line_of_a_library_is_logged_once_a_minute_and_ours_each_time() -> None:
    stream = io.StringIO()
    set_up(stream)
    for _ in range(100):
        logging.getLogger("aiokafka.conn").error("Unable connect to node with id %s", 1)
        logging.getLogger("keepline.worker").error("engine-0 was given up")
    assert stream.getvalue().count("Unable connect to node with id 1") == 1
    assert stream.getvalue().count("engine-0 was given up") == 100


def test_a_minute_later_it_is_logged_again() -> None:
    news, record = News(), logging.makeLogRecord({"name": "aiokafka", "msg": "away", "created": 1_000.0})
    assert [news.filter(record), news.filter(record)] == [True, False]
    record.created += AGAIN_S
    assert news.filter(record)
