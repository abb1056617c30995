"""The decompressed bytes of a file as UTF-8, and its whole lines. Errors of reading a file are raised here."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.errors import Failure, UsageError
from streams.files.file_names import FileName

BLOCK_BYTES = 1 << 18
MOST_LINE_BYTES = 16 << 20
UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
FIRST_BYTES = 8


@dataclass
class Meter:
    """How far a file has been read, in bytes on disk, and what is done with it beside that."""

    size: int = 0
    before: int = 0  # where the block that is being read begins
    after: int = 0
    inner: float = 0.0  # the share of that block that has been handed on
    doing: str = ""

    @property
    def read(self) -> int:
        """The bytes that have been handed on."""
        return self.before + int((self.after - self.before) * self.inner)

    def next_block(self, after: int) -> None:
        """A block that ends at `after` is read next."""
        self.before, self.after, self.inner = self.after, after, 0.0


def first_bytes(path: Path) -> bytes:
    """Returns the first bytes of a file. Raises UsageError when `path` is not a file, Failure when it may not be
    read."""
    with reading(path):
        if not path.exists():
            raise UsageError(f"{path}: no such file")
        if not path.is_file():
            raise UsageError(f"{path}: is not a file; name the files themselves")
        with path.open("rb") as file:
            return file.read(FIRST_BYTES)


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


def blocks(name: FileName, meter: Meter, encoding: str | None = None) -> Iterator[bytes]:
    """Yields the decompressed bytes of a file, at most BLOCK_BYTES at a time; of text in `encoding`, as UTF-8."""
    found = _bytes(name, meter)
    return found if encoding is None else _as_utf8(found, encoding, name.path)


def whole_lines(name: FileName, meter: Meter, encoding: str | None = None) -> Iterator[bytes]:
    """Yields blocks of whole lines, without a byte order mark; the last line needs no line end."""
    rest, first = b"", True
    for block in blocks(name, meter, encoding):
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
    meter.next_block(meter.after)


def _bytes(name: FileName, meter: Meter) -> Iterator[bytes]:
    with reading(name.path), pa.OSFile(str(name.path)) as raw, _unpacked(raw, name.compression) as stream:
        meter.size = raw.size()
        while block := stream.read(BLOCK_BYTES):
            meter.next_block(raw.tell())
            yield block


def _unpacked(raw: pa.NativeFile, compression: str | None) -> Any:
    return raw if compression is None else pa.CompressedInputStream(raw, compression)


def _as_utf8(found: Iterator[bytes], encoding: str, path: Path) -> Iterator[bytes]:
    """Bytes that are no text in `encoding` stay what they are, so that their row alone is refused."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
    try:
        for block in found:
            yield decoder.decode(block).encode("utf-8", "surrogateescape")
        yield decoder.decode(b"", final=True).encode("utf-8", "surrogateescape")
    except UnicodeError as error:
        raise Failure(f"{path}: is not text in {encoding} ({error}); name its encoding with --encoding") from None


def _without_mark(path: Path, block: bytes) -> bytes:
    if block.startswith(UTF16_MARKS):
        raise UsageError(f"{path}: is UTF-16; save it as UTF-8, or read it with --encoding utf-16")
    return block.removeprefix(UTF8_MARK)
