"""The decompressed bytes of a file, and its whole lines. Errors of reading a file are raised here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import pyarrow as pa

from schemas.errors import Failure, UsageError
from streams.files.file_names import FileName

BLOCK_BYTES = 1 << 18
MOST_LINE_BYTES = 16 << 20
UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def check_readable(path: Path) -> None:
    """Raises UsageError when `path` is not a file, Failure when it may not be read."""
    with reading(path):
        if not path.exists():
            raise UsageError(f"{path}: no such file")
        if not path.is_file():
            raise UsageError(f"{path}: is not a file; name the files themselves")
        path.open("rb").close()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns errors of reading `path` into a Failure that names the file."""
    try:
        yield
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        what = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise Failure(
            f"{path}: cannot be read ({what}); is it complete, and is its format that of its name?"
        ) from error


def blocks(name: FileName) -> Iterator[bytes]:
    """Yields the decompressed bytes of a file, at most BLOCK_BYTES at a time."""
    with reading(name.path), _open(name) as stream:
        while block := stream.read(BLOCK_BYTES):
            yield block


def whole_lines(name: FileName) -> Iterator[bytes]:
    """Yields blocks of whole lines, without a byte order mark; the last line needs no line end."""
    rest, first = b"", True
    for block in blocks(name):
        block = rest + block
        if first:
            block, first = _without_mark(name.path, block), False
        end = block.rfind(b"\n") + 1
        rest = block[end:]
        if len(rest) > MOST_LINE_BYTES:
            raise Failure(f"{name.path}: a line is longer than {MOST_LINE_BYTES} bytes; expected lines of text")
        if end:
            yield block[:end]
    if rest:
        yield rest


def _open(name: FileName) -> IO[bytes]:
    if name.compression is None:
        return name.path.open("rb")
    return cast("IO[bytes]", pa.input_stream(str(name.path), compression=name.compression))


def _without_mark(path: Path, block: bytes) -> bytes:
    if block.startswith(UTF16_MARKS):
        raise UsageError(f"{path}: is UTF-16; save it as UTF-8")
    return block.removeprefix(UTF8_MARK)
