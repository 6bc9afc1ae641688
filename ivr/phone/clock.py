"""A clock that is moved by hand, which the phone and the line under test can share. Nothing here sleeps."""


class Clock:
    """A virtual clock. `now` is in seconds since 1970, UTC."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now

    def now(self) -> float:
        """Read the clock, in seconds since 1970, UTC."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass; a negative number raises ValueError."""
        if seconds < 0:
            raise ValueError(f"a clock cannot go back by {-seconds} s; use set() between two calls")
        self._now += seconds

    def set(self, now: float) -> None:
        """Move the clock, in seconds since 1970, UTC; between two calls."""
        self._now = now
