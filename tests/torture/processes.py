"""Processes and those that they have started, as the kernel lists them; and their end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def family(process: int) -> list[int]:
    """A process, the ones that it has started, and theirs, by their numbers; none of one that has ended."""
    found: list[int] = []
    with suppress(OSError):
        tasks = [file.read_text().split() for file in Path(f"/proc/{process}/task").glob("*/children")]
        found = [process, *(one for children in tasks for child in children for one in family(int(child)))]
    return found


def kill(processes: Iterable[int]) -> None:
    """End them at once, those of them that are left."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
