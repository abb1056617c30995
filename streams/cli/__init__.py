"""The command line: one module a command, imported only when it is called.

A command module has `configure(parser)` for its options and example, and `run(args) -> int` for its exit code. Wrong
use (`UsageError`) ends with 2, other failures (`Failure`) with 1, each with one line on standard error.
To add a command, write `streams/cli/<name>.py` and enter it in COMMANDS.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from schemas.errors import Failure, UsageError
from schemas.printable import printable

# one worker uses one core: BLAS threads would only compete with other workers; must be set before NumPy's import
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

COMMANDS = {
    # name: (module, help)
    "topics": ("streams.cli.topics", "create the topics, or check those that exist"),
    "validate": ("streams.cli.validate", "check files: which rows would be refused, and why; nothing is sent"),
    "publish": ("streams.cli.publish", "send files to the topics in event-time order"),
    "backfill": ("streams.cli.backfill", "work off history before live workers start, so that they have a model"),
    "repartition": ("streams.cli.repartition", "copy history into new topics with another number of partitions"),
    "publishers": (
        "streams.cli.publishers",
        "show how good what each producer sends is, or wait no longer for one that has left",
    ),
    "worker": ("streams.cli.worker", "score events from Kafka in real time"),
    "replay": ("streams.cli.replay", "run the worker's engine over files, without a broker"),
    "evaluate": ("streams.cli.evaluate", "evaluate the predictions of a replay against baselines"),
    "report": ("streams.cli.report", "report what was saved and what it cost, on pages that print"),
    "profile": ("streams.cli.profile", "check whether a policy profile fits the log of a replay"),
    "schemas": ("streams.cli.schemas", "export JSON Schemas and AsyncAPI of all messages"),
    "status": ("streams.cli.status", "show lag, frontier (watermark), last checkpoint and model of a group of workers"),
    "capacity": ("streams.cli.capacity", "say how many partitions, workers and how much memory a load needs"),
    "monitoring": ("streams.cli.monitoring", "write alert rules for Prometheus and dashboards for Grafana"),
    "dead-letters": ("streams.cli.dead_letters", "count and show refused records, and send them again after a fix"),
    "lag": ("streams.cli.lag", "say in one line and an exit code how late a group of workers is, for scripts"),
    "probe": ("streams.cli.probe", "send an event to each partition and wait for its score: the round trip"),
    "cases": ("streams.cli.cases", "list open cases by expected net value with their deadlines, or show one case"),
    "console": ("streams.cli.console", "serve the work list, cases and customers as live pages in a browser"),
    "erase": ("streams.cli.erase", "erase a customer: end cases, touches and scores at once"),
    "models": ("streams.cli.models", "list and compare versions of the model, roll back, promote"),
    "simulate": ("streams.cli.simulate", "write the events of a simulated city"),
    "demo": ("streams.cli.demo", "run a simulated city from events to cases, in minutes"),
}
FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130


class Parser(argparse.ArgumentParser):
    """Reports wrong use in one line, like every other error. Options are not abbreviated: a script that does would
    mean another option one day.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        """Raises UsageError instead of printing the usage."""
        raise UsageError(f"{message}; see `{self.prog} --help`")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    logging.basicConfig(handlers=[Complaints()])
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
    except Exception as error:  # what nobody thought of
        return _print_bug(error)


def _run(argv: list[str]) -> int:
    # listing the commands imports none: only the called command configures its options
    parser = Parser("keepline", description="Scores every customer's risk of leaving in real time.")
    parser.add_argument("--version", action="version", version=f"keepline {version('keepline')}")
    commands = parser.add_subparsers(metavar="command", required=True)
    called = argv[0] if argv else None
    for name, (path, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name == called:
            module = import_module(path)
            module.configure(command)
            command.set_defaults(run=module.run, words=argv)
    args = parser.parse_args(argv)
    code: int = args.run(args)
    return code


class Complaints(logging.Handler):
    """What Keepline's modules warn of while a command runs: one line each. `keepline worker` sets up a log instead."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.addFilter(logging.Filter("keepline"))

    def emit(self, record: logging.LogRecord) -> None:
        """Prints the line."""
        complain(record.getMessage())


def complain(text: object) -> None:
    """Prints one line on standard error."""
    print("keepline:", printable(" ".join(str(text).split())), file=sys.stderr)


def _print_error(error: Exception, code: int) -> int:
    complain(error)
    return code


def _print_bug(error: Exception) -> int:
    """Says where to look; the traceback, which may show data of customers, only where it is asked for."""
    if os.environ.get("KEEPLINE_TRACEBACK"):
        traceback.print_exception(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name} line {last.lineno}"
    complain(f"{type(error).__name__} in {place}: {error}; this is a bug of Keepline: KEEPLINE_TRACEBACK=1 shows more")
    return FAILED
