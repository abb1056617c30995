"""How a worker ends after an error: at once, with one line of log, so that nothing more is written."""

from __future__ import annotations

import logging
import os
from typing import NoReturn

EXIT_FAILED = 1  # the cause lies outside of this process, as with a Failure of any command
EXIT_RESTART = 70  # a supervisor starts the worker again; it reads on from the position in its state

log = logging.getLogger("keepline.worker")


def halt(reason: str, code: int = EXIT_RESTART) -> NoReturn:
    """Ends the process without cleanup: an atexit hook, a finally block or another thread could still send."""
    log.critical("the worker ends itself: %s", reason)
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(code)
