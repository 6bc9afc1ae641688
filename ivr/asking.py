"""The limits that third parties' clients leave open: on an answer's size, and on what they log.

Who speaks to another machine (OVH, Twilio, a desk of people) takes it from here. It stands beside the rooms, in the
lowest row; apart from `ivr.bounds`, so that who speaks to nobody is spared the client. It must not know them.
"""

from __future__ import annotations

import logging
from io import BytesIO
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, ReadTimeoutError

MOST_BYTES = 1_000_000
"""An answer longer than this is none of the ones we ask for."""


class BoundedAdapter(HTTPAdapter):
    """Reads every answer whole and at once, and never more than a megabyte of it. Mount it on a requests.Session."""

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        """The answer to one request, in memory. Raises requests.RequestException."""
        response = super().send(*args, **{**kwargs, "stream": True})
        try:
            body = response.raw.read(MOST_BYTES + 1, decode_content=True)
        except ReadTimeoutError as error:
            raise requests.ReadTimeout(error) from error
        except HTTPError as error:
            raise requests.ConnectionError(error) from error
        original, response.raw = response.raw, BytesIO(body)
        if len(body) > MOST_BYTES:
            original.close()
            raise requests.exceptions.ContentDecodingError("the answer is longer than a megabyte")
        return response


def bound(session: requests.Session) -> None:
    """Let the session read no endless answer, over TLS or not, and log no address that it asks.

    Addresses of OVH and Twilio hold telephone numbers, and urllib3 writes each into its log at the level DEBUG.
    """
    logging.getLogger("urllib3.connectionpool").setLevel(logging.WARNING)
    for scheme in ("https://", "http://"):
        session.mount(scheme, BoundedAdapter())


def was_never_sent(error: object) -> bool:
    """Whether a requests exception says that no connection was made, so that nothing can have been done."""
    match error:
        case requests.ConnectTimeout() | requests.exceptions.SSLError():
            return True
        case requests.ConnectionError(args=(MaxRetryError(reason=NewConnectionError()),)):
            return True
        case _:
            return False
