"""A proxy between workers and broker: forwards, cuts all connections, or delays one EndTxn."""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress

END_TXN = 26  # the request's key in Kafka's protocol
SIZE = struct.Struct(">i")
KEY = struct.Struct(">h")


class Proxy:
    """Listens on `port` for clients of the broker at `target`, both on the loopback."""

    def __init__(self, port: int, target: int) -> None:
        self.port, self.target = port, target
        self.held = 0
        self._hold_s = 0.0
        self._is_cut = False
        self._links: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Starts to listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    def hold_next_end(self, seconds: float) -> None:
        """Delays the next EndTxn, even if its client no longer waits for the answer."""
        self._hold_s = seconds

    async def cut(self, seconds: float) -> None:
        """Closes all connections and refuses new ones for `seconds`."""
        self._is_cut = True
        for link in list(self._links):
            link.close()
        await asyncio.sleep(seconds)
        self._is_cut = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._is_cut:
                return
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            return
        finally:
            if self._is_cut:
                writer.close()
        self._links |= {writer, back}
        answers = asyncio.ensure_future(self._answers(there, writer))
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._requests(reader, back)
        for link in (writer, back):
            self._links.discard(link)
            link.close()
        answers.cancel()

    async def _requests(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        while True:
            size = await reader.readexactly(SIZE.size)
            body = await reader.readexactly(SIZE.unpack(size)[0])
            if self._hold_s and KEY.unpack_from(body)[0] == END_TXN:
                seconds, self._hold_s = self._hold_s, 0.0
                self.held += 1
                await asyncio.sleep(seconds)
            back.write(size + body)
            await back.drain()

    async def _answers(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await there.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()
