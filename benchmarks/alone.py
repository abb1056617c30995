"""The cost of the model alone: it scores and learns the observations of a replay, as engine and learner do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow.parquet as pq

from features.catalogue import NAMES
from features.matrix import scaled
from features.portable_math import Array
from online_model.examples import Examples, joined, subset, with_label
from online_model.learner import Learner
from online_model.scorer import Scorer
from online_model.snapshot import Snapshot
from online_model.treatment import NO_LABEL
from streams.engine.scoring import in_chunks
from streams.files.replay_folder import EXAMPLES, MODELS
from streams.profile.profile import Profile
from streams.units.learner_unit import rules_of

Made = TypeVar("Made")


@dataclass(slots=True)
class ModelCost:
    """The cost of scoring and learning. scoring_s, learning_s: processor time; differ: observations whose probability
    differs from the replay's in any bit.
    """

    observed: int = 0
    learned: int = 0
    scoring_s: float = 0.0
    learning_s: float = 0.0
    snapshot_bytes: int = 0  # the largest snapshot sent to engines
    state_bytes: int = 0  # the learner's state at the end
    differ: int = 0


def run_model(folder: Path, profile: Profile) -> ModelCost:
    """Runs the model over a replay: at each instant it learns the labels known by then, then scores."""
    took, learner, waiting = ModelCost(), Learner(rules_of(profile)), list[Examples]()
    served = {one.instant_us: one for one in map(Snapshot.loads, (folder / MODELS).read_bytes().splitlines())}
    for observed in _observations(folder):
        known_us = observed.observed_us - profile.label.horizon_us
        examples = with_label([one for one in waiting if one.observed_us <= known_us])
        waiting = [one for one in waiting if one.observed_us > known_us]
        body, seconds = _timed(partial(_learn, learner, served[observed.observed_us], examples))
        took.learning_s += seconds
        took.learned += sum(len(one.customers) for one in examples)
        took.snapshot_bytes = max(took.snapshot_bytes, len(body))
        said, seconds = _timed(partial(_observe, body, observed))
        took.scoring_s += seconds
        took.observed += len(observed.customers)
        took.differ += int((said.probability != observed.probability).sum())
        waiting.append(said)
    took.state_bytes = sum(map(len, learner.dumps().values()))
    return took


def _learn(learner: Learner, served: Snapshot, examples: list[Examples]) -> bytes:
    """Learns as the learner does, and returns the message with the model. What comes of early returns, which are not
    in the examples, is taken from the model that was served: the level of an instant, and the prior before labels.
    """
    own = learner.learn(served.instant_us, examples)
    prior = own.parameters.prior if own.learned else served.parameters.prior
    return replace(own, shift=served.shift, parameters=replace(own.parameters, prior=prior)).dumps()


def _observe(model: bytes, whom: Examples) -> Examples:
    """Scores as an engine does, from the model's message on; the features are given."""
    scorer, parts = Scorer(Snapshot.loads(model)), []
    for places in in_chunks(np.arange(len(whom.customers))):
        part = subset(whom, places)
        said = {name: as_sent(rows) for name, rows in scorer.expert_log_odds(scaled(part.features)).items()}
        parts.append(replace(part, probability=scorer.score(part.features), said=said))
    return joined(parts)


def as_sent(rows: Array) -> Array:
    """Returns the experts' predictions in the single precision of the messages."""
    return rows.astype(np.float32).astype(np.float64)


def _observations(folder: Path) -> Iterator[Examples]:
    """Yields the observations of a replay by instant, customers in order, with their later labels."""
    table = pq.read_table(folder / EXAMPLES).sort_by([("observed_at", "ascending"), ("customer_id", "ascending")])
    at_us = table["observed_at"].cast("int64").to_numpy()
    features = np.stack([table[f"f_{name}"].to_numpy() for name in NAMES])
    label, treatment = (table[name].fill_null(NO_LABEL).to_numpy().astype(np.uint8) for name in ("label", "treatment"))
    customers, probability = table["customer_id"].to_pylist(), table["probability"].to_numpy()
    instants_us, begins = np.unique(at_us, return_index=True)
    for instant_us, begin, end in zip(instants_us.tolist(), begins, np.append(begins[1:], len(at_us)), strict=True):
        here = slice(begin, end)
        there, x = (customers[here], probability[here]), np.ascontiguousarray(features[:, here])
        yield Examples(instant_us, 0, *there, {}, x, label[here], treatment[here], np.ones(end - begin))


def _timed(work: Callable[[], Made]) -> tuple[Made, float]:
    """Returns the result and its processor time in seconds."""
    began = time.process_time()
    return work(), time.process_time() - began
