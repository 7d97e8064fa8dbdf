"""How long a server that is busy, or a network that is down, is asked again."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from .errors import UnavailableError

LONGEST_PAUSE_SECONDS = 30
LONGEST_WAIT_SECONDS = 900  # that a server may ask for
TEMPORARY_STATUSES = {408, 429, 500, 502, 503, 504}


class TemporaryError(Exception):
    """What failed may go well later: not before `wait_seconds`, where the server has named a time."""

    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        """Say what happened."""
        super().__init__(message)
        self.wait_seconds = wait_seconds


def busy(status: int, reason: str, headers: Mapping[str, str]) -> TemporaryError:
    """Return the error of an answer with one of TEMPORARY_STATUSES."""
    return TemporaryError(f"the server answered {status} {reason}", retry_after(headers))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait (RFC 9110, Retry-After: a number or a date)."""
    text = headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


class Patience:
    """Counts the attempts at one thing that brought nothing, and waits between them."""

    def __init__(self, attempts: int) -> None:
        """Give up after so many in a row."""
        self._attempts = attempts
        self._failures = 0

    def wait_after(self, error: Exception, message: str, *, has_got_on: bool = False) -> None:
        """Wait before the next attempt; raise UnavailableError with the message where there is to be none."""
        self._failures = 1 if has_got_on else self._failures + 1
        asked = error.wait_seconds if isinstance(error, TemporaryError) else None
        if self._failures >= self._attempts:
            raise UnavailableError(message) from error
        if asked is not None and asked > LONGEST_WAIT_SECONDS:
            raise UnavailableError(f"{message}; it asks to wait {asked:.0f} s, run this again then") from error
        time.sleep(min(2.0 ** (self._failures - 1), LONGEST_PAUSE_SECONDS) if asked is None else asked)
