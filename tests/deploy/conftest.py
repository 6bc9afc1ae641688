"""nginx with the configuration that is shipped, on loopback. Where there is no nginx, what needs it is not tried."""

from __future__ import annotations

import shutil

import pytest

RUNS = shutil.which("nginx") is not None
collect_ignore_glob = [] if RUNS else ["test_nginx.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it when nothing was tried behind nginx."""
    if not RUNS:
        terminalreporter.write_line("tests/deploy/test_nginx.py: not run, there is no nginx here")
