"""Whether the customers of a partition live in it: all clients must place a customer's events by the same hash.

A customer with events in two partitions would have half a life in each, and look silent in both. A customer is checked
once, when the partition first has an event of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from features.table import Table
from schemas.columns import Details, Events, Rows
from schemas.decode import Decoded
from schemas.partitioner import partition_of
from schemas.refusals import Refused

RULE = "partition"


def refuse_strangers(decoded: Decoded, table: Table, partition: int, partitions: int) -> Decoded:
    """Returns the batch with the records of customers who live in another partition refused."""
    customers = decoded.events.customers
    unknown = np.flatnonzero(table.names.find(customers) < 0).tolist()
    names = {customers[i] for i in unknown}
    names |= {one.customer for one in decoded.erased if one.customer not in table.names}
    homes = {name: home for name in names if (home := partition_of(name, partitions)) != partition}
    if not homes:
        return decoded
    stays = np.array([name not in homes for name in customers], np.bool_)
    gone = np.flatnonzero(~stays).tolist()
    strangers = [(int(decoded.index[i]), customers[i], decoded.events.producers[i]) for i in gone]
    strangers += [(one.index, one.customer, "the producer") for one in decoded.erased if one.customer in homes]
    refused = [
        Refused(index, "key", RULE, _sentence(producer, homes[name], partition)) for index, name, producer in strangers
    ]
    kept = np.flatnonzero(stays).tolist()
    rows, details = _with_details(decoded.events.rows[stays], decoded.details)
    events = Events(rows, *([column[i] for i in kept] for column in (customers, decoded.events.producers)))
    return replace(
        decoded,
        events=events,
        index=decoded.index[stays],
        details=details,
        refused=sorted([*decoded.refused, *refused], key=lambda one: one.index),
        erased=[one for one in decoded.erased if one.customer not in homes],
    )


def _with_details(rows: Rows, details: Sequence[Details]) -> tuple[Rows, list[Details]]:
    """The details of these rows alone."""
    has = rows["details"] > 0
    kept = [details[number - 1] for number in rows["details"][has].tolist()]
    rows["details"][has] = np.arange(1, len(kept) + 1)
    return rows, kept


def _sentence(producer: str, home: int, partition: int) -> str:
    return (
        f"{producer} sent a customer of partition {home} to partition {partition}: set its client's partitioner to "
        "murmur2 of the key (librdkafka and kcat: partitioner=murmur2_random; the Java client: the default)"
    )
