"""The production server: granian, WSGI, four blocking threads a worker.

Chosen by measurement: the cheapest of the maintained servers, and the one that silent sockets do not stop
(facts/speed.md 1). Workers share nothing but the database.
"""

from __future__ import annotations

import http.client
import multiprocessing
import threading
import time
from collections.abc import Callable

from flask import Flask

from ivr.web.door import closes_at_a_sign, first_the_door
from ivr.worker import Worker

THREADS = 4
LONGEST_STOP = 18
"""Seconds after which a web process that does not end is killed: every webhook is over, and 20 s are the bar."""

PATIENCE = 0.05
"""Seconds between two looks at whether the workers answer yet."""


def line() -> Flask:
    """What each worker serves: the app from its environment, logging to standard error."""
    from ivr.settings import settings
    from ivr.web.app import create_app
    from ivr.web.logs import log_to_stderr

    closes_at_a_sign()
    log_to_stderr()
    found = settings()
    app = create_app(found)
    for worker in workers_of(app) if found.worker else ():
        worker.start()
    return app


def workers_of(app: Flask) -> tuple[Worker, ...]:
    """Who does what is done between calls; not started yet."""
    return tuple(Worker(app.extensions[name]) for name in ("ivr.rounds", "ivr.slow-rounds"))


def serve(host: str, port: int, workers: int, announce: Callable[[], None], app: str = "ivr.web.server:line") -> None:
    """Serve until SIGTERM or SIGINT, then let the calls being answered finish; `announce` when it answers.

    `app` is what each worker makes, « module:function ».
    """
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    multiprocessing.set_start_method("spawn", force=True)  # a fork of a process with threads may never wake up
    server = Granian(
        app,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=workers,
        blocking_threads=THREADS,
        websockets=False,
        log_level=LogLevels.warning,
        workers_kill_timeout=LONGEST_STOP,
        respawn_failed_workers=True,
    )
    server.on_startup(first_the_door)
    server.on_startup(lambda: threading.Thread(target=_announced, args=(host, port, announce), daemon=True).start())
    server.serve()


def _announced(host: str, port: int, announce: Callable[[], None]) -> None:
    """Announce the line once it answers, not before: who calls at that word is served."""
    while not _answers(host, port):
        time.sleep(PATIENCE)
    announce()


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
