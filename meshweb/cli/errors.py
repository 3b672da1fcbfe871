"""What ends a command: text for a person and an exit code."""

from __future__ import annotations

from meshweb.cli import FAILED, USAGE


class CliError(Exception):
    """Shown on stderr, one line per thing wrong."""

    code = FAILED


class UsageError(CliError):
    """The command line or a file named on it is wrong."""

    code = USAGE
