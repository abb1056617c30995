"""What the thread of the pages reads of an engine while events are applied: a table that grows moves in memory, and a
dict that grows cannot be iterated over."""

from __future__ import annotations

import subprocess
import sys

READS_WHILE_IT_GROWS = """
import threading
from streams.engine.engine import Engine
from streams.profile.loading import load_profile

engine = Engine(load_profile("after-sales", []), 0, 200_000, waits_for_models=False)
grown = threading.Event()

def read():
    while not grown.wait(0.0005):
        len(engine.pending), engine.pending.waiting_for_turn, len(engine.casebook)

readers = [threading.Thread(target=read) for _ in range(2)]
for reader in readers:
    reader.start()
for first in range(0, 200_000, 2_000):
    for slot in engine.table.slots([f"c{i}" for i in range(first, first + 2_000)]).tolist():
        engine.casebook.retry_touch_at(slot, 1)
grown.set()
for reader in readers:
    reader.join()
print(len(engine.table))
"""


def test_pages_are_read_while_table_and_casebook_grow() -> None:
    done = subprocess.run([sys.executable, "-c", READS_WHILE_IT_GROWS], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "200000\n", "")
