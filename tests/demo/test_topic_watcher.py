"""What the demo reads from the topics."""

from __future__ import annotations

import numpy as np
import orjson

from features.catalogue import NAMES
from online_model.treatment import NO_LABEL
from streams.demo.topic_watcher import TopicRecords
from streams.engine import observations


def test_a_horizon_that_was_cut_is_not_judged() -> None:
    (block,) = observations.observation_blocks(0, 1, ["a", "b"], np.array([0.3, 0.6]), {}, np.zeros((len(NAMES), 2)))
    records = TopicRecords(ready_from=1)
    records.take(
        "labelled-examples",
        observations.labelled(
            orjson.loads(block), np.array([NO_LABEL, 1], np.uint8), np.zeros(2, np.uint8), np.ones(2)
        ),
    )
    assert (records.judge.get().labels, records.judge.get().positives) == (1, 1)
