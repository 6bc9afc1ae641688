"""The shortest list that still fails: delta debugging (Zeller, Hildebrandt, « Simplifying and Isolating », 2002).

It knows nothing of what the list holds, nor why it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Fails = Callable[[Sequence[str]], bool]


def shrunk(lines: Sequence[str], fails: Fails, most: int = 500) -> list[str]:
    """The lines that are left when no one of them can be taken out; after `most` trials, what is left by then.

    `fails` says whether a list still does; `lines` do.
    """
    kept, size, trials = list(lines), max(len(lines) // 2, 1), 0
    while kept and trials < most:
        at, before = 0, len(kept)
        while at < len(kept) and trials < most:
            fewer = kept[:at] + kept[at + size :]
            trials += 1
            if fails(fewer):
                kept = fewer
            else:
                at += size
        if size == 1 and len(kept) == before:
            break
        size = max(size // 2, 1)
    return kept
