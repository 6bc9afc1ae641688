"""Logs: one JSON object a line on standard error. No digits, no numbers, no addresses: whoever logs masks first."""

from __future__ import annotations

import json
import logging
import sys
import time
from functools import lru_cache

_JSON = json.JSONEncoder(ensure_ascii=False, default=str)
_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """A record as one JSON object: time in UTC, level, logger, message, what `extra` brought, the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without line breaks: nobody can write a second entry into the first."""
        said: dict[str, object] = {
            "at": f"{_second(int(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        said.update({name: value for name, value in record.__dict__.items() if name not in _OWN})
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
        return _JSON.encode(said)


@lru_cache(maxsize=1)
def _second(epoch: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(epoch))


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send this process's logs to standard error, as JSON lines; what they do not say is not looked up either."""
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("alembic", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
