"""What those on call have, asked every second: `keepline status`, the pages of both workers, and their logs."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.error import HTTPError
from urllib.request import urlopen

import orjson

from schemas.instants import SECOND_US, parse_instant
from streams.cli import main
from tests.faults.kinds import Fault
from tests.faults.stage import WORKERS, Stage

PROCESSES = multiprocessing.get_context("forkserver")  # an import takes longer than the command
PROCESSES.set_forkserver_preload(["streams.cli.status"])
PLACES = ("status", "healthz", "readyz", "metrics", "log")
PAGE_LIMIT_S, STATUS_LIMIT_S, EVERY_S = 3.0, 120.0, 1.0
OLD_S = 20.0  # a checkpoint a second and a frontier of some seconds are usual
LOUD = {"warning", "error", "critical"}
SAMPLE = re.compile(r"^keepline_(\w+?)(?:_total)?({.*})? (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Seen:
    """What was told at one place, for the first time. after_s: since the fault began."""

    place: str
    after_s: float
    text: str


@dataclass
class Answer:
    """What one run of `keepline status --json` has answered."""

    code: int
    problems: list[str]
    body: dict[str, object] | None
    began_at: float
    seconds: float


@dataclass
class Watch:
    """Runs from `begin` on; `seen` has what is told since the last `reset`, each sentence once."""

    stage: Stage
    show: bool = False  # each text as soon as it is told
    seen: list[Seen] = field(default_factory=list)
    status: Answer | None = None
    pages: dict[str, dict[str, tuple[int, str]]] = field(default_factory=dict)
    slowest_s: float = 0.0
    ended: bool = False
    _since: float = field(default_factory=time.monotonic)
    _known: set[tuple[str, str]] = field(default_factory=set)
    _read: dict[str, int] = field(default_factory=dict)

    async def run(self) -> None:
        """Until it is `ended`."""
        await asyncio.gather(self._every(self._ask_status), self._every(self._ask_pages), self._every(self._read_logs))

    def reset(self) -> None:
        """A fault begins now."""
        self._read_logs_now()
        self.seen, self._known, self._since, self.slowest_s = [], set(), time.monotonic(), 0.0

    def lacks(self, fault: Fault) -> list[str]:
        """Returns the patterns of a fault that nothing matches that was told."""
        wanted = [fault.told, *([fault.todo] if fault.todo else [])]
        return [one for one in wanted if not any(re.search(one, seen.text) for seen in self.seen)]

    def is_well(self, since: float, since_wall: float, leaves: str | None) -> bool:
        """Whether everything has been well in answers that were asked for after an instant (monotonic), and everything
        before it is applied. leaves: a pattern of problems that stay.
        """
        if self.status is None or self.status.body is None or self.status.began_at < since:
            return False
        if any(code != 200 for page in self.pages.values() for name, (code, _) in page.items() if name != "metrics"):
            return False
        if len(self.pages) < len(WORKERS) or _members(self.status) != len(WORKERS):
            return False
        stay = [one for one in self.status.problems if not (leaves and re.search(leaves, one))]
        return not stay and all(frontier > since_wall for frontier in _frontiers(self.status))

    async def _every(self, ask: object) -> None:
        while not self.ended:
            started = time.monotonic()
            await ask()  # type: ignore[operator]
            await asyncio.sleep(max(EVERY_S - (time.monotonic() - started), 0.05))

    async def _ask_status(self) -> None:
        self.status = answer = await asyncio.to_thread(ask_status, self.stage)
        self.slowest_s = max(self.slowest_s, answer.seconds)
        for problem in answer.problems:
            self._note("status", f"exit {answer.code}: {problem}", answer.began_at + answer.seconds)

    async def _ask_pages(self) -> None:
        for worker, port in self.stage.pages.items():
            found = {name: await asyncio.to_thread(ask_page, port, name) for name in ("healthz", "readyz", "metrics")}
            self.pages[worker] = found
            for name in ("healthz", "readyz"):
                code, text = found[name]
                for line in text.splitlines() if code != 200 else ():
                    self._note(name, f"{code or 'no answer'}: {line}" if code else line)
            for signal in signals(*found["metrics"]):
                self._note("metrics", signal)

    async def _read_logs(self) -> None:
        for line in self._read_logs_now():
            self._note("log", line)

    def _read_logs_now(self) -> list[str]:
        lines = []
        for worker in WORKERS:
            path = self.stage.log(worker)
            data = path.read_bytes()[self._read.get(worker, 0) :] if path.exists() else b""
            whole, end, _ = data.rpartition(b"\n")
            self._read[worker] = self._read.get(worker, 0) + len(whole) + len(end)
            lines += [said for line in whole.splitlines() if (said := loud(line))]
        return lines

    def _note(self, place: str, text: str, at: float | None = None) -> None:
        alike = place, re.sub(r"\d+", "#", text)
        if alike not in self._known:
            self._known.add(alike)
            self.seen.append(Seen(place, (at or time.monotonic()) - self._since, text))
            if self.show:
                print(f"  {self.seen[-1].after_s:6.1f} s {place:8} {text}", file=sys.stderr, flush=True)


def ask_status(stage: Stage) -> Answer:
    """Runs `keepline status --json` as those on call do, in a process of its own that has imported it already."""
    out, err, began = stage.folder / "status.out", stage.folder / "status.err", time.monotonic()
    process = PROCESSES.Process(target=_status, args=(stage.environment, str(out), str(err)), daemon=True)
    process.start()
    process.join(STATUS_LIMIT_S)
    if process.exitcode is None:
        process.kill()
        process.join()
        return Answer(-1, [f"no answer in {STATUS_LIMIT_S:.0f} s"], None, began, STATUS_LIMIT_S)
    body = None
    with suppress(orjson.JSONDecodeError):
        body = orjson.loads(out.read_bytes())
    said = [line.removeprefix("keepline: ") for line in err.read_text().splitlines()]
    return Answer(process.exitcode, said, body, began, time.monotonic() - began)


def _status(environment: dict[str, str], out: str, err: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for path, number in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.exit(main(["status", "--json"]))


def ask_page(port: int, name: str) -> tuple[int, str]:
    """Returns the code and text of a page; code 0: there was no answer."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/{name}", timeout=PAGE_LIMIT_S) as page:
            return page.status, page.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, "no answer"


