"""The production server: granian, WSGI, four blocking threads a worker.

Chosen by measurement: the cheapest of the maintained servers, and the one that silent sockets do not stop
(facts/speed.md 1). Workers share nothing but the database.
"""

from __future__ import annotations

import os

from flask import Flask

THREADS = 4


def line() -> Flask:
    """What each worker serves: the app from its environment, logging to standard error."""
    from ivr.web.app import create_app
    from ivr.web.logs import log_to_stderr

    log_to_stderr()
    return create_app()


def serve(host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT, then let the calls being answered finish."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    os.environ.setdefault("IVR_PUBLIC_URL", f"http://{host}:{port}")
    Granian(
        "ivr.web.server:line",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=workers,
        blocking_threads=THREADS,
        websockets=False,
        log_level=LogLevels.warning,
        workers_kill_timeout=20,
        respawn_failed_workers=True,
    ).serve()
