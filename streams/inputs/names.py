"""Names that come from outside, as the state keeps them: short, whatever was sent, and not too many of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import orjson
import xxhash

MOST_BYTES = 64  # of a name as JSON
HEAD = 10  # characters of a longer name that stay
OTHERS = "others"


def short_name(name: str) -> str:
    """Returns the name, or its beginning and its hash when it is longer than MOST_BYTES."""
    if len(name) <= MOST_BYTES and len(orjson.dumps(name)) - 2 <= MOST_BYTES:
        return name
    return f"{name[:HEAD]}...{xxhash.xxh3_64_intdigest(name.encode()):016x}"


def add_capped(counts: Counter[str], more: Mapping[str, int], most: int) -> None:
    """Adds counts by name. The first `most` names have a count of their own, all later ones share that of OTHERS."""
    for name, n in more.items():
        name = short_name(name)
        counts[name if name in counts or len(counts) < most else OTHERS] += n
