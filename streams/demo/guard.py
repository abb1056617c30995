"""Runs a program that must not outlive the process that started it, however that one ends, SIGKILL included.

    python -m streams.demo.guard FOLDER PROGRAM ARGUMENT...      FOLDER may be ""

Its standard input is a pipe from that process. When the pipe closes, it kills the program and removes the folder, if
there is one.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading


def main(folder: str, *command: str) -> int:
    """Returns the program's exit code; SIGTERM is passed on to it."""
    try:
        program = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        print(error.strerror, file=sys.stderr, flush=True)
        return 1
    signal.signal(signal.SIGTERM, lambda number, frame: program.terminate())
    closed = threading.Event()
    threading.Thread(target=_end_with_input, args=(program, closed), daemon=True).start()
    code = program.wait()
    if closed.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    return code


def _end_with_input(program: subprocess.Popen[bytes], closed: threading.Event) -> None:
    while os.read(0, 1):
        pass
    closed.set()
    program.kill()


if __name__ == "__main__":
    os._exit(main(*sys.argv[1:]) & 0xFF)  # at once: the thread still reads
