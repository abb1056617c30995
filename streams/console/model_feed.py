"""What the page Model shows: the served versions and what came of their predictions, read when there is a new one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.histograms import psi
from features.population import COMPONENTS
from online_model.snapshot import Snapshot
from schemas.errors import Failure
from streams.console.feed import Feed
from streams.evaluation import metrics
from streams.evaluation.metrics import Bin
from streams.operations.models import reader
from streams.operations.models.reader import Versions

PAGE = "model_page"
LOOK_S, PAUSE_S = 1.0, 10.0
Measured = dict[int, tuple[float, float]]  # us of the observation -> AUC and log loss of its customers alone


@dataclass(frozen=True)
class Week:
    """A version and its instant. loss: of the labels that matured since the version before; auc_alone: of the customers
    observed then; moved: PSI of each component of RFM-B against the versions before. None: not known.
    """

    us: int
    auc: float | None
    least_auc: float | None
    log_loss: float | None
    loss: float | None
    auc_alone: float | None
    moved: Sequence[float] | None


@dataclass(frozen=True)
class Seen:
    """What was read. versions: as `keepline models list --json` has them, the oldest first; reliability: of all
    predictions, None: they are not kept; error: why there is nothing, empty: there is.
    """

    at_us: int
    versions: Sequence[dict[str, Any]]
    weeks: Sequence[Week]
    reliability: Sequence[Bin] | None
    error: str = ""


@dataclass(frozen=True)
class Source:
    """versions: reads them; newest: changes with a new one, without reading them; examples: the predictions of a
    replay, None: there are none.
    """

    versions: Callable[[], Versions]
    newest: Callable[[], object]
    examples: Path | None = None


class ModelFeed(Feed[Seen]):
    """Reads the versions while somebody looks. reference: versions that a drift is measured against; clock: now."""

    def __init__(self, source: Source, reference: int, clock: Callable[[], int]) -> None:
        super().__init__(PAGE)
        self._source, self._reference, self._clock = source, reference, clock

    async def run(self, tell: Callable[[str], None], is_shown: Callable[[str], bool]) -> None:
        """Goes on until it is cancelled. tell: says that a page has news; is_shown: whether a browser shows a page."""
        known: object = self
        while True:
            await asyncio.sleep(LOOK_S)
            if not self.is_asked_for(is_shown):
                continue
            newest = await asyncio.to_thread(self._source.newest)
            if newest != known or (self.last is not None and self.last.error):
                known = newest
                self.last = await asyncio.to_thread(self._read)
                tell(PAGE)
                await asyncio.sleep(PAUSE_S)

    def _read(self) -> Seen:
        try:
            versions = list(self._source.versions().values())
            measured, bins = predictions(self._source.examples) if self._source.examples else ({}, None)
        except (Failure, OSError, pa.ArrowException) as error:
            return Seen(self._clock(), [], [], None, str(error))
        return Seen(self._clock(), [*map(reader.as_json, versions)], weeks(versions, measured, self._reference), bins)


def weeks(versions: Sequence[Snapshot], measured: Measured, reference: int) -> list[Week]:
    """Returns the course of the versions. measured: of each observation alone, where predictions are kept."""
    found = []
    for i, one in enumerate(versions):
        before = versions[max(i - reference, 0) : i]
        alone = measured.get(one.instant_us, (float("nan"), 0.0))[0]
        moved = None
        if len(before) == reference and one.population.any():
            counts = sum((each.population for each in before), np.zeros_like(one.population))
            moved = psi(one.population, counts).tolist() if counts.any() else None
        found.append(
            Week(
                one.instant_us, one.auc, one.least_auc, one.log_loss, _loss(versions[i - 1] if i else None, one),
                alone if isfinite(alone) else None, moved,
            )
        )  # fmt: skip
    return found


def _loss(before: Snapshot | None, one: Snapshot) -> float | None:
    """The mean log loss of the labels between two versions; means of all labels so far tell it exactly."""
    if one.log_loss is None:
        return None
    labels, total = (before.labels, before.labels * before.log_loss) if before and before.log_loss else (0, 0.0)
    new = one.labels - labels
    return (one.labels * one.log_loss - total) / new if new > 0 else None


def predictions(path: Path) -> tuple[Measured, list[Bin] | None]:
    """Returns AUC and log loss of each observation alone, and how reliable all labelled predictions were."""
    if not path.is_file():
        return {}, None
    table = pq.read_table(path, columns=["observed_at", "probability", "label"])
    table = table.filter(pc.is_valid(table["label"]))
    us = table["observed_at"].cast(pa.int64()).to_numpy()
    probability, label = table["probability"].to_numpy(), table["label"].to_numpy().astype(np.int8)
    order = np.argsort(us, kind="stable")
    us, probability, label = us[order], probability[order], label[order]
    if not len(us):
        return {}, None
    instants, first = np.unique(us, return_index=True)
    parts = zip(instants.tolist(), np.split(probability, first[1:]), np.split(label, first[1:]), strict=True)
    alone = {at: (metrics.auc(p, y), metrics.log_loss(p, y)) for at, p, y in parts}
    return alone, metrics.reliability(probability, label)


NAMES = tuple(name for name, _, _ in COMPONENTS)
