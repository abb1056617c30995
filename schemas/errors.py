"""The exceptions with which a command ends. Any other exception is a defect and ends with a traceback."""

from __future__ import annotations


class UsageError(Exception):
    """The command line, a file or a setting is wrong and the user can correct it (exit code 2)."""


class Failure(Exception):
    """The command is correct, but its work failed (exit code 1)."""


class NewerRecord(Failure):
    """A record of ours that only a newer release can read."""
