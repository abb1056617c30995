"""The demo's broker, where it is installed: errors are one line, and it never hangs."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from schemas.errors import Failure
from streams.demo import broker
from streams.kafka import topics
from streams.kafka.settings import Settings

installed = pytest.mark.skipif(find_spec("noida_db") is None, reason="the demo's broker is not installed")


@installed
async def test_it_takes_our_topics_and_a_transaction_is_read_by_a_group() -> None:
    with broker.embedded_broker() as bootstrap:
        known = Settings((bootstrap,))
        await topics.create(known, 1)
        async with (
            AIOKafkaProducer(**known.client, transactional_id="demo") as producer,
            producer.transaction(),
        ):
            await producer.send("surveys", b"{}", b"anna")
        reader = AIOKafkaConsumer(
            "surveys",
            **known.client,
            group_id="g",
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        async with reader:
            assert (await reader.getone()).key == b"anna"


@installed
def test_it_ends_with_the_block() -> None:
    with broker.embedded_broker() as bootstrap:
        port = int(bootstrap.rpartition(":")[2])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


@installed
def test_it_ends_with_its_process_even_when_that_is_killed() -> None:
    program = "from streams.demo.broker import embedded_broker as b; import signal\nwith b() as at:\n"
    program += " print(at, flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        port = int(demo.stdout.readline().rpartition(":")[2])
        demo.kill()
    with socket.socket() as probe:
        until = time.monotonic() + 30
        while probe.connect_ex(("127.0.0.1", port)) == 0:
            assert time.monotonic() < until


def test_a_program_that_does_not_start_is_a_failure_with_advice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "noida-db"
    program.write_text("#!/bin/sh\necho no such glibc; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(broker, "_program", lambda: program)
    with pytest.raises(Failure, match=r"no such glibc.*KEEPLINE_BROKERS"), broker.embedded_broker():
        pass
