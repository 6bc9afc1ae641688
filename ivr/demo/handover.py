"""The support team's webhook on loopback: it checks who posts, drops twins, and keeps what it is told.

It must not know who posts: it reads the signature by its own description (`X-IVR-Signature: t=<seconds>,v1=<hex>`,
HMAC-SHA256 of « t.body »). What goes wrong is `Loopback.faults`, by the operation « post ».
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from typing import Any

from ivr.demo.loopback import Loopback, Reply, Request, reply

SECRET = b"demo-handover-secret-of-nobody-at-all"
"""Of nobody's team."""

PATH = "/handover"

_SIGNATURE = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})", re.ASCII)
_STALE = 300.0
"""Seconds that a signature may be old, or ahead."""


class SupportTeam(Loopback):
    """The stand-in; `url` is what a client is given, `bodies` what was handed over, oldest first, `keys` theirs."""

    def __init__(
        self,
        port: int = 0,
        clock: Callable[[], float] = time.time,
        told: Callable[[dict[str, Any]], None] = lambda _body: None,
    ) -> None:
        super().__init__(port)
        self._clock, self._told = clock, told
        self.keys: list[str] = []
        self.bodies: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """Where handovers are posted."""
        return self.address + PATH

    def operation(self, request: Request) -> str:
        """Always « post »."""
        return "post"

    def answer(self, request: Request) -> Reply:
        """Taken; or not signed, not here, not readable."""
        key = request.headers.get("idempotency-key", "")
        if request.method != "POST" or request.path != PATH:
            return reply({"error": "not found"}, 404)
        if not self._is_signed(request):
            return reply({"error": "signature"}, 401)
        try:
            body = json.loads(request.body)
        except ValueError:
            return reply({"error": "no JSON"}, 400)
        if not key or not isinstance(body, dict):
            return reply({"error": "no key, or no object"}, 400)
        if key not in self.keys:
            self.keys.append(key)
            self.bodies.append(body)
            self._told(body)
        return reply({"status": "ok"})

    def _is_signed(self, request: Request) -> bool:
        found = _SIGNATURE.fullmatch(request.headers.get("x-ivr-signature", ""))
        if not found or abs(self._clock() - int(found[1])) > _STALE:
            return False
        right = hmac.digest(SECRET, found[1].encode() + b"." + request.body, hashlib.sha256).hex()
        return hmac.compare_digest(right, found[2])
