"""Observations, labelled examples, marks and candidates as JSON; columns of numbers as base64, exact to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from features.catalogue import NAMES
from features.portable_math import Array
from online_model.array_codec import grown, pack_array, unpack_array
from online_model.examples import Examples
from online_model.treatment import Codes
from schemas.instants import format_instant, parse_instant
from streams.engine.reports import Report
from streams.engine.scoring import ROWS_A_BLOCK


def observation_blocks(
    at_us: int, model_version: int, customers: list[str], probability: Array, said: dict[str, Array], features: Array
) -> Iterator[bytes]:
    """Yields blocks of the scores served at a grid instant. said: of `Scorer.said`; features: (features, n)."""
    for start in range(0, len(customers), ROWS_A_BLOCK):
        part = slice(start, start + ROWS_A_BLOCK)
        yield orjson.dumps(
            {
                "kind": "observations",
                "observed_at": format_instant(at_us),
                "model_version": model_version,
                "feature_names": NAMES,
                "customers": customers[part],
                "probability": pack_array(probability[part]),
                "said": {name: pack_array(rows[:, part].astype(np.float32)) for name, rows in said.items()},
                "features": pack_array(features[:, part]),
            }
        )


def labelled(block: dict[str, Any], label: NDArray[np.uint8], treatment: Codes, propensity: Array) -> bytes:
    """Returns the block with labels, treatments, and the propensity of those who were left alone."""
    more = {"label": pack_array(label), "treatment": pack_array(treatment), "propensity": pack_array(propensity)}
    return orjson.dumps(block | {"kind": "labelled_examples"} | more)


def mark(at_us: int, partition: int, report: Report | None = None) -> bytes:
    """Returns the mark that a partition has sent everything up to a grid instant, with its report."""
    body: dict[str, Any] = {"kind": "mark", "instant": format_instant(at_us), "partition": partition}
    if report is not None:
        body |= report.packed()
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def candidates(at_us: int, partition: int, entries: list[dict[str, Any]]) -> bytes:
    """Returns the candidates of a partition at an instant; without any it is still the report of the instant."""
    instant = format_instant(at_us)
    return orjson.dumps({"kind": "candidates", "instant": instant, "partition": partition, "candidates": entries})


def end_mark(partition: int) -> bytes:
    """Returns the mark that a partition will report nothing more."""
    return orjson.dumps({"kind": "end", "partition": partition})


def examples_of(block: dict[str, Any]) -> Examples:
    """Returns a block as examples for the learner; without labels and treatments they are 0."""
    n = len(block["customers"])
    label, treatment = (
        unpack_array(block[name], "u1") if name in block else np.zeros(n, np.uint8) for name in ("label", "treatment")
    )
    return Examples(
        observed_us=parse_instant(block["observed_at"]),
        model_version=block["model_version"],
        customers=block["customers"],
        probability=unpack_array(block["probability"], "f8"),
        said={name: unpack_array(rows, "f4").astype(np.float64).reshape(-1, n) for name, rows in block["said"].items()},
        features=grown(unpack_array(block["features"], "f8").reshape(len(block["feature_names"]), n), len(NAMES)),
        label=label,
        treatment=treatment,
        propensity=unpack_array(block["propensity"], "f8") if "propensity" in block else np.ones(n),
    )
