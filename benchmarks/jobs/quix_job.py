"""The job in Quix Streams. Arguments: brokers, topic, group, records, folder of the state."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from quixstreams import Application  # type: ignore[import-not-found]  # lives in an environment of its own

brokers, topic_name, group, records, folder = sys.argv[1:]
app = Application(
    broker_address=brokers,
    consumer_group=group,
    auto_offset_reset="earliest",
    processing_guarantee="exactly-once",
    commit_interval=1.0,
    state_dir=folder,
    loglevel="WARNING",
)
seen, started, cpu = 0, 0.0, 0.0


def add(event: dict[str, Any], state: Any) -> None:
    """Handles one event."""
    global seen, started, cpu
    if not seen:
        started, cpu = time.perf_counter(), time.process_time()
    seen += 1
    known = state.get("known", [0, 0.0, ""])
    state.set("known", [known[0] + 1, known[1] + event.get("count", 1), max(known[2], event["event_time"])])
    if seen == int(records):
        took = {"records": seen, "wall_s": time.perf_counter() - started, "cpu_s": time.process_time() - cpu}
        print(json.dumps(took), flush=True)
        app.stop()


frame = app.dataframe(app.topic(topic_name, value_deserializer="json"))
frame = frame[frame.contains("customer_id")]
frame.update(add, stateful=True)
app.run()
