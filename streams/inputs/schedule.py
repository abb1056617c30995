"""The instants at which a partition stops: sweeps, observations, labels, midnights. All fixed in event time."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.instants import DAY_US, MONDAY_US, WEEK_US

AGENDA_US = DAY_US // 96  # a quarter of an hour: deadlines and retries lie on its multiples, as time zones do


@dataclass(frozen=True, slots=True)
class Schedule:
    """Observations are made on Mondays 00:00 UTC and labelled a horizon later."""

    sweep_every_us: int
    horizon_us: int

    def next_stop(self, now_us: int) -> int:
        """The first stop after `now_us`. Midnight is one, since ids for deduplication are kept by the day."""
        return min(
            _next_multiple(now_us, self.sweep_every_us),
            _next_multiple(now_us, DAY_US),
            next_grid(now_us),
            next_grid(now_us - self.horizon_us) + self.horizon_us,
        )

    def is_sweep(self, at_us: int) -> bool:
        """Whether all active customers are scored again at `at_us`; a grid instant is always a sweep."""
        return at_us % self.sweep_every_us == 0 or is_grid(at_us)

    def matured_grid(self, at_us: int) -> int | None:
        """The grid instant whose observations are labelled at `at_us`, None: none."""
        grid_us = at_us - self.horizon_us
        return grid_us if is_grid(grid_us) else None


def is_grid(at_us: int) -> bool:
    """Whether customers are observed for learning at `at_us`."""
    return (at_us - MONDAY_US) % WEEK_US == 0


def next_grid(now_us: int) -> int:
    """The first grid instant after `now_us`."""
    return _next_multiple(now_us - MONDAY_US, WEEK_US) + MONDAY_US


def grid_at_or_after(at_us: int) -> int:
    """The grid instant whose model is the first that has learned what matured at `at_us`."""
    return next_grid(at_us - 1)


def on_agenda(us: int) -> int:
    """`us` rounded up to a multiple of the agenda's quarter of an hour."""
    return -(-us // AGENDA_US) * AGENDA_US


def _next_multiple(now_us: int, step_us: int) -> int:
    return now_us // step_us * step_us + step_us
