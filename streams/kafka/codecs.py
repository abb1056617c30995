"""Decompression of Kafka's codecs, bounded: 1 MiB of zstd can be 10 GiB of zeros."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from typing import Any

import cramjam
from aiokafka import codec

MOST_BYTES = 64 << 20  # of a batch, decompressed
FIRST_BYTES, GROWTH = 1 << 20, 8


def _bounded(decompress_into: Callable[..., int]) -> Callable[[Any], bytes]:
    """Returns a decompression into a buffer that grows up to MOST_BYTES."""

    def decode(payload: Any) -> bytes:
        size = FIRST_BYTES
        while True:
            buffer = bytearray(size)
            try:
                return bytes(memoryview(buffer)[: decompress_into(payload, buffer)])
            except cramjam.DecompressionError as error:
                if "whole buffer" not in str(error):
                    raise
            if size >= MOST_BYTES:
                raise _too_large()
            size = min(size * GROWTH, MOST_BYTES)

    return decode


def _gzip(payload: Any) -> bytes:
    found = gzip.GzipFile(fileobj=io.BytesIO(payload)).read(MOST_BYTES + 1)
    if len(found) > MOST_BYTES:
        raise _too_large()
    return found


def _too_large() -> ValueError:
    return ValueError(f"more than {MOST_BYTES >> 20} MiB after decompression")


# by the codec's name; each one's place is its number in a batch's attributes, less 1
DECODERS: dict[str, Callable[[Any], bytes]] = {
    "gzip": _gzip,
    "snappy": codec.snappy_decode,  # bounded by its format: 64 bytes of 3
    "lz4": _bounded(cramjam.lz4.decompress_into),
    "zstd": _bounded(cramjam.zstd.decompress_into),
}
