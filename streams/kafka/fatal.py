"""The one way in which a worker ends when something is wrong: at once, with one line, so that nothing is
written any more.
"""

from __future__ import annotations

import logging
import os
from typing import NoReturn

EXIT_RESTART = 70  # a supervisor starts the worker again; the state says where it goes on

log = logging.getLogger("keepline.worker")


def halt(reason: str) -> NoReturn:
    """Ends the process without cleaning up: an atexit, a finally or another thread could still send
    something.
    """
    log.critical("the worker ends itself: %s", reason)
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(EXIT_RESTART)
