"""How a call ended, from what the script said and what the carrier reports: pure, and the same in whatever order.

Status callbacks come in any order, twice, late or not at all (facts/twilio.md 5, facts/reliability.md F4, B14). Only
final ones count. Of two that contradict each other the higher in rank stands, of two that are alike the earlier: that
is a maximum, so neither their order nor how often they come matters, and a record never goes back.
"""

from __future__ import annotations

from dataclasses import dataclass

CUT = "cut"
"""The disposition of a call that ended from outside: the script had not ended it."""

ABANDONED = "abandoned"
"""The disposition of a call that the line itself ended, because nobody pressed anything any more."""

SWEPT = "swept"
"""The status of a call whose final status never came; any status of the carrier takes its place."""

RANK = {status: rank for rank, status in enumerate((SWEPT, "canceled", "no-answer", "busy", "failed", "completed"))}
"""Final statuses, the one that says that most has happened last (twilio.com/docs/voice/twiml, CallStatus)."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of a call: its final status, and when we heard of it (seconds since the epoch)."""

    status: str
    at: float


def end(status: str, at: float) -> End | None:
    """The end that a status reports; None for one that is not final, or that no carrier sends."""
    return End(status, at) if status in RANK and status != SWEPT else None


def later(one: End | None, other: End | None) -> End | None:
    """The end that stands when both were heard of; None while the call goes on."""
    known = [each for each in (one, other) if each is not None]
    return max(known, key=lambda each: (RANK[each.status], -each.at), default=None)


def disposition_at_end(said: str, reported: End | None) -> str:
    """How the call ended: what the script said, else « cut » once it has ended; empty while it goes on."""
    return said or (CUT if reported is not None else "")
