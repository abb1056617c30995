"""The job in Faust as in its manual: a record at a time, a table by key. Arguments: brokers, topic, group, records."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import faust

brokers, topic_name, group, records = sys.argv[1:5]
app = faust.App(group, broker=f"kafka://{brokers}", store="memory://", topic_partitions=4, web_enabled=False)
topic = app.topic(topic_name, value_type=None, value_serializer="json")
table = app.Table("known", default=lambda: [0, 0.0, ""], partitions=4)


@app.agent(topic)
async def add(events: Any) -> None:
    """Handles every event."""
    seen, started, cpu = 0, 0.0, 0.0
    async for event in events:
        if "customer_id" not in event:
            continue
        if not seen:
            started, cpu = time.perf_counter(), time.process_time()
        seen += 1
        count, total, last = table[event["customer_id"]]
        table[event["customer_id"]] = [count + 1, total + event.get("count", 1), max(last, event["event_time"])]
        if seen == int(records):
            took = {"records": seen, "wall_s": time.perf_counter() - started, "cpu_s": time.process_time() - cpu}
            print(json.dumps(took), file=sys.__stdout__, flush=True)  # Faust takes sys.stdout for its log
            os._exit(0)


if __name__ == "__main__":
    sys.argv = [sys.argv[0], "worker", "-l", "error"]
    app.main()
