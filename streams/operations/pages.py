"""The three pages of a worker, on a thread of their own: they answer even when the event loop does not.

/healthz   200 while it is a member of its group and gets on: its loop turns, a unit works. Restart it otherwise.
/readyz    200 once it is assigned and everything that it owns is restored and works, none of it waits for a broker.
           Count on it only then.
/metrics   for Prometheus
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import ThreadingHTTPServer

from prometheus_client import MetricsHandler

from schemas.errors import Failure, UsageError
from streams.kafka.membership import MEMBER_LIMIT_S
from streams.kafka.worker import Worker
from streams.operations.metrics import registry

TURN_LIMIT_S = 15.0  # the loop turns once a second; a checkpoint or a large batch may hold it
Answer = tuple[int, str]


def serve(worker: Worker, address: str) -> None:
    """Serves the pages at `[HOST:]PORT` until the process ends; raises Failure when the port is taken."""
    host, port = parse_address(address)
    handler = type("Pages", (_Pages,), {"routes": routes(worker), "registry": registry(worker.leases)})
    try:
        server = ThreadingHTTPServer((host, port), handler)
    except OSError as error:
        raise Failure(f"--http {address}: cannot listen there: {error.strerror or error}") from None
    threading.Thread(target=server.serve_forever, daemon=True, name="pages").start()


def parse_address(text: str) -> tuple[str, int]:
    """Host (the loopback when it is not named) and port; raises UsageError."""
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65_535:
        raise UsageError(f"--http {text!r}: expected [HOST:]PORT, as in 9100 or 0.0.0.0:9100")
    return host or "127.0.0.1", int(port)


def routes(worker: Worker) -> dict[str, Callable[[], Answer]]:
    """Path -> status and text."""
    return {"/healthz": lambda: healthy(worker, time.monotonic()), "/readyz": lambda: is_ready(worker)}


def healthy(worker: Worker, now: float) -> Answer:
    """Whether the worker is a member of its group and gets on."""
    still_s, away_s, given_up = now - worker.turned_at, now - worker.leases.member_at, worker.leases.given_up
    if still_s > TURN_LIMIT_S:
        return 503, f"the event loop has not turned for {still_s:.0f} s\n"
    why = f"{worker.outage.why}; a restart does not help\n" if worker.outage.why else ""
    if away_s > MEMBER_LIMIT_S:
        away = f"no member of the group {worker.settings.group} for {away_s:.0f} s"
        return 503, f"{away}: {why}" if why else f"{away}\n"
    if given_up and not worker.leases.ready:
        return 503, why + "".join(f"{one}\n" for one in given_up)
    return 200, "gets on\n"


def is_ready(worker: Worker) -> Answer:
    """Whether all that this worker owns is restored."""
    leases = list(worker.leases.all.values())
    waiting = [lease.name for lease in leases if not lease.ready]
    if worker.leases.generation is None:
        return 503, "not assigned yet\n"
    away = [worker.outage.why] if worker.outage.why else []
    leaderless = [f"{lease.name}: {alert.text}" for lease in leases for alert in lease.leaderless]
    if wrong := [*away, *worker.leases.given_up, *leaderless]:
        return 503, "".join(f"{one}\n" for one in wrong)
    if worker.leases.rebalancing or waiting:
        return 503, f"restoring {', '.join(waiting) or 'after a rebalance'}\n"
    return 200, f"owns {', '.join(lease.name for lease in leases) or 'nothing: there are more workers than units'}\n"


class _Pages(MetricsHandler):
    routes: dict[str, Callable[[], Answer]]

    def do_GET(self) -> None:
        """One page."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            return super().do_GET()
        status, text = self.routes.get(path, lambda: (404, "/healthz, /readyz, /metrics\n"))()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())