def signals(code: int, text: str) -> Iterator[str]:
    """Yields the metrics that on-call would be paged for."""
    if code != 200:
        yield "no answer (`up` is 0)"
        return
    now = time.time()
    for name, labels, number in SAMPLE.findall(text):
        value = float(number)
        if name in ("unit_given_up", "alert") and value > 0:
            yield f"`{name}{labels}`"
        elif name == "unit_ready" and value == 0:
            yield f"`{name}{labels}` is 0"
        elif name == "frontier_age_seconds_worst" and value > OLD_S:
            yield f"`{name}` above {OLD_S:.0f}"
        elif name == "last_checkpoint_timestamp_seconds" and "engine" in labels and now - value > OLD_S:
            yield f"`{name}{labels}` older than {OLD_S:.0f} s"
        elif name == "away_seconds" and value > OLD_S:
            yield f"`{name}` above {OLD_S:.0f}"


def loud(line: bytes) -> str | None:
    """Returns the message of a line of log that is a warning or worse; of a line that is no JSON, the line."""
    try:
        body = orjson.loads(line)
    except orjson.JSONDecodeError:
        return line.decode(errors="replace").strip() or None
    return str(body["message"]) if body["level"] in LOUD else None


def _members(answer: Answer) -> object:
    return (answer.body or {}).get("members")


def _frontiers(answer: Answer) -> Sequence[float]:
    units: object = (answer.body or {}).get("units")
    engines = [one for one in units if one["unit"].startswith("engine-")] if isinstance(units, list) else []
    return [parse_instant(one["frontier"]) / SECOND_US if one["frontier"] else 0.0 for one in engines] or [0.0]
