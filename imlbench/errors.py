"""The errors of imlbench: one for what the user can mend, one for what befalls a single sample."""

from __future__ import annotations

from enum import StrEnum


class UserError(Exception):
    """Something the user asked for cannot be done; the message is one line that says what to do.

    The command line prints it and exits with code 2.
    """


class Reason(StrEnum):
    """Why a sample has no result. Stored with the sample and counted in every report."""

    MISSING_FILE = "missing-file"
    MISSING_PARTNER = "missing-partner"
    DOUBLE_MATCH = "double-match"
    OUTSIDE_ROOT = "outside-root"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too-large"
    SIZE_MISMATCH = "size-mismatch"
    NO_ORIGINAL = "no-original"
    NO_INSTRUCTION = "no-instruction"
    ADAPTER_ERROR = "adapter-error"
    BAD_MAP = "bad-map"


class SampleError(Exception):
    """One sample cannot be scored; the run goes on and records the reason.

    Args:
        reason: the class of the failure, for counting.
        message: one line for people: what was expected, what was found.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = one_line(message)


def one_line(text: object, limit: int = 500) -> str:
    """`text` on one line, without control characters, at most `limit` characters."""
    flat = " ".join(str(text).split())
    flat = "".join(character if character.isprintable() else "?" for character in flat)
    return flat if len(flat) <= limit else flat[: limit - 3] + "..."
