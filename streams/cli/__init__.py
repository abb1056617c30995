"""The command line: one module a command, imported only when it is called.

A command module has `configure(parser)` for its options and example, and `run(args) -> int` for its exit code. Wrong
use (`UsageError`) ends with 2, other failures (`Failure`) with 1, each with one line on standard error.
To add a command, write `streams/cli/<name>.py` and enter it in COMMANDS.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from schemas.errors import Failure, UsageError

# one worker uses one core: BLAS threads would only compete with other workers; must be set before NumPy's import
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

COMMANDS = {
    # name: (module, help)
    "topics": ("streams.cli.topics", "create the topics, or check those that exist"),
    "validate": ("streams.cli.validate", "name the rows of files that would be refused, before anything is sent"),
    "publish": ("streams.cli.publish", "send files to the topics in event-time order"),
    "publishers": ("streams.cli.publishers", "let a producer go that is silent for good"),
    "worker": ("streams.cli.worker", "score events from Kafka in real time"),
    "replay": ("streams.cli.replay", "run the worker's engine over files, without a broker"),
    "evaluate": ("streams.cli.evaluate", "evaluate the predictions of a replay against baselines"),
    "schemas": ("streams.cli.schemas", "export JSON Schemas and AsyncAPI of all messages"),
    "status": ("streams.cli.status", "show lag, frontier, last checkpoint and model of a group of workers"),
    "cases": ("streams.cli.cases", "list open cases by expected net value with their deadlines, or show one case"),
    "models": ("streams.cli.models", "list and compare served versions, roll back, promote"),
    "simulate": ("streams.cli.simulate", "write the events of a simulated city"),
    "demo": ("streams.cli.demo", "run a simulated city from events to cases, in minutes"),
}
FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130


class Parser(argparse.ArgumentParser):
    """Reports wrong use in one line, like every other error."""

    def error(self, message: str) -> NoReturn:
        """Raises UsageError instead of printing the usage."""
        raise UsageError(f"{message}; see `{self.prog} --help`")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    try:
        code = _run(sys.argv[1:] if argv is None else list(argv))
        sys.stdout.flush()  # here, not at exit, where a broken pipe prints a traceback
        return code
    except UsageError as error:
        return _print_error(error, WRONG_USE)
    except Failure as error:
        return _print_error(error, FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `keepline status | head`: the reader has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:  # no such file, no permission, disk full
        return _print_error(error, FAILED)


def _run(argv: list[str]) -> int:
    # listing the commands imports none: only the called command configures its options
    parser = Parser("keepline", description="Scores every customer's risk of leaving in real time.")
    commands = parser.add_subparsers(metavar="command", required=True)
    called = argv[0] if argv else None
    for name, (path, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name == called:
            module = import_module(path)
            module.configure(command)
            command.set_defaults(run=module.run)
    args = parser.parse_args(argv)
    code: int = args.run(args)
    return code


def _print_error(error: Exception, code: int) -> int:
    print("keepline:", " ".join(str(error).split()), file=sys.stderr)
    return code
