"""The processes of a line that was started by `ivr serve`, as the kernel lists them."""

from __future__ import annotations

import subprocess
from pathlib import Path


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The web processes that this one has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == process.pid and b"spawn_main" in stat.with_name("cmdline").read_bytes():
                found.append(int(stat.parent.name))
        except OSError:
            continue
    return sorted(found)
