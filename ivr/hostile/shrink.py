"""The shortest list that still fails: delta debugging (Zeller, Hildebrandt, « Simplifying and Isolating », 2002).

It knows nothing of what the list holds, nor why it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Fails = Callable[[Sequence[str]], bool]

FEW = 9
"""Lines of which every stretch is tried: taking out one line of a way alone leads astray, the whole way may not."""


def shrunk(lines: Sequence[str], fails: Fails, most: int = 500) -> list[str]:
    """The lines that are left when no one of them can be taken out, nor of a few any stretch; or after `most` trials.

    `fails` says whether a list still does; `lines` do.
    """
    trials = 0

    def still(left: list[str]) -> bool:
        nonlocal trials
        trials += 1
        return trials <= most and fails(left)

    kept, size = list(lines), max(len(lines) // 2, 1)
    while kept and trials < most:
        fewer = _without_pieces(kept, size, still)
        if size == 1 and len(fewer) == len(kept):
            return _without_stretches(kept, still) if len(kept) <= FEW else kept
        kept, size = fewer, max(size // 2, 1)
    return kept


def _without_pieces(lines: list[str], size: int, still: Callable[[list[str]], bool]) -> list[str]:
    """What is left when each piece of this size is tried, one after the other."""
    kept, at = lines, 0
    while at < len(kept):
        fewer = kept[:at] + kept[at + size :]
        if still(fewer):
            kept = fewer
        else:
            at += size
    return kept


def _without_stretches(lines: list[str], still: Callable[[list[str]], bool]) -> list[str]:
    """What is left without the longest stretch that can be taken out; then again."""
    for size in range(len(lines) - 1, 1, -1):
        for at in range(len(lines) - size + 1):
            fewer = lines[:at] + lines[at + size :]
            if still(fewer):
                return _without_stretches(fewer, still)
    return lines
