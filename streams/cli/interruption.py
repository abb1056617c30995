"""SIGTERM as Ctrl-C, for commands that have something to end: processes that they started, or customers to erase."""

from __future__ import annotations

import signal


def sigterm_as_ctrl_c() -> None:
    """From now on both raise KeyboardInterrupt, which asyncio turns into a cancellation; SIGINT also in a shell's
    background job, which is started without it, so that SIGTERM would have no effect.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda number, frame: signal.raise_signal(signal.SIGINT))
