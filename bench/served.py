"""Apps on the line's own server, in processes of their own: what they cost is read from the system's books.

`python -m bench.served bench.lines:bare_line 8000 1` is what `served` starts.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.torture.processes import family

READY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Served:
    """An app that is served. `pid` is the first of its processes, `seconds` how long it took until it answered."""

    port: int
    pid: int
    seconds: float

    def cpu(self) -> float:
        """Seconds of CPU that all its processes have used so far, for themselves and in the kernel."""
        ticks = sum(sum(map(int, _stat(pid)[13:15])) for pid in self.processes())
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Megabytes of the largest of its processes: what it shares with others counted in part (PSS)."""
        return max(_pss(pid) for pid in self.processes())

    def processes(self) -> list[int]:
        """Every process of it."""
        return family(self.pid)


@contextmanager
def served(app: str, environment: Mapping[str, str], workers: int = 1) -> Iterator[Served]:
    """Serve « module:function » with these settings until the block ends.

    Raises RuntimeError when it does not answer within a minute.
    """
    import time

    port = _free_port()
    command = [sys.executable, "-m", "bench.served", app, str(port), str(workers)]
    begun = time.perf_counter()
    server = subprocess.Popen(  # noqa: S603 - ourselves
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    try:
        if server.stdout is None or not server.stdout.readline():
            raise RuntimeError(f"{app} does not answer")
        yield Served(port, server.pid, time.perf_counter() - begun)
    finally:
        server.terminate()
        server.wait(READY_SECONDS)
        if server.stdout:
            server.stdout.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _stat(pid: int) -> list[str]:
    """The fields of proc(5) stat; the name of the program, which may hold blanks, as one."""
    before, _, after = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    return [*before.split("(", 1), *after.split()]


def _pss(pid: int) -> float:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    line = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    from ivr.web.server import serve

    serve("127.0.0.1", int(sys.argv[2]), int(sys.argv[3]), lambda: print("ready", flush=True), sys.argv[1])
