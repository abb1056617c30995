"""The two ways in which a command ends badly; everything else is a defect and ends with a traceback."""

from __future__ import annotations


class UsageError(Exception):
    """The command, a file or a setting is wrong: the caller can mend it (exit code 2)."""


class Failure(Exception):
    """The work could not be done although it was asked for correctly (exit code 1)."""
